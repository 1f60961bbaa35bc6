// The zero-copy codec and the general one of wire/ must agree on every body.
#include "streams/put_json.h"

#include <random>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "streams/put_decode.h"

namespace millstream::streams {
namespace {

// What a request means, whichever codec read it.
struct Meaning {
  std::string stream_name;
  std::string stream_arn;
  std::string ordering;
  std::vector<std::string> records;  // key, data, explicit hash key
  friend bool operator==(const Meaning&, const Meaning&) = default;
};

// Nothing if the data is not base64: then the caller uses the general codec.
std::optional<Meaning> meaning_of(const PutRequest& request) {
  Meaning meaning{std::string(request.stream_name),
                  std::string(request.stream_arn),
                  std::string(request.sequence_number_for_ordering),
                  {}};
  for (size_t i = 0; i < request.records(); ++i) {
    std::string data(request.data[i]);
    if (request.encoding == DataEncoding::kBase64) {
      auto decoded = base64_decode(request.data[i]);
      if (!decoded) return std::nullopt;
      data = *std::move(decoded);
    }
    EXPECT_EQ(data.size(), request.data_sizes[i]);
    const std::string_view hash =
        request.explicit_hash_keys.empty() ? std::string_view() : request.explicit_hash_keys[i];
    meaning.records.push_back(fmt::format("{}|{}|{}", request.partition_keys[i], data, hash));
  }
  return meaning;
}

enum class Way { kFast, kGeneral };

// Which way a body goes; fails if the two disagree.
Way compare(std::string_view text, bool is_batch) {
  const Slice body = Slice::copy_of(text);
  PutRequest fast;
  const bool is_regular =
      is_batch ? parse_put_records_json(body, fast) : parse_put_record_json(body, fast);
  if (!is_regular) return Way::kGeneral;
  const auto general = is_batch ? decode_put_records(wire::Protocol::kJson11, body)
                                : decode_put_record(wire::Protocol::kJson11, body);
  const auto meaning = meaning_of(fast);
  if (!meaning) {
    EXPECT_FALSE(general.has_value()) << text;
    EXPECT_FALSE(is_base64_put(fast)) << text;
    return Way::kGeneral;
  }
  EXPECT_TRUE(is_base64_put(fast)) << text;
  EXPECT_TRUE(general.has_value()) << text << "\n" << general.error().message;
  if (general) EXPECT_EQ(meaning_of(*general), meaning) << text;
  return Way::kFast;
}

std::string long_text(size_t size) { return std::string(size, 'k'); }

TEST(PutJson, RegularBodiesGoTheFastWay) {
  for (const char* body :
       {R"({"StreamName":"s","Records":[{"Data":"QQ==","PartitionKey":"a"}]})",
        R"({"Records":[{"PartitionKey":"a","Data":""}],"StreamName":"a_b.c-9"})",
        R"({"Records":[{"PartitionKey":"ключ","Data":"QUJD"},{"Data":"QUI=",)"
        R"("ExplicitHashKey":"340282366920938463463374607431768211455","PartitionKey":"b"}],)"
        R"("StreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/s"})",
        " {\n \"Records\" : [ { \"Data\" : \"QQ==\" ,\t\"PartitionKey\" : \"a\" } ] ,\r\n "
        "\"StreamName\" : \"s\" } \n"}) {
    EXPECT_EQ(compare(body, true), Way::kFast) << body;
  }
  EXPECT_EQ(compare(R"({"StreamName":"s","Data":"QQ==","PartitionKey":"a","ExplicitHashKey":"0",)"
                    R"("SequenceNumberForOrdering":"49546986683135544286507457936321625675"})",
                    false),
            Way::kFast);
}

TEST(PutJson, OddAndBadBodiesAreLeftToTheGeneralCodec) {
  const std::string record = R"({"Data":"QQ==","PartitionKey":"a"})";
  std::vector<std::string> records = {
      R"({"Data":"QQ==","PartitionKey":"\u0061"})",
      R"({"Data":"QQ\u003d=","PartitionKey":"a"})",
      R"({"D\u0061ta":"QQ==","PartitionKey":"a"})",
      R"({"Data":"QQ==","PartitionKey":null})",
      R"({"Data":null,"PartitionKey":"a"})",
      R"({"PartitionKey":"a"})",
      R"({"Data":"QQ=="})",
      R"({"Data":5,"PartitionKey":"a"})",
      R"({"Data":"QQ==","Data":"QQ==","PartitionKey":"a"})",
      R"({"Data":"QQ=","PartitionKey":"a"})",
      R"({"Data":"Q===","PartitionKey":"a"})",
      R"({"Data":"====","PartitionKey":"a"})",
      R"({"Data":"QR==","PartitionKey":"a"})",
      R"({"Data":"Q*==","PartitionKey":"a"})",
      R"({"Data":"Q\/==","PartitionKey":"a"})",
      R"({"Data":"QQ==QQ==","PartitionKey":"a"})",
      R"({"Data":"QQ==","PartitionKey":""})",
      R"({"Data":"QQ==","PartitionKey":7})",
      R"({"Data":"QQ==","PartitionKey":"a","ExplicitHashKey":""})",
      R"({"Data":"QQ==","PartitionKey":"a","ExplicitHashKey":"01"})",
      R"({"Data":"QQ==","PartitionKey":"a","ExplicitHashKey":"-1"})",
      R"({"Data":"QQ==","PartitionKey":"a","ExplicitHashKey":null})",
      R"({"Data":"QQ==","PartitionKey":"a","Other":{"x":[1,2]}})",
      R"(null)",
      R"("text")",
      R"([])",
      R"({"Data":"QQ==","PartitionKey":"a":""}})",
      R"({"Data":"QQ==","PartitionKey":"a",})",
      R"({"Data":"QQ==" "PartitionKey":"a"})",
      R"({"Data":"QQ==","PartitionKey":"a")",
      R"({"Data":"QQ==","PartitionKey":"a"b})",
      "{\"Data\":\"QQ==\",\"PartitionKey\":\"\xff\"}",
      "{\"Data\":\"QQ==\",\"PartitionKey\":\"\n\"}",
      R"({"Data":"QQ==","PartitionKey":")" + long_text(257) + R"("})"};
  for (const std::string& odd : records) {
    EXPECT_EQ(compare(R"({"StreamName":"s","Records":[)" + odd + "]}", true), Way::kGeneral) << odd;
    EXPECT_EQ(compare(R"({"StreamName":"s","Records":[)" + record + "," + odd + "]}", true),
              Way::kGeneral)
        << odd;
    compare(odd, false);
  }
  std::string many = record;
  for (int i = 0; i < 500; ++i) many += "," + record;
  for (const std::string& odd :
       {std::string(),
        std::string("{}"),
        std::string("null"),
        std::string("[]"),
        R"({"StreamName":"s","Records":[]})" + std::string(),
        R"({"StreamName":"s"})" + std::string(),
        R"({"StreamName":"s","Records":null})" + std::string(),
        R"({"StreamName":"s","Records":{}})" + std::string(),
        R"({"StreamName":"","Records":[)" + record + "]}",
        R"({"StreamName":"a b","Records":[)" + record + "]}",
        R"({"StreamName":")" + long_text(129) + R"(","Records":[)" + record + "]}",
        R"({"StreamName":5,"Records":[)" + record + "]}",
        R"({"StreamName":"s","StreamName":"t","Records":[)" + record + "]}",
        R"({"StreamName":"s","Records":[)" + record + R"(],"Records":[)" + record + "]}",
        R"({"StreamName":"s","DryRun":true,"Records":[)" + record + "]}",
        R"({"StreamName":"s","Unknown":{"a":[1]},"Records":[)" + record + "]}",
        R"({"StreamName":"s","StreamARN":"arn:aws:sns:x:1:s","Records":[)" + record + "]}",
        R"({"StreamName":"s","StreamARN":null,"Records":[)" + record + "]}",
        R"({"Records":[)" + record + R"(],"StreamName":"s":""}})",
        R"({"StreamName":"s","Records":[)" + record + "]} x",
        R"({"StreamName":"s","Records":[)" + record + "]}{}",
        R"({"StreamName":"s","Records":[)" + record + "]",
        R"({"StreamName":"s","Records":[)" + record,
        R"({"StreamName":"s","Records":[)" + many + "]}"}) {
    EXPECT_EQ(compare(odd, true), Way::kGeneral) << odd.substr(0, 200);
    compare(odd, false);
  }
}

// Any change of a few bytes: whatever it means, both codecs agree on it.
TEST(PutJson, AgreesWithTheGeneralCodecOnMutatedBodies) {
  const std::vector<std::string> seeds = {
      R"({"StreamName":"s","Records":[{"Data":"QUJD","PartitionKey":"a"},{"PartitionKey":"bc",)"
      R"("ExplicitHashKey":"12","Data":"QQ=="}]})",
      R"({ "Records" : [ {"PartitionKey":"ü","Data":""} ] , "StreamARN" : )"
      R"("arn:aws:kinesis:eu-west-1:123456789012:stream/s" })",
      R"({"StreamName":"s","PartitionKey":"k","Data":"QUI=","ExplicitHashKey":"0",)"
      R"("SequenceNumberForOrdering":"4954698668"})"};
  constexpr std::string_view kBytes = "{}[]\",:\\ \n\t\x01\xc3\xa9/=+Aau0159nulltrueSDK";
  std::mt19937_64 random(4711);
  size_t fast = 0;
  for (int round = 0; round < 60'000; ++round) {
    const size_t seed = random() % seeds.size();
    std::string body = seeds[seed];
    for (uint64_t changes = random() % 3 + 1; changes > 0; --changes) {
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
  EXPECT_GT(fast, 1000u);
}

TEST(PutJson, AnswersAsTheGeneralEncoder) {
  Stream stream;
  stream.key = {"123456789012", "eu-west-1", "clicks"};
  for (uint32_t i = 0; i < 2; ++i)
    stream.shards.push_back({.index = i, .created_s = 1'764'000'000});
  const auto outcome = [&stream] {
    PutOutcome made;
    made.stream = std::make_shared<const Stream>(stream);
    for (const Shard& shard : made.stream->shards) {
      made.slots.push_back({&shard, 2, 0, SequenceNumberWriter(shard, 9, 1'764'000'123'000)});
    }
    made.slot_of = {0, 1, 1, 0};
    return made;
  };
  PutOutcome fast = outcome();
  PutOutcome general = outcome();
  EXPECT_EQ(encode_put_records_json(fast).view(),
            encode_put_records(wire::Protocol::kJson11, general)->view());
  fast = outcome();
  general = outcome();
  EXPECT_EQ(encode_put_record_json(fast).view(),
            encode_put_record(wire::Protocol::kJson11, general)->view());
  fast = outcome();
  fast.throttled = {0, 1, 0, 1};
  fast.throttled_records = 2;
  general = outcome();
  general.throttled = {0, 1, 0, 1};
  general.throttled_records = 2;
  EXPECT_EQ(encode_put_records_json(fast).view(),
            encode_put_records(wire::Protocol::kJson11, general)->view());
}

}  // namespace
}  // namespace millstream::streams
