#include "wire/json_decode.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/generated/dynamodb.h"
#include "wire/generated/firehose.h"
#include "wire/generated/kinesis.h"
#include "wire/generated/kinesisanalyticsv2.h"
#include "wire/json_encode.h"
#include "wire/sample_values.h"
#include "wire/service.h"

namespace millstream::wire {
namespace {

template <class T>
std::string message_of(std::string_view json) {
  const auto result = from_json<T>(json);
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kSerialization) << json;
  return result.error().message;
}

enum class Json : uint8_t { kNumber, kText, kBoolean, kList, kObject };

// Whether a member of that kind takes that JSON; the text "~" is neither base64 nor a boolean.
bool accepts(Kind kind, Json json) {
  switch (kind) {
    case Kind::kString:
      return json == Json::kText;
    case Kind::kBlob:
      return false;
    case Kind::kBoolean:
      return json == Json::kBoolean;
    case Kind::kList:
      return json == Json::kList;
    case Kind::kMap:
    case Kind::kStructure:
      return json == Json::kObject;
    default:
      return json == Json::kNumber;
  }
}

TEST(JsonDecode, ReadsEveryKindOfMember) {
  const auto put = from_json<kinesis::PutRecordsInput>(
      R"({"Records":[{"Data":"AAEC/w==","PartitionKey":"kü","ExplicitHashKey":"12"},
                     {"PartitionKey":"","Data":""}],
          "StreamName":"clicks","Unknown":{"a":[1,{"b":null}]},"StreamARN":null})");
  ASSERT_TRUE(put) << put.error().message;
  ASSERT_EQ(put->records.size(), 2u);
  EXPECT_EQ(put->records[0].data, std::string("\x00\x01\x02\xff", 4));
  EXPECT_EQ(put->records[0].partition_key, "kü");
  EXPECT_EQ(put->records[0].explicit_hash_key, "12");
  EXPECT_EQ(put->records[1].explicit_hash_key, std::nullopt);
  EXPECT_EQ(put->stream_name, "clicks");
  EXPECT_EQ(put->stream_arn, std::nullopt);

  const auto iterator = from_json<kinesis::GetShardIteratorInput>(
      R"({"ShardId":"s","ShardIteratorType":"AT_TIMESTAMP","Timestamp":1700000000.1234})");
  ASSERT_TRUE(iterator);
  EXPECT_EQ(iterator->timestamp, Timestamp{1'700'000'000'123});

  const auto tags = from_json<kinesis::AddTagsToStreamInput>(R"({"Tags":{"a":"1","b":"2"}})");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->tags, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));

  const auto item = from_json<dynamodb::PutItemInput>(
      R"({"TableName":"t","Item":{"k":{"M":{"l":{"L":[{"N":"1"},{"BOOL":true},{"NULL":true}]}}}}})");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->item.at("k").m->at("l").l->at(0).n, "1");
  EXPECT_EQ(item->item.at("k").m->at("l").l->at(1).bool_, true);
}

TEST(JsonDecode, TakesAnEmptyBodyForAnEmptyObject) {
  EXPECT_TRUE(from_json<kinesis::ListStreamsInput>(""));
  EXPECT_TRUE(from_json<kinesis::ListStreamsInput>("{}"));
}

TEST(JsonDecode, LetsTheLastOfTwoEqualNamesCount) {
  const auto twice = from_json<kinesis::PutRecordsInput>(
      R"({"Records":[{"PartitionKey":"a"},{"PartitionKey":"b"}],"StreamName":"x",
          "Records":[{"PartitionKey":"c","PartitionKey":"d"}]})");
  ASSERT_TRUE(twice);
  ASSERT_EQ(twice->records.size(), 1u);
  EXPECT_EQ(twice->records[0].partition_key, "d");
  const auto key = from_json<kinesis::AddTagsToStreamInput>(R"({"Tags":{"a":"1","a":"2"}})");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->tags.at("a"), "2");
}

