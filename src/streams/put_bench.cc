// Cost of the data plane on one core, without HTTP, signatures and the log:
//   put_bench [records a call] [bytes a record] [shards]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/base64.h"
#include "base/hash.h"
#include "log/record.h"
#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "streams/hash_key.h"
#include "streams/put.h"
#include "streams/put_cbor.h"
#include "streams/put_json.h"
#include "wire/cbor_encode.h"

namespace millstream::streams {
namespace {

using Steady = std::chrono::steady_clock;

// Runs `work` for a second; ns per one of `units` in each round.
template <class Work>
double measure(const char* what, size_t units, Work work) {
  for (int i = 0; i < 20; ++i) work();
  size_t rounds = 0;
  const auto start = Steady::now();
  auto now = start;
  while (now - start < std::chrono::seconds(1)) {
    for (int i = 0; i < 20; ++i) work();
    rounds += 20;
    now = Steady::now();
  }
  const double ns = std::chrono::duration<double, std::nano>(now - start).count();
  const double each = ns / static_cast<double>(rounds) / static_cast<double>(units);
  std::printf("%-48s %8.1f ns\n", what, each);
  return each;
}

std::shared_ptr<const Stream> even_stream(uint32_t shards) {
  auto stream = std::make_shared<Stream>();
  stream->key = {"123456789012", "eu-west-1", "bench"};
  stream->status = StreamStatus::kActive;
  const HashKey width = kMaxHashKey / shards;
  for (uint32_t i = 0; i < shards; ++i) {
    stream->shards.push_back({.index = i,
                              .log_id = static_cast<ShardId>(i + 1),
                              .first_hash_key = width * i,
                              .last_hash_key = i + 1 == shards ? kMaxHashKey : width * (i + 1) - 1,
                              .created_s = 1'764'000'000});
  }
  stream->index_open_shards();
  return stream;
}

Slice make_body(size_t records, size_t bytes) {
  std::mt19937_64 random(1);
  std::string body = R"({"StreamName":"bench","Records":[)";
  for (size_t i = 0; i < records; ++i) {
    std::string data(bytes, ' ');
    for (char& c : data) c = static_cast<char>(random());
    body += fmt::format(R"({{"Data":"{}","PartitionKey":"key-{:08}"}},)", base64_encode(data),
                        random() % 100'000'000);
  }
  body.back() = ']';
  body += '}';
  return Slice::copy_of(body);
}

Slice make_cbor_body(size_t records, size_t bytes) {
  std::mt19937_64 random(1);
  std::string body(1, wire::kCborStructure);
  wire::append_cbor_text(body, "StreamName");
  wire::append_cbor_text(body, "bench");
  wire::append_cbor_text(body, "Records");
  wire::append_cbor_array(body, records);
  for (size_t i = 0; i < records; ++i) {
    std::string data(bytes, ' ');
    for (char& c : data) c = static_cast<char>(random());
    body += wire::kCborStructure;
    wire::append_cbor_text(body, "Data");
    wire::append_cbor_blob(body, data);
    wire::append_cbor_text(body, "PartitionKey");
    wire::append_cbor_text(body, fmt::format("key-{:08}", random() % 100'000'000));
    body += wire::kCborEnd;
  }
  body += wire::kCborEnd;
  return Slice::copy_of(body);
}

void append_all(PutOutcome& outcome, const std::vector<ShardBatch>& batches) {
  static Counter next = Counter{1} << 40;
  std::vector<Appended> appended;
  for (const ShardBatch& batch : batches) {
    appended.push_back({batch.shard, next, batch.records, 1'764'000'500'000});
    next += batch.records;
  }
  complete_put(outcome, appended);
}

void bench(size_t records, size_t bytes, uint32_t shards) {
  std::printf("%zu records of %zu bytes a call, %u shards; ns per record:\n", records, bytes,
              shards);
  const auto stream = even_stream(shards);
  const Slice body = make_body(records, bytes);
  PutRequest request;
  MS_ASSERT(parse_put_records_json(body, request));
  PutOutcome outcome = route_put(request, stream, nullptr);
  std::vector<ShardBatch> batches;
  MS_ASSERT(store_put(request, outcome, batches));

  measure("parse JSON", records, [&] {
    PutRequest parsed;
    MS_ASSERT(parse_put_records_json(body, parsed));
  });
  const Slice cbor = make_cbor_body(records, bytes);
  PutRequest cbor_request;
  MS_ASSERT(parse_put_records_cbor(cbor, cbor_request));
  measure("parse CBOR", records, [&] {
    PutRequest parsed;
    MS_ASSERT(parse_put_records_cbor(cbor, parsed));
  });
  measure("MD5 alone", records, [&] {
    std::vector<Md5> digests(records);
    md5_many(request.partition_keys, digests);
  });
  measure("hash and route", records, [&] { route_put(request, stream, nullptr); });
  measure("decode, store, CRC", records, [&] { MS_ASSERT(store_put(request, outcome, batches)); });
  measure("copy CBOR's data, store, CRC", records,
          [&] { MS_ASSERT(store_put(cbor_request, outcome, batches)); });
  measure("whole put before the log", records, [&] {
    PutRequest parsed;
    MS_ASSERT(parse_put_records_json(body, parsed) && check_put(parsed, *stream).has_value());
    const PutOutcome routed = route_put(parsed, stream, nullptr);
    std::vector<ShardBatch> stored;
    MS_ASSERT(store_put(parsed, routed, stored));
  });
  measure("encode the answer of the put", records, [&] {
    append_all(outcome, batches);
    encode_put_records_json(outcome);
  });
  measure("encode the answer of the put in CBOR", records, [&] {
    append_all(outcome, batches);
    encode_put_records_cbor(outcome);
  });

  GetAnswer answer;
  answer.stream = stream;
  answer.shard = &stream->shards[0];
  answer.next_iterator = std::string(224, 'A');
  for (const ShardBatch& batch : batches) {
    if (batch.shard != answer.shard->log_id) continue;
    for (Counter first = 1; first < 1000; first += batch.records) {
      answer.read.batches.push_back({first, batch.records, 1'764'000'500'123, batch.body});
    }
  }
  size_t count = 0;
  for (const StoredBatch& batch : answer.read.batches) count += batch.records;
  if (count > 0) {
    measure("encode the answer of a get", count, [&] { encode_get_records_json(answer); });
    measure("encode the answer of a get in CBOR", count, [&] { encode_get_records_cbor(answer); });
  }

  char number[kSequenceNumberSize];
  SequenceNumberWriter writer(stream->shards[0], 1, 1'764'000'500'000);
  measure("next sequence number", 100, [&] {
    for (int i = 0; i < 100; ++i) writer.write_next(number);
  });
  measure("first sequence number of a batch", 1, [&] {
    SequenceNumberWriter first(stream->shards[0], 77, 1'764'000'500'000);
    first.write_next(number);
    asm volatile("" : : "r"(number) : "memory");
  });
}

}  // namespace
}  // namespace millstream::streams

int main(int count, char** arguments) {
  const auto number = [&](int at, unsigned long fallback) {
    return count > at ? std::strtoul(arguments[at], nullptr, 10) : fallback;
  };
  millstream::streams::bench(number(1, 500), number(2, 100), static_cast<uint32_t>(number(3, 8)));
}
