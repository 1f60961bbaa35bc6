// libFuzzer: GetRecords. An even first byte: any bytes as its JSON or (2) CBOR input. An odd one:
// records, each a key and data, whose answer the zero-copy encoders must write as the general one.
#include <simdjson.h>

#include "fuzz/fuzz_input.h"
#include "log/record.h"
#include "streams/get.h"
#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "wire/cbor_encode.h"
#include "wire/json_encode.h"

namespace {

using namespace millstream;
using namespace millstream::streams;

void decode_request(wire::Protocol protocol, std::string_view bytes) {
  const wire::Operation& operation = wire::kinesis::GetRecords::descriptor();
  wire::kinesis::GetRecordsInput input;
  (void)wire::decode_input(operation, protocol, Slice::copy_of(bytes), &input);
}

StoredBatch read_batch(fuzz::FuzzInput& input, Counter first) {
  StoredBatch batch{.first = first, .records = 0, .arrival_ms = 0, .body = {}};
  // Times of this and the next centuries, as a clock gives them.
  batch.arrival_ms = static_cast<TimeMs>(input.number() % 10'000'000'000'000);
  std::string body;
  for (size_t records = input.byte() % 5; records > 0; --records) {
    const std::string_view key = input.text();
    const std::string_view data = input.text();
    if (key.empty() || !simdjson::validate_utf8(key)) continue;  // as when they were put
    const size_t at = body.size();
    body.resize(at + stored_record_size(key.size(), data.size()));
    char* to = store_record_head(body.data() + at, key, data.size());
    std::ranges::copy(data, to);
    ++batch.records;
  }
  batch.body = Slice::copy_of(body);
  return batch;
}

void encode_answer(fuzz::FuzzInput input) {
  auto stream = std::make_shared<Stream>();
  stream->key = {"123456789012", "eu-west-1", "clicks"};
  for (uint32_t i = 0; i < 2; ++i) {
    Shard& shard = stream->shards.emplace_back();
    shard.index = input.byte();
    shard.created_s = 1'764'000'000;
    shard.last_hash_key = input.number();
    if (i == 1) shard.parent = input.byte();
  }
  GetAnswer answer;
  answer.stream = stream;
  answer.shard = stream->shards.data();
  answer.millis_behind_latest = static_cast<int64_t>(input.number() >> 1);
  if (input.byte() % 2 == 0) answer.next_iterator = "AAAA";
  if (input.byte() % 4 == 0) answer.children = {&stream->shards[0], &stream->shards[1]};
  Counter next = 0;
  while (!input.ended()) {
    next += input.number() >> 4;
    if (next >> 62 != 0) break;
    StoredBatch batch = read_batch(input, next);
    next += batch.records;
    if (batch.records > 0) answer.read.batches.push_back(std::move(batch));
  }
  const auto output = to_output(answer);
  MS_ASSERT(encode_get_records_json(answer).view() == wire::to_json(output));
  MS_ASSERT(encode_get_records_cbor(answer).view() == wire::to_cbor(output));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::FuzzInput input(data, size);
  const uint8_t choice = input.byte();
  if (choice % 2 == 1) {
    encode_answer(input);
  } else {
    decode_request(choice % 4 == 0 ? wire::Protocol::kJson11 : wire::Protocol::kCbor11,
                   input.rest());
  }
  return 0;
}