// Recorded on AWS by kinesalite (test/helpers.js, assertType).
TEST(JsonDecode, RefusesWrongTypesWithTheTextOfAws) {
  using CreateStream = kinesis::CreateStreamInput;
  using PutRecords = kinesis::PutRecordsInput;
  using Iterator = kinesis::GetShardIteratorInput;
  using AddTags = kinesis::AddTagsToStreamInput;
  using Firehose = firehose::ListDeliveryStreamsInput;
  const std::string number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

  EXPECT_EQ(message_of<CreateStream>(R"({"StreamName":true})"),
            "class java.lang.Boolean can not be converted to an String");
  for (const char* text : {"23", "-2147483648", "2147483648", "34.56"}) {
    const std::string value = text;
    EXPECT_EQ(message_of<CreateStream>(R"({"StreamName":)" + value + "}"),
              number + " can not be converted to an String");
    EXPECT_EQ(message_of<PutRecords>(R"({"Records":)" + value + "}"), "Expected list or null");
    EXPECT_EQ(message_of<PutRecords>(R"({"Records":[)" + value + "]}"), "Expected null");
    EXPECT_EQ(message_of<PutRecords>(R"({"Records":[{"Data":)" + value + "}]}"),
              number + " can not be converted to a Blob");
    EXPECT_EQ(message_of<AddTags>(R"({"Tags":)" + value + "}"), "Expected map or null");
  }
  EXPECT_EQ(message_of<CreateStream>(R"({"StreamName":[]})"),
            "Start of list found where not expected");
  EXPECT_EQ(message_of<CreateStream>(R"({"StreamName":{}})"),
            "Start of structure or map found where not expected.");

  EXPECT_EQ(message_of<CreateStream>(R"({"ShardCount":"23"})"),
            "class java.lang.String can not be converted to an Integer");
  EXPECT_EQ(message_of<CreateStream>(R"({"ShardCount":true})"),
            "class java.lang.Boolean can not be converted to an Integer");
  EXPECT_EQ(message_of<CreateStream>(R"({"ShardCount":[]})"),
            "Start of list found where not expected");
  EXPECT_EQ(message_of<CreateStream>(R"({"ShardCount":{}})"),
            "Start of structure or map found where not expected.");
  EXPECT_EQ(message_of<kinesisanalyticsv2::AddApplicationOutputRequest>(
                R"({"CurrentApplicationVersionId":"23"})"),
            "class java.lang.String can not be converted to an Long");

  EXPECT_EQ(message_of<PutRecords>(R"({"Records":[{"Data":true}]})"),
            "class java.lang.Boolean can not be converted to a Blob");
  EXPECT_EQ(message_of<PutRecords>(R"({"Records":[{"Data":"23456"}]})"),
            "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple "
            "of 4 bytes but found: 5");
  EXPECT_EQ(message_of<PutRecords>(R"({"Records":[{"Data":"=+/="}]})"),
            "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='");
  EXPECT_EQ(message_of<PutRecords>(R"({"Records":[{"Data":"+/+="}]})"),
            "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character "
            "dectected");

  EXPECT_EQ(message_of<Iterator>(R"({"Timestamp":"23"})"),
            "class java.lang.String can not be converted to milliseconds since epoch");
  EXPECT_EQ(message_of<Iterator>(R"({"Timestamp":true})"),
            "class java.lang.Boolean can not be converted to milliseconds since epoch");

  EXPECT_EQ(message_of<PutRecords>(R"({"Records":"23"})"), "Expected list or null");
  EXPECT_EQ(message_of<PutRecords>(R"({"Records":{}})"),
            "Start of structure or map found where not expected.");
  EXPECT_EQ(message_of<AddTags>(R"({"Tags":[]})"), "Start of list found where not expected");
  EXPECT_EQ(message_of<PutRecords>(R"({"Records":[[]]})"),
            "Start of list found where not expected");

  EXPECT_EQ(message_of<kinesis::DeleteStreamInput>(R"({"EnforceConsumerDeletion":23})"),
            number + " can not be converted to an Boolean");
  EXPECT_EQ(message_of<kinesis::DeleteStreamInput>(R"({"EnforceConsumerDeletion":"hellowtf"})"),
            "'HELLOWTF' can not be converted to an Boolean");
  EXPECT_EQ(message_of<kinesis::DeleteStreamInput>(R"({"EnforceConsumerDeletion":"yes"})"),
            "accepted");
  EXPECT_EQ(message_of<Firehose>(R"({"Limit":[]})"), "Start of list found where not expected");
}

TEST(JsonDecode, RefusesEveryWrongTypeForEveryMember) {
  constexpr std::pair<Json, std::string_view> kValues[] = {{Json::kNumber, "1.5"},
                                                           {Json::kText, "\"~\""},
                                                           {Json::kBoolean, "true"},
                                                           {Json::kList, "[]"},
                                                           {Json::kObject, "{}"}};
  for (const Service* service : all_services()) {
    for (const StructType* type : service->structures) {
      for (const Member& member : type->members) {
        for (const auto& [kind, text] : kValues) {
          AnyStructure object(*type);
          Absences absences;
          const auto result = decode_json(*type, fmt::format(R"({{"{}":{}}})", member.name, text),
                                          object.get(), absences);
          const bool right = accepts(member.type->kind, kind);
          EXPECT_EQ(result.has_value(), right)
              << service->name << "." << type->name << "." << member.name << " " << text;
          if (!result) EXPECT_NE(result.error().message, "") << member.name << " " << text;
        }
      }
    }
  }
}

TEST(JsonDecode, ClampsAndCutsWholeNumbers) {
  const auto shards = [](std::string_view number) {
    const auto input =
        from_json<kinesis::CreateStreamInput>(fmt::format(R"({{"ShardCount":{}}})", number));
    return input ? *input->shard_count : -1;
  };
  EXPECT_EQ(shards("100000000000"), 2147483647);
  EXPECT_EQ(shards("9223372036854775807"), 2147483647);
  EXPECT_EQ(shards("18446744073709551615"), 2147483647);
  EXPECT_EQ(shards("-100000000000"), -2147483648);
  EXPECT_EQ(shards("1e300"), 2147483647);
  EXPECT_EQ(shards("7.9"), 7);
}

