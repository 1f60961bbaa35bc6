// The answer of GetRecords in CBOR 1.1, straight from the log's buffers into one buffer.
#pragma once

#include "base/bytes.h"
#include "streams/get.h"

namespace millstream::streams {

// Members in the model's order, as wire/cbor_encode.h would write them. Any thread.
Slice encode_get_records_cbor(const GetAnswer& answer);

}  // namespace millstream::streams
