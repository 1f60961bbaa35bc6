// libFuzzer: any bytes as the JSON of PutRecords or PutRecord, through both codecs.
#include "fuzz/put_request.h"
#include "streams/put_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream;
  fuzz::compare_put_codecs({data, size}, wire::Protocol::kJson11, streams::parse_put_records_json,
                           streams::parse_put_record_json);
  return 0;
}
