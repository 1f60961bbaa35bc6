// decode_cbor and encode_cbor: the same values as JSON has, for every structure of the models.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/cbor_decode.h"
#include "wire/cbor_encode.h"
#include "wire/cbor_reader.h"
#include "wire/errors.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/kinesis.h"
#include "wire/json_encode.h"
#include "wire/operation.h"
#include "wire/sample_values.h"

namespace millstream::wire {
namespace {

using namespace std::string_literals;

std::string json_of(AnyStructure& object) {
  std::string text;
  encode_json(object.type(), object.get(), text);
  return text;
}

std::string cbor_of(AnyStructure& object) {
  std::string bytes;
  encode_cbor(object.type(), object.get(), bytes);
  return bytes;
}

std::string text(std::string_view content) {
  std::string bytes;
  append_cbor_text(bytes, content);
  return bytes;
}

// {name: value}
std::string map_of(std::string_view name, std::string_view value) {
  return '\xa1' + text(name) + std::string(value);
}

// The same document with every length left open, and strings in parts of three bytes.
void open_lengths(std::string_view bytes, CborReader& reader, std::string& out) {
  const size_t start = reader.position();
  CborItem item;
  ASSERT_TRUE(reader.next(item));
  const bool is_text = item.type == CborType::kText;
  const bool is_map = item.type == CborType::kMap;
  if (is_text || item.type == CborType::kBytes) {
    out += is_text ? '\x7f' : '\x5f';
    for (size_t at = 0; at < item.text.size(); at += 3) {
      const std::string_view part = item.text.substr(at, 3);
      out += static_cast<char>((is_text ? 0x60U : 0x40U) | part.size());
      out += part;
    }
    out += '\xff';
  } else if (is_map || item.type == CborType::kArray) {
    out += is_map ? '\xbf' : '\x9f';
    for (CborElements elements(reader, item); elements.more();) {
      open_lengths(bytes, reader, out);
      if (is_map) open_lengths(bytes, reader, out);
    }
    out += '\xff';
  } else {
    out += bytes.substr(start, reader.position() - start);
  }
}

template <class T>
std::string message_of(std::string_view body) {
  const auto result = from_cbor<T>(body);
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kSerialization);
  return result.error().message;
}

template <class Visit>
void for_each_structure(Visit visit) {
  for (const Operation* operation : all_operations()) {
    for (const StructType* type : {operation->input, operation->output}) {
      if (type != nullptr) visit(*type);
    }
  }
}

TEST(Cbor, CarriesEveryStructureOfTheModelsAsJsonDoes) {
  uint32_t seed = 1;
  for_each_structure([&](const StructType& type) {
    if (type.event_stream) return;
    for (int round = 0; round < 5; ++round) {
      AnyStructure object(type);
      Sampler(seed++).fill(type, object.get());
      const std::string bytes = cbor_of(object);
      std::string open;
      CborReader reader(bytes);
      open_lengths(bytes, reader, open);
      for (const std::string& spelling : {bytes, open}) {
        AnyStructure copy(type);
        Absences absences;
        const auto decoded = decode_cbor(type, spelling, copy.get(), absences);
        ASSERT_TRUE(decoded) << type.name << ": " << decoded.error().message;
        EXPECT_TRUE(absences.empty());
        EXPECT_EQ(json_of(copy), json_of(object)) << type.name;
        EXPECT_EQ(cbor_of(copy), bytes) << type.name;
      }
    }
  });
}

TEST(Cbor, EveryTruncationIsRefused) {
  for (const StructType* type :
       {&kinesis::PutRecordsInput::wire_type(), &kinesis::GetRecordsOutput::wire_type(),
        &kinesis::AddTagsToStreamInput::wire_type(), &dynamodb::PutItemInput::wire_type()}) {
    for (uint32_t seed = 0; seed < 6; ++seed) {
      AnyStructure object(*type);
      Sampler(seed).fill(*type, object.get());
      std::string bytes = cbor_of(object);
      for (size_t size = 1; size < bytes.size(); ++size) {
        AnyStructure copy(*type);
        Absences absences;
        // A copy of its own, so that ASan sees a read behind its end.
        const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
        const auto decoded = decode_cbor(*type, {cut.data(), size}, copy.get(), absences);
        ASSERT_FALSE(decoded) << type->name << " cut to " << size;
        EXPECT_EQ(decoded.error(), (Error{ErrorCode::kSerialization, ""}));
      }
      bytes += '\xf6';
      AnyStructure copy(*type);
      Absences absences;
      EXPECT_FALSE(decode_cbor(*type, bytes, copy.get(), absences));
    }
  }
}

// The bytes that the SDK for Java sends: open lengths, times in milliseconds with tag 1.
TEST(Cbor, ReadsWhatTheSdkForJavaSends) {
  const auto iterator = from_cbor<kinesis::GetShardIteratorInput>(
      "\xbf" + text("ShardId") + text("s") + text("Timestamp") +
      "\xc1\x1b\x00\x00\x01\x8b\xcf\xe5\x68\x7b"s + text("ShardIteratorType") +
      text("AT_TIMESTAMP") + "\xff");
  ASSERT_TRUE(iterator) << iterator.error().message;
  EXPECT_EQ(iterator->timestamp, Timestamp{1'700'000'000'123});
  EXPECT_EQ(iterator->shard_iterator_type, "AT_TIMESTAMP");

  const auto put = from_cbor<kinesis::PutRecordsInput>(
      "\xbf" + text("Records") + "\x9f\xbf" + text("Data") + "\x43\x00\xff\x80"s +
      text("PartitionKey") + text("kü") + text("ExplicitHashKey") + "\xf6\xff\xff" +
      text("Unknown") + "\xbf" + text("a") + "\x9f\x01\xf6\xff\xff" + text("StreamName") +
      text("clicks") + "\xff");
  ASSERT_TRUE(put) << put.error().message;
  ASSERT_EQ(put->records.size(), 1u);
  EXPECT_EQ(put->records[0].data, "\x00\xff\x80"s);
  EXPECT_EQ(put->records[0].partition_key, "kü");
  EXPECT_EQ(put->records[0].explicit_hash_key, std::nullopt);
  EXPECT_EQ(put->stream_name, "clicks");
}

TEST(Cbor, TakesFloatingPointTimesForSeconds) {
  const std::string start = "\xbf" + text("Timestamp");
  const auto read = [&](std::string_view value) {
    const auto in = from_cbor<kinesis::GetShardIteratorInput>(start + std::string(value) + "\xff");
    return in ? in->timestamp->ms : -1;
  };
  EXPECT_EQ(read("\xc1\xfb\x41\xd9\x54\xfc\x40\x07\xdf\x3b"s), 1'700'000'000'123);
  EXPECT_EQ(read("\xfb\x41\xd9\x54\xfc\x40\x00\x00\x00"s), 1'700'000'000'000);
  EXPECT_EQ(read("\x01"), 1);
  EXPECT_EQ(read("\xf9\x7e\x00"s), 0);
  EXPECT_EQ(read("\xf9\x7c\x00"s), 253'402'300'799'999);
}

TEST(Cbor, WritesTimesAndBlobsAsTheSdkForJavaReadsThem) {
  kinesis::Record record;
  record.approximate_arrival_timestamp = Timestamp{1'700'000'000'123};
  record.data = "\x00\xff"s;
  record.partition_key = "k";
  EXPECT_EQ(to_cbor(record), "\xbf" + text("SequenceNumber") + "\x60" +
                                 text("ApproximateArrivalTimestamp") +
                                 "\xc1\x1b\x00\x00\x01\x8b\xcf\xe5\x68\x7b"s + text("Data") +
                                 "\x42\x00\xff"s + text("PartitionKey") + text("k") + "\xff");
}

TEST(Cbor, TakesAnEmptyBodyForAnEmptyMap) {
  EXPECT_TRUE(from_cbor<kinesis::ListStreamsInput>(""));
  EXPECT_TRUE(from_cbor<kinesis::ListStreamsInput>("\xa0"));
  EXPECT_TRUE(from_cbor<kinesis::ListStreamsInput>("\xbf\xff"));
}

TEST(Cbor, WrongTypesHaveTheTextsOfJson) {
  using List = kinesis::ListStreamsInput;
  EXPECT_EQ(message_of<List>("\x80"), "Start of list found where not expected");
  EXPECT_EQ(message_of<List>("\x05"), "Expected null");
  EXPECT_EQ(message_of<List>("\xf6"), "Expected null");
  EXPECT_EQ(message_of<List>(map_of("Limit", text("5"))),
            "class java.lang.String can not be converted to an Integer");
  EXPECT_EQ(message_of<List>(map_of("Limit", "\x80")), "Start of list found where not expected");
  EXPECT_EQ(message_of<List>(map_of("Limit", "\xbf\xff")),
            "Start of structure or map found where not expected.");
  EXPECT_EQ(message_of<List>(map_of("NextToken", "\xf5")),
            "class java.lang.Boolean can not be converted to an String");
  EXPECT_EQ(message_of<List>(map_of("NextToken", "\x41\x41")),
            "class java.nio.ByteBuffer can not be converted to an String");
  EXPECT_EQ(message_of<kinesis::PutRecordInput>(map_of("Data", text("QQ=="))),
            "class java.lang.String can not be converted to a Blob");
  EXPECT_EQ(message_of<kinesis::PutRecordsInput>(map_of("Records", "\x01")),
            "Expected list or null");
  EXPECT_EQ(message_of<kinesis::PutRecordsInput>(map_of("Records", "\x81\x01")), "Expected null");
  EXPECT_EQ(message_of<kinesis::AddTagsToStreamInput>(map_of("Tags", "\x01")),
            "Expected map or null");
  EXPECT_EQ(message_of<kinesis::GetShardIteratorInput>(map_of("Timestamp", text("now"))),
            "class java.lang.String can not be converted to milliseconds since epoch");
}

TEST(Cbor, BadStringsAndRepeatedNamesAreRefused) {
  using List = kinesis::ListStreamsInput;
  EXPECT_EQ(message_of<List>(map_of("NextToken", "\x61\xff")), "");
  EXPECT_EQ(message_of<List>("\xa1\x01\x01"), "");
  EXPECT_EQ(message_of<List>("\xa2" + text("Limit") + "\x01" + text("Limit") + "\x02"), "");
  EXPECT_EQ(message_of<kinesis::AddTagsToStreamInput>(
                map_of("Tags", "\xa2" + text("k") + text("1") + text("k") + text("2"))),
            "");
}

TEST(Cbor, NumbersAreClampedAndCut) {
  const auto limit = [](std::string_view value) {
    const auto in = from_cbor<kinesis::ListStreamsInput>(map_of("Limit", value));
    return in ? in->limit.value_or(-7) : -8;
  };
  EXPECT_EQ(limit("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), 2'147'483'647);
  EXPECT_EQ(limit("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), -2'147'483'648);
  EXPECT_EQ(limit("\xf9\x3e\x00"s), 1);
  EXPECT_EQ(limit("\xf9\xfc\x00"s), -2'147'483'648);
  EXPECT_EQ(limit("\xf9\x7e\x00"s), 0);
  EXPECT_EQ(limit("\xf7"), -7);
}

TEST(Cbor, NotesWhatIsMissing) {
  kinesis::PutRecordsInput input;
  Absences absences;
  ASSERT_TRUE(decode_cbor(kinesis::PutRecordsInput::wire_type(),
                          map_of("Records", "\x82\xf6" + map_of("PartitionKey", text("k"))), &input,
                          absences));
  ASSERT_EQ(input.records.size(), 2u);
  EXPECT_TRUE(absences.has_element(&input.records[0]));
  EXPECT_FALSE(absences.has_element(&input.records[1]));
  const auto refused = decode_input(kinesis::PutRecords::descriptor(), Protocol::kCbor11,
                                    Slice::of_static("\xa0"), &input);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kValidation);
}

TEST(Cbor, AListBeyondItsLimitTakesNoMemoryForIt) {
  // 100,000 records of two bytes: one more than 500 is kept, whichever way the list is spelled.
  for (const bool open : {false, true}) {
    std::string list = open ? "\x9f"s : "\x9a\x00\x01\x86\xa0"s;
    for (int i = 0; i < 100'000; ++i) list += "\xbf\xff";
    if (open) list += '\xff';
    const auto put = from_cbor<kinesis::PutRecordsInput>(map_of("Records", list));
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_EQ(put->records.size(), 501u);
  }
}

TEST(Cbor, HostileNestingAndLengthsAreRefused) {
  using Put = dynamodb::PutItemInput;
  std::string nested = map_of("BOOL", "\xf5");
  for (int i = 0; i < 30; ++i) nested = map_of("L", "\x9f" + nested + "\xff");
  EXPECT_EQ(message_of<Put>(map_of("Item", map_of("k", nested))), "accepted");
  for (int i = 0; i < 300; ++i) nested = map_of("L", "\x81" + nested);
  EXPECT_EQ(message_of<Put>(map_of("Item", map_of("k", nested))), "");
  EXPECT_EQ(message_of<Put>(map_of("Unknown", std::string(1'000'000, '\x9f'))), "");
  std::string bomb;
  for (int i = 0; i < 100'000; ++i) bomb += "\xbf\x61L\x9f";
  EXPECT_EQ(message_of<Put>(map_of("Item", map_of("k", bomb))), "");
  EXPECT_EQ(message_of<Put>(map_of("Item", "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff")), "");
  EXPECT_EQ(message_of<kinesis::PutRecordsInput>(
                map_of("Records", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff")),
            "");
}

TEST(Cbor, CountingNestedListsIsBounded) {
  // 50 open lists around a megabyte: each level would read it again.
  std::string nested(1 << 20, '\0');
  nested = map_of("B", "\x5a\x00\x10\x00\x00"s + nested);
  for (int i = 0; i < 50; ++i) nested = map_of("L", "\x9f" + nested + "\xff");
  const auto put = from_cbor<dynamodb::PutItemInput>(map_of("Item", map_of("k", nested)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::kRequestTooLarge);
}

// What decodes after any change of a few bytes encodes to the same again; the sanitizers watch.
TEST(Cbor, MutatedBodiesDecodeOrAreRefused) {
  std::mt19937 random(12);
  size_t decoded = 0;
  for_each_structure([&](const StructType& type) {
    if (type.event_stream) return;
    AnyStructure object(type);
    Sampler(static_cast<uint32_t>(random())).fill(type, object.get());
    const std::string seed = cbor_of(object);
    for (int round = 0; round < 50; ++round) {
      std::string bytes = seed;
      for (uint64_t changes = random() % 3 + 1; changes > 0; --changes) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      AnyStructure copy(type);
      Absences absences;
      if (!decode_cbor(type, bytes, copy.get(), absences)) continue;
      ++decoded;
      const std::string once = cbor_of(copy);
      AnyStructure again(type);
      ASSERT_TRUE(decode_cbor(type, once, again.get(), absences)) << type.name;
      EXPECT_EQ(cbor_of(again), once) << type.name;
    }
  });
  EXPECT_GT(decoded, 1000u);
}

TEST(Cbor, ErrorsAreMapsAsOnAws) {
  const HttpResponse gone =
      encode_error("kinesis", Protocol::kCbor11, {ErrorCode::kNotFound, "No \xff."});
  EXPECT_EQ(gone.status, 400);
  ASSERT_EQ(gone.headers.size(), 1u);
  EXPECT_EQ(gone.headers[0].second, "application/x-amz-cbor-1.1");
  EXPECT_EQ(gone.body.view(), "\xbf" + text("__type") + text("ResourceNotFoundException") +
                                  text("message") + text("No \xef\xbf\xbd.") + "\xff");
  const HttpResponse unknown =
      encode_error("kinesis", Protocol::kCbor11, {ErrorCode::kUnknownOperation, ""});
  EXPECT_EQ(unknown.body.view(),
            "\xbf" + text("__type") + text("UnknownOperationException") + "\xff");
}

}  // namespace
}  // namespace millstream::wire
