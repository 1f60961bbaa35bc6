// libFuzzer: any bytes as the CBOR 1.1 of PutRecords or PutRecord, through both codecs.
#include "fuzz/put_request.h"
#include "streams/put_cbor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream;
  fuzz::compare_put_codecs({data, size}, wire::Protocol::kCbor11, streams::parse_put_records_cbor,
                           streams::parse_put_record_cbor);
  return 0;
}
