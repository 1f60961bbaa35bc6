// PutRecord and PutRecords in JSON without copies: the regular case only. What is irregular in
// any way (escapes, null, unknown or repeated members, bad values) is left to wire/, which
// decodes everything and knows AWS's errors: both give the same result.
#pragma once

#include "base/bytes.h"
#include "streams/put.h"
#include "streams/put_request.h"

namespace millstream::streams {

// False: irregular; `request` then holds anything. Any thread.
bool parse_put_records_json(const Slice& body, PutRequest& request);
bool parse_put_record_json(const Slice& body, PutRequest& request);

// The answers, members in the model's order, as wire/json_encode.h would write them.
Slice encode_put_records_json(PutOutcome& outcome);
Slice encode_put_record_json(PutOutcome& outcome);

}  // namespace millstream::streams