TEST(JsonDecode, ClampsTimesThatNoCalendarHas) {
  for (const char* text : {"1e300", "-1e300", "0", "-0.001", "253402300799.999"}) {
    const auto input =
        from_json<kinesis::GetShardIteratorInput>(fmt::format(R"({{"Timestamp":{}}})", text));
    ASSERT_TRUE(input) << text;
    EXPECT_LE(std::abs(input->timestamp->ms), 253'402'300'799'999) << text;
  }
}

TEST(JsonDecode, RefusesWhatIsNotJsonWithoutAMessage) {
  using Input = kinesis::PutRecordsInput;
  for (std::string_view text :
       {" ", "hello", "null", "true", "23", "\"a\"", "{", "}", "{]", R"({"StreamName":"x"}})",
        R"({"StreamName":"x",})", R"({'StreamName':"x"})", R"({"StreamName":"x"} {})",
        "{\"StreamName\":\"\xff\"}", "{\"StreamName\":\"\xed\xa0\x80\"}",
        "{\"StreamName\":\"a\nb\"}", R"({"StreamName":"\x"})", R"({"StreamName":01})"}) {
    const auto result = from_json<Input>(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kSerialization) << text;
  }
  EXPECT_EQ(message_of<Input>("hello"), "");
  EXPECT_EQ(message_of<Input>("[]"), "Start of list found where not expected");
}

TEST(JsonDecode, NeverLetsAnUnpairedSurrogateThrough) {
  for (std::string_view text : {R"({"StreamName":"\ud800"})", R"({"StreamName":"\udc00"})",
                                R"({"StreamName":"\ud800\u0041"})"}) {
    const auto result = from_json<kinesis::DeleteStreamInput>(text);
    if (!result) continue;
    std::string out;
    append_json_string(out, *result->stream_name);
    EXPECT_EQ(out, "\"" + *result->stream_name + "\"") << text << " gave what is not UTF-8";
  }
  const auto pair = from_json<kinesis::DeleteStreamInput>(R"({"StreamName":"\ud83d\ude00"})");
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->stream_name, "😀");
}

TEST(JsonDecode, RefusesEveryTruncation) {
  const std::string whole = to_json(*from_json<kinesis::PutRecordsInput>(
      R"({"Records":[{"Data":"AAEC/w==","PartitionKey":"kü\n"}],"StreamName":"clicks"})"));
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(from_json<kinesis::PutRecordsInput>(whole.substr(0, size))) << size;
    // The same in a buffer that is not copied, with the rest of the document right behind it.
    kinesis::PutRecordsInput input;
    Absences absences;
    const Slice all = Slice::copy_of(whole);
    EXPECT_FALSE(decode_json(input.wire_type(), all.sub(0, size), &input, absences)) << size;
  }
}

TEST(JsonDecode, RefusesDeepDocumentsAtOnce) {
  for (const size_t depth : {kMaxJsonDepth, size_t{100'000}, size_t{5'000'000}}) {
    for (const auto& [open, close] :
         {std::pair("[", "]"), std::pair(R"({"a":)", "}"), std::pair("{\"Item\":{\"M\":", "}}")}) {
      std::string text = "{\"x\":";
      for (size_t i = 0; i < depth; ++i) text += open;
      text += "1";
      for (size_t i = 0; i < depth; ++i) text += close;
      text += "}";
      EXPECT_EQ(message_of<dynamodb::PutItemInput>(text), "") << depth << open;
      if (depth > 1'000'000) break;
    }
  }
  std::string item = R"({"N":"1"})";
  for (int level = 0; level < 31; ++level) item = R"({"M":{"a":)" + item + "}}";
  EXPECT_TRUE(from_json<dynamodb::PutItemInput>(R"({"TableName":"t","Item":{"k":)" + item + "}}"));
}

TEST(JsonDecode, BoundsTheMemoryOfLists) {
  std::string records = "[{}";
  while (records.size() < (20u << 20)) records += ",{}";
  records += "]";
  const auto put = from_json<kinesis::PutRecordsInput>(R"({"Records":)" + records + "}");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->records.size(), 501u) << "one more than the model allows";

  const auto create = from_json<kinesisanalyticsv2::CreateApplicationRequest>(
      R"({"ApplicationConfiguration":{"SqlApplicationConfiguration":{"Inputs":)" + records + "}}}");
  ASSERT_FALSE(create);
  EXPECT_EQ(create.error().code, ErrorCode::kRequestTooLarge);
}

TEST(JsonDecode, ReadsTwentyMebibytesInOneMember) {
  const std::string data(20u << 20, 'A');
  const auto put = from_json<kinesis::PutRecordInput>(R"({"Data":")" + data + R"("})");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->data, std::string(15u << 20, '\0'));
}

TEST(JsonDecode, ShortensTheCallersTextInMessages) {
  const std::string data(1'000'001, 'A');
  EXPECT_LT(message_of<kinesis::PutRecordInput>(R"({"Data":")" + data + R"("})").size(), 2000u);
}

}  // namespace
}  // namespace millstream::wire
