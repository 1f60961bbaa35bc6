#include "wire/json_encode.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "wire/generated/dynamodb.h"
#include "wire/generated/kinesis.h"

namespace millstream::wire {
namespace {

std::string text_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string time_of(TimeMs time) {
  std::string out;
  append_json_time(out, time);
  return out;
}
std::string number_of(double number) {
  std::string out;
  append_json_number(out, number);
  return out;
}

TEST(JsonEncode, WritesRequiredMembersAlwaysAndOthersWhenSet) {
  kinesis::PutRecordsOutput output;
  EXPECT_EQ(to_json(output), R"({"Records":[]})");
  output.failed_record_count = 1;
  output.records.push_back({.sequence_number = "49", .shard_id = "shardId-000000000000"});
  output.records.push_back({.error_code = "InternalFailure", .error_message = "a\"b"});
  EXPECT_EQ(to_json(output), R"({"FailedRecordCount":1,"Records":[{"SequenceNumber":"49",)"
                             R"("ShardId":"shardId-000000000000"},{"ErrorCode":"InternalFailure",)"
                             R"("ErrorMessage":"a\"b"}]})");
}

TEST(JsonEncode, WritesBlobsTimesAndMaps) {
  const kinesis::Record record{.sequence_number = "1",
                               .approximate_arrival_timestamp = Timestamp{1'700'000'000'120},
                               .data = std::string("\x00\xff\x10", 3),
                               .partition_key = "kü"};
  EXPECT_EQ(to_json(record), R"({"SequenceNumber":"1","ApproximateArrivalTimestamp":1700000000.12,)"
                             R"("Data":"AP8Q","PartitionKey":"kü"})");
  const dynamodb::AttributeValue value{.m = {{{"a", {.n = "1"}}, {"b", {.bool_ = true}}}}};
  EXPECT_EQ(to_json(value), R"({"M":{"a":{"N":"1"},"b":{"BOOL":true}}})");
}

TEST(JsonEncode, EscapesWhatJsonDemands) {
  EXPECT_EQ(text_of("a\"b\\c/\n\r\t\b\f\x01\x7f"), "\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\x7f\"");
  EXPECT_EQ(text_of("ü😀"), "\"ü😀\"");
  EXPECT_EQ(text_of(std::string_view("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(text_of("a\xff\xc3(\xed\xa0\x80"), "\"a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\"");
}

TEST(JsonEncode, WritesTimesAsShortAsTheyAre) {
  EXPECT_EQ(time_of(0), "0");
  EXPECT_EQ(time_of(1'700'000'000'000), "1700000000");
  EXPECT_EQ(time_of(1'700'000'000'001), "1700000000.001");
  EXPECT_EQ(time_of(1'700'000'000'120), "1700000000.12");
  EXPECT_EQ(time_of(-1), "-0.001");
  EXPECT_EQ(time_of(-1'500), "-1.5");
}

TEST(JsonEncode, WritesNumbersSoThatTheyReadAsFloatingPoint) {
  EXPECT_EQ(number_of(1), "1.0");
  EXPECT_EQ(number_of(0.1), "0.1");
  EXPECT_EQ(number_of(1e300), "1e+300");
  EXPECT_EQ(number_of(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
  EXPECT_EQ(number_of(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
}

}  // namespace
}  // namespace millstream::wire
