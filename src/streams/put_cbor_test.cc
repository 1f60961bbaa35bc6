// The zero-copy codec and the general one of wire/ must agree on every body.
#include "streams/put_cbor.h"

#include <random>

#include <gtest/gtest.h>

#include "streams/put_decode.h"
#include "wire/cbor_encode.h"

namespace millstream::streams {
namespace {

using namespace std::string_literals;

std::string text(std::string_view content) {
  std::string bytes;
  wire::append_cbor_text(bytes, content);
  return bytes;
}

std::string blob(std::string_view content) {
  std::string bytes;
  wire::append_cbor_blob(bytes, content);
  return bytes;
}

// A map of open length, as the SDK for Java writes it.
std::string open_map(std::initializer_list<std::string> members) {
  std::string bytes(1, wire::kCborStructure);
  for (const std::string& member : members) bytes += member;
  return bytes + wire::kCborEnd;
}

std::string record(std::string_view key, std::string_view data) {
  return open_map({text("Data"), blob(data), text("PartitionKey"), text(key)});
}

std::string batch(std::string_view records) {
  return open_map(
      {text("Records"), "\x9f" + std::string(records) + "\xff", text("StreamName"), text("s")});
}

// What a request means, whichever codec read it.
std::string meaning_of(const PutRequest& request) {
  EXPECT_EQ(request.encoding, DataEncoding::kRaw);
  std::string meaning = fmt::format("{}|{}|{}", request.stream_name, request.stream_arn,
                                    request.sequence_number_for_ordering);
  for (size_t i = 0; i < request.records(); ++i) {
    EXPECT_EQ(request.data[i].size(), request.data_sizes[i]);
    const std::string_view hash =
        request.explicit_hash_keys.empty() ? std::string_view() : request.explicit_hash_keys[i];
    meaning += fmt::format("\n{}|{}|{}", request.partition_keys[i], request.data[i], hash);
  }
  return meaning;
}

enum class Way : uint8_t { kFast, kGeneral };

// Which way a body goes; fails if the two disagree.
Way compare(std::string_view bytes, bool is_batch) {
  const Slice body = Slice::copy_of(bytes);
  PutRequest fast;
  const bool is_regular =
      is_batch ? parse_put_records_cbor(body, fast) : parse_put_record_cbor(body, fast);
  if (!is_regular) return Way::kGeneral;
  const auto general = is_batch ? decode_put_records(wire::Protocol::kCbor11, body)
                                : decode_put_record(wire::Protocol::kCbor11, body);
  EXPECT_TRUE(general.has_value()) << general.error().message;
  if (general) EXPECT_EQ(meaning_of(fast), meaning_of(*general));
  return Way::kFast;
}

const std::string kArn = "arn:aws:kinesis:eu-west-1:123456789012:stream/s";

TEST(PutCbor, RegularBodiesGoTheFastWay) {
  EXPECT_EQ(compare(batch(record("a", "A")), true), Way::kFast);
  EXPECT_EQ(compare(batch(record("ключ", "\x00\xff"s) + record("b", "")), true), Way::kFast);
  EXPECT_EQ(compare(batch(record("a", std::string(70'000, '\xfe'))), true), Way::kFast);
  EXPECT_EQ(compare("\xa2" + text("StreamARN") + text(kArn) + text("Records") + "\x82" +
                        record("a", "A") + "\xa3" + text("ExplicitHashKey") +
                        text("340282366920938463463374607431768211455") + text("PartitionKey") +
                        text("b") + text("Data") + blob("B"),
                    true),
            Way::kFast);
  EXPECT_EQ(compare(open_map({text("StreamName"), text("s"), text("Data"), blob("A"),
                              text("PartitionKey"), text("a"), text("ExplicitHashKey"), text("0"),
                              text("SequenceNumberForOrdering"), text("4954698668313554428650")}),
                    false),
            Way::kFast);
}

TEST(PutCbor, PointsIntoTheBodyWithoutACopy) {
  const Slice body = Slice::copy_of(batch(record("key", "data")));
  PutRequest request;
  ASSERT_TRUE(parse_put_records_cbor(body, request));
  for (const std::string_view view : {request.data[0], request.partition_keys[0]}) {
    EXPECT_GE(view.data(), body.data());
    EXPECT_LE(view.data() + view.size(), body.data() + body.size());
  }
}

TEST(PutCbor, OddAndBadBodiesAreLeftToTheGeneralCodec) {
  const std::string good = record("a", "A");
  const std::string key = text("PartitionKey") + text("a");
  const std::string data = text("Data") + blob("A");
  for (const std::string& odd :
       {open_map({key}),
        open_map({data}),
        open_map({key, data, key}),
        open_map({key, data, data}),
        open_map({key, text("Data"), text("QQ==")}),
        open_map({key, text("Data"), "\xf6"}),
        open_map({key, text("Data"), "\x5f\x41\x41\xff"}),
        open_map({data, text("PartitionKey"), "\x7f\x61\x61\xff"}),
        open_map({data, text("PartitionKey"), "\xf6"}),
        open_map({data, text("PartitionKey"), text("")}),
        open_map({data, text("PartitionKey"), "\x61\xff"}),
        open_map({data, text("PartitionKey"), text(std::string(257, 'k'))}),
        open_map({data, key, text("ExplicitHashKey"), text("")}),
        open_map({data, key, text("ExplicitHashKey"), text("01")}),
        open_map({data, key, text("ExplicitHashKey"), "\xf6"}),
        open_map({data, key, text("Other"), "\x81\x01"}),
        open_map({data, key, "\x01\x01"}),
        "\xf6"s,
        "\x80"s,
        text("text"),
        "\xff"s}) {
    EXPECT_EQ(compare(batch(odd), true), Way::kGeneral);
    EXPECT_EQ(compare(batch(good + odd), true), Way::kGeneral);
    compare(odd, false);
  }
  std::string many;
  for (int i = 0; i < 501; ++i) many += good;
  const std::string records = text("Records") + "\x81" + good;
  const std::string stream = text("StreamName") + text("s");
  for (const std::string& odd :
       {""s, "\xa0"s, "\xf6"s, batch(""), batch(many), batch(good) + "\xf6", open_map({stream}),
        open_map({stream, stream, records}), open_map({stream, records, records}),
        open_map({text("StreamName"), text("a b"), records}),
        open_map({text("StreamName"), "\xf6", records}),
        open_map({stream, text("StreamARN"), text("arn:aws:sns:x:1:s"), records}),
        open_map({stream, text("DryRun"), "\xf5", records}),
        open_map({stream, text("Unknown"), "\x9f\x01\xff", records}),
        open_map({stream, text("Records"), "\xf6"})}) {
    EXPECT_EQ(compare(odd, true), Way::kGeneral);
    compare(odd, false);
  }
}

TEST(PutCbor, EveryTruncationIsLeftToTheGeneralCodec) {
  const std::string whole = batch(record("a", "abc") + record("b", ""));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(compare(whole.substr(0, size), true), Way::kGeneral) << size;
  }
}

// Any change of a few bytes: whatever it means, both codecs agree on it.
TEST(PutCbor, AgreesWithTheGeneralCodecOnMutatedBodies) {
  const std::vector<std::string> seeds = {
      batch(record("a", "ABC") + record("ü", "")),
      "\xa2" + text("StreamARN") + text(kArn) + text("Records") + "\x81" + record("k", "\xff"),
      open_map({text("StreamName"), text("s"), text("PartitionKey"), text("k"), text("Data"),
                blob("AB"), text("ExplicitHashKey"), text("0"), text("SequenceNumberForOrdering"),
                text("4954698668")})};
  constexpr std::string_view kBytes =
      "\x9f\xbf\xff\x80\x81\xa0\xf6\x40\x41\x60\x61\x7f\x5f\xc1 a0D";
  std::mt19937_64 random(4711);
  size_t fast = 0;
  for (int round = 0; round < 60'000; ++round) {
    const size_t seed = random() % seeds.size();
    std::string body = seeds[seed];
    for (uint64_t changes = random() % 2 + 1; changes > 0; --changes) {
      const size_t at = random() % body.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 4) {
        case 0:
          body[at] = byte;
          break;
        case 1:
          body.insert(at, 1, byte);
          break;
        case 2:
          body.erase(at, 1);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), random() % 40));
      }
    }
    if (compare(body, seed != 2) == Way::kFast) ++fast;
    if (HasFailure()) return;
  }
  EXPECT_GT(fast, 500u);
}

TEST(PutCbor, AnswersAsTheGeneralEncoder) {
  Stream stream;
  stream.key = {"123456789012", "eu-west-1", "clicks"};
  for (uint32_t i = 0; i < 2; ++i)
    stream.shards.push_back({.index = i, .created_s = 1'764'000'000});
  const auto outcome = [&stream](bool throttled) {
    PutOutcome made;
    made.stream = std::make_shared<const Stream>(stream);
    for (const Shard& shard : made.stream->shards) {
      made.slots.push_back({&shard, 2, 0, SequenceNumberWriter(shard, 9, 1'764'000'123'000)});
    }
    made.slot_of = {0, 1, 1, 0};
    if (throttled) made.throttled = {0, 1, 0, 1};
    made.throttled_records = throttled ? 2 : 0;
    return made;
  };
  for (const bool throttled : {false, true}) {
    PutOutcome fast = outcome(throttled);
    PutOutcome general = outcome(throttled);
    EXPECT_EQ(encode_put_records_cbor(fast).view(),
              encode_put_records(wire::Protocol::kCbor11, general)->view());
  }
  PutOutcome fast = outcome(false);
  PutOutcome general = outcome(false);
  EXPECT_EQ(encode_put_record_cbor(fast).view(),
            encode_put_record(wire::Protocol::kCbor11, general)->view());
}

}  // namespace
}  // namespace millstream::streams
