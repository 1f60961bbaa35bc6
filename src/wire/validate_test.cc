#include "wire/validate.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/generated/dynamodb.h"
#include "wire/generated/firehose.h"
#include "wire/generated/kinesis.h"
#include "wire/json_decode.h"
#include "wire/service.h"

namespace millstream::wire {
namespace {

// The message for that input of an operation; empty if it is valid.
template <class Op>
std::string complaint(std::string_view json) {
  typename Op::Input input;
  const auto result =
      decode_input(Op::descriptor(), Protocol::kJson11, Slice::copy_of(json), &input);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::kValidation) << result.error().message;
  return result.error().message;
}

std::string repeat(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Recorded on AWS by kinesalite (test/*.js); the order of the violations is ours.
TEST(Validate, NamesMissingMembers) {
  EXPECT_EQ(complaint<kinesis::AddTagsToStream>("{}"),
            "1 validation error detected: Value null at 'tags' failed to satisfy constraint: "
            "Member must not be null");
  EXPECT_EQ(complaint<kinesis::SplitShard>("{}"),
            "2 validation errors detected: Value null at 'shardToSplit' failed to satisfy "
            "constraint: Member must not be null; Value null at 'newStartingHashKey' failed to "
            "satisfy constraint: Member must not be null");
  EXPECT_EQ(complaint<kinesis::PutRecords>(R"({"Records":[{"PartitionKey":"a","Data":""},{}]})"),
            "1 validation error detected: Value null at 'records.2.member.data' failed to satisfy "
            "constraint: Member must not be null");
  EXPECT_EQ(complaint<kinesis::PutRecord>(R"({"Data":"","PartitionKey":"a"})"), "");
}

TEST(Validate, TellsEmptyFromMissing) {
  EXPECT_EQ(complaint<kinesis::PutRecord>(R"({"Data":null,"PartitionKey":"a"})"),
            "1 validation error detected: Value null at 'data' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(Validate, ChecksLengthsPatternsAndRanges) {
  EXPECT_EQ(
      complaint<kinesis::PutRecords>(
          R"({"StreamName":"","Records":[{"PartitionKey":"","Data":"","ExplicitHashKey":""}]})"),
      "4 validation errors detected: "
      "Value '' at 'records.1.member.explicitHashKey' failed to satisfy constraint: Member must "
      "satisfy regular expression pattern: 0|([1-9]\\d{0,38}); "
      "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have "
      "length greater than or equal to 1; "
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular "
      "expression pattern: [a-zA-Z0-9_.-]+; "
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater "
      "than or equal to 1");
  EXPECT_EQ(complaint<kinesis::PutRecords>(R"({"StreamName":"a","Records":[]})"),
            "1 validation error detected: Value '[]' at 'records' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1");
  const std::string name(129, 'a');
  EXPECT_EQ(complaint<kinesis::DeleteStream>(R"({"StreamName":")" + name + R"("})"),
            "1 validation error detected: Value '" + name +
                "' at 'streamName' failed to satisfy constraint: Member must have length less than "
                "or equal to 128");
  EXPECT_EQ(complaint<kinesis::CreateStream>(R"({"StreamName":"a","ShardCount":0})"),
            "1 validation error detected: Value '0' at 'shardCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1");
  EXPECT_EQ(complaint<kinesis::GetRecords>(R"({"ShardIterator":"a","Limit":10001})"),
            "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
            "Member must have value less than or equal to 10000");
}

TEST(Validate, CountsTheLengthOfTextAsJavaDoes) {
  const auto with_key = [](std::string_view piece, size_t count) {
    return complaint<kinesis::PutRecord>(R"({"Data":"","PartitionKey":")" + repeat(piece, count) +
                                         R"("})");
  };
  EXPECT_EQ(with_key("ü", 256), "");
  EXPECT_NE(with_key("ü", 257), "");
  EXPECT_EQ(with_key("😀", 128), "") << "two UTF-16 units each";
  EXPECT_NE(with_key("😀", 129), "");
}

TEST(Validate, ShowsBlobsByTheirSize) {
  std::string data = "AAAA";
  data.resize(4 * ((10u << 20) / 3 + 1), 'A');
  const size_t size = data.size() / 4 * 3;
  const std::string shown = fmt::format("java.nio.HeapByteBuffer[pos=0 lim={} cap={}]", size, size);
  EXPECT_EQ(complaint<kinesis::PutRecord>(R"({"PartitionKey":"a","Data":")" + data + R"("})"),
            "1 validation error detected: Value '" + shown +
                "' at 'data' failed to satisfy constraint: Member must have length less than or "
                "equal to 10485760");
}

TEST(Validate, ListsTheValuesOfAnEnum) {
  EXPECT_EQ(complaint<kinesis::GetShardIterator>(
                R"({"StreamName":"a","ShardId":"s","ShardIteratorType":"a"})"),
            "1 validation error detected: Value 'a' at 'shardIteratorType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, "
            "AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]");
}

TEST(Validate, ReportsMapsAndListsOfTextAsAWhole) {
  const std::string key(129, 'a');
  EXPECT_EQ(complaint<kinesis::AddTagsToStream>(R"({"StreamName":"x","Tags":{"a":"1","b":"2",")" +
                                                key + R"(":"3"}})"),
            "1 validation error detected: Value '{a=1, " + key +
                "=3, b=2}' at 'tags' failed to satisfy constraint: Map keys must satisfy "
                "constraint: [Member must have length less than or equal to 128, Member must have "
                "length greater than or equal to 1]");
  const std::string value(257, 'a');
  EXPECT_EQ(complaint<kinesis::AddTagsToStream>(R"({"StreamName":"x","Tags":{"a":"1","c":")" +
                                                value + R"("}})"),
            "1 validation error detected: Value '{a=1, c=" + value +
                "}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "
                "[Member must have length less than or equal to 256, Member must have length "
                "greater than or equal to 0]");
  EXPECT_EQ(complaint<kinesis::RemoveTagsFromStream>(R"({"StreamName":"x","TagKeys":["a",""]})"),
            "1 validation error detected: Value '[a, ]' at 'tagKeys' failed to satisfy constraint: "
            "Member must satisfy constraint: [Member must have length less than or equal to 128, "
            "Member must have length greater than or equal to 1]");
}

TEST(Validate, RefusesNullsInLists) {
  EXPECT_EQ(complaint<kinesis::RemoveTagsFromStream>(R"({"StreamName":"x","TagKeys":[null,"a"]})"),
            "1 validation error detected: Value '[null, a]' at 'tagKeys' failed to satisfy "
            "constraint: Member must satisfy constraint: [Member must not be null]");
  EXPECT_EQ(complaint<kinesis::PutRecords>(
                R"({"Records":[{"PartitionKey":"a","Data":""},null],"StreamName":"x"})"),
            "1 validation error detected: Value null at 'records.2.member' failed to satisfy "
            "constraint: Member must not be null");
}

TEST(Validate, StopsAtTenViolations) {
  const std::string record = R"({"PartitionKey":"","Data":""},)";
  std::string expected =
      "10 validation errors detected: Value '[" +
      repeat("com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310, ", 500) +
      "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310]' at 'records' failed to "
      "satisfy constraint: Member must have length less than or equal to 500";
  for (int i = 1; i <= 9; ++i) {
    expected += fmt::format(
        "; Value '' at 'records.{}.member.partitionKey' failed to satisfy constraint: Member must "
        "have length greater than or equal to 1",
        i);
  }
  EXPECT_EQ(complaint<kinesis::PutRecords>(R"({"StreamName":"","Records":[)" + repeat(record, 500) +
                                           R"({"PartitionKey":"","Data":""}]})"),
            expected);
}

TEST(Validate, ShortensHugeValues) {
  const std::string text = complaint<kinesis::AddTagsToStream>(
      R"({"StreamName":"x","Tags":{"a":")" + std::string(5u << 20, 'x') + R"("}})");
  EXPECT_NE(text, "");
  EXPECT_LT(text.size(), 60'000u);
}

TEST(Validate, KeepsSecretsOutOfMessages) {
  const std::string text = complaint<firehose::CreateDeliveryStream>(
      R"({"DeliveryStreamName":"d","RedshiftDestinationConfiguration":{"Password":"abc"}})");
  EXPECT_NE(text.find("'redshiftDestinationConfiguration.password'"), std::string::npos) << text;
  EXPECT_EQ(text.find("abc"), std::string::npos) << text;
}

TEST(Validate, WritesPathsThroughMaps) {
  EXPECT_EQ(complaint<dynamodb::BatchWriteItem>(R"({"RequestItems":{"abc":[{"PutRequest":{}}]}})"),
            "1 validation error detected: Value null at "
            "'requestItems.abc.member.1.member.putRequest.item' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(Validate, AcceptsWhatClientsSend) {
  EXPECT_EQ(complaint<kinesis::CreateStream>(
                R"({"StreamName":"my-stream_1.x","ShardCount":4,"StreamModeDetails":
                    {"StreamMode":"PROVISIONED"}})"),
            "");
  EXPECT_EQ(complaint<kinesis::DescribeStream>(
                R"({"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/a"})"),
            "");
  EXPECT_EQ(complaint<firehose::CreateDeliveryStream>(
                R"({"DeliveryStreamName":"d","DeliveryStreamType":"DirectPut",
                    "ExtendedS3DestinationConfiguration":{
                      "RoleARN":"arn:aws:iam::000000000000:role/firehose",
                      "BucketARN":"arn:aws:s3:::lake","Prefix":"flights/!{timestamp:yyyy}/",
                      "ErrorOutputPrefix":"errors/",
                      "BufferingHints":{"SizeInMBs":5,"IntervalInSeconds":60},
                      "CompressionFormat":"GZIP"}})"),
            "");
}

}  // namespace
}  // namespace millstream::wire
