// PutRecord and PutRecords of any protocol and any spelling through wire/, and their answers:
// the general case behind the codecs of one protocol (put_json.h).
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "streams/put.h"
#include "streams/put_request.h"
#include "wire/operation.h"

namespace millstream::streams {

// AWS's errors for what is not a valid request. Any thread.
Result<PutRequest> decode_put_records(wire::Protocol protocol, const Slice& body);
Result<PutRequest> decode_put_record(wire::Protocol protocol, const Slice& body);

Result<Slice> encode_put_records(wire::Protocol protocol, PutOutcome& outcome);
Result<Slice> encode_put_record(wire::Protocol protocol, PutOutcome& outcome);

}  // namespace millstream::streams
