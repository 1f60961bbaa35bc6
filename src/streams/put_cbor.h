// PutRecord and PutRecords in CBOR 1.1 without copies: the regular case only, as in put_json.h.
// Irregular are strings in parts, null, unknown or repeated members, bad values. What is regular
// means the same to wire/.
#pragma once

#include "base/bytes.h"
#include "streams/put.h"
#include "streams/put_request.h"

namespace millstream::streams {

// False: irregular; `request` then holds anything. Any thread.
bool parse_put_records_cbor(const Slice& body, PutRequest& request);
bool parse_put_record_cbor(const Slice& body, PutRequest& request);

// The answers, members in the model's order, as wire/cbor_encode.h would write them.
Slice encode_put_records_cbor(PutOutcome& outcome);
Slice encode_put_record_cbor(PutOutcome& outcome);

}  // namespace millstream::streams
