#include "streams/data_operations_fixture.h"
#include "streams/dry_run.h"
#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "wire/cbor_encode.h"
#include "wire/json_encode.h"

namespace millstream::streams {
namespace {

constexpr std::string_view kShard0 = "shardId-000000000000";

class GetTest : public DataPlaneTest {
 protected:
  GetTest() { add(even_stream("clicks", 1)); }

  std::vector<std::string> data_of(const wire::kinesis::GetRecordsOutput& out) {
    std::vector<std::string> all;
    for (const auto& record : out.records) all.push_back(record.data);
    return all;
  }
  // Everything from `text` on, as a polling client reads it.
  std::vector<std::string> read_from(std::string text) {
    const auto out = get(text);
    EXPECT_TRUE(out.has_value()) << out.error().message;
    return out ? data_of(*out) : std::vector<std::string>();
  }
  Error iterator_error(std::string_view type, std::optional<std::string> number = std::nullopt,
                       std::optional<TimeMs> time = std::nullopt) {
    auto made = iterator("clicks", kShard0, type, std::move(number), time);
    return made ? Error{} : made.error();
  }
};

class LimitedGetTest : public DataPlaneTest {
 protected:
  LimitedGetTest() : DataPlaneTest({.out_bytes_per_s = 2 << 20, .get_calls_per_s = 5}) {}
};

TEST_F(GetTest, EveryIteratorTypeStartsWhereItSays) {
  std::vector<std::string> numbers;
  std::vector<TimeMs> times;
  for (const char* data : {"1", "2", "3", "4"}) {
    times.push_back(clock_.now_ms());
    numbers.push_back(put_one("clicks", "a", data)->sequence_number);
    clock_.advance(std::chrono::milliseconds(1500));
  }
  using All = std::vector<std::string>;
  const auto from = [&](std::string_view type, std::optional<std::string> number = std::nullopt,
                        std::optional<TimeMs> time = std::nullopt) {
    return read_from(iterator("clicks", kShard0, type, std::move(number), time).value());
  };
  EXPECT_EQ(from("TRIM_HORIZON"), (All{"1", "2", "3", "4"}));
  EXPECT_EQ(from("AT_SEQUENCE_NUMBER", numbers[1]), (All{"2", "3", "4"}));
  EXPECT_EQ(from("AFTER_SEQUENCE_NUMBER", numbers[1]), (All{"3", "4"}));
  EXPECT_EQ(from("AFTER_SEQUENCE_NUMBER", numbers[3]), All{});
  EXPECT_EQ(from("AT_TIMESTAMP", std::nullopt, times[2]), (All{"3", "4"}));
  EXPECT_EQ(from("AT_TIMESTAMP", std::nullopt, times[2] - 1), (All{"3", "4"}));
  EXPECT_EQ(from("AT_TIMESTAMP", std::nullopt, times[2] + 1), (All{"4"}));
  EXPECT_EQ(from("AT_TIMESTAMP", std::nullopt, 0), (All{"1", "2", "3", "4"}));
  const std::string start =
      starting_sequence_number(catalog_.find({"123456789012", "eu-west-1", "clicks"})->shards[0]);
  EXPECT_EQ(from("AT_SEQUENCE_NUMBER", start), (All{"1", "2", "3", "4"}));
  const std::string latest = iterator("clicks", kShard0, "LATEST").value();
  EXPECT_EQ(read_from(latest), All{});
  ASSERT_TRUE(put_one("clicks", "a", "5"));
  EXPECT_EQ(read_from(latest), All{"5"});
}

TEST_F(GetTest, ADryRunChecksAndReadsNothing) {
  ASSERT_TRUE(put_one("clicks", "a", "1"));
  wire::kinesis::GetShardIteratorInput of_shard;
  of_shard.stream_name = "clicks";
  of_shard.shard_id = kShard0;
  of_shard.shard_iterator_type = "TRIM_HORIZON";
  of_shard.dry_run = true;
  EXPECT_EQ(run(plane_->get_shard_iterator(request_, of_shard)).error(), dry_run_passed());
  of_shard.shard_id = "shardId-000000000001";
  EXPECT_EQ(run(plane_->get_shard_iterator(request_, of_shard)).error().code, ErrorCode::kNotFound);
  of_shard.shard_id = kShard0;
  of_shard.shard_iterator_type = "AT_SEQUENCE_NUMBER";
  of_shard.starting_sequence_number = "1";
  EXPECT_EQ(run(plane_->get_shard_iterator(request_, of_shard)).error().code,
            ErrorCode::kInvalidArgument);
  const std::string text = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  const auto dry = [&](std::string_view of) {
    return get_records_text(fmt::format(R"({{"ShardIterator":"{}","DryRun":true}})", of)).error();
  };
  EXPECT_EQ(dry(text), dry_run_passed());
  EXPECT_EQ(dry("AAAA").code, ErrorCode::kInvalidArgument);
}

// With a pool, so that answers wait to be made while others are.
class BoundedGetTest : public GetTest {
 protected:
  static constexpr size_t kLimit = size_t{32} << 20;
  static constexpr size_t kRecord = size_t{900} << 10;

  BoundedGetTest() {
    context_.answers = &answers_;
    context_.cpu_pool = &pool_;
    for (int i = 0; i < 8; ++i) {
      EXPECT_TRUE(put_one("clicks", "a", std::string(kRecord, 'x')));
    }
  }

  ByteBudget answers_{kLimit};
  asio::thread_pool pool_{1};
};

TEST_F(BoundedGetTest, AnswersThatAreBeingMadeStayWithinTheBytesInFlight) {
  const std::string text = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  const std::string body = fmt::format(R"({{"ShardIterator":"{}"}})", text);
  asio::io_context loop;
  constexpr int kCalls = 20;
  int answered = 0;
  int refused = 0;
  size_t most = 0;
  for (int i = 0; i < kCalls; ++i) {
    asio::co_spawn(
        loop,
        [&]() -> awaitable<> {
          const auto answer = co_await plane_->get_records(request_, Slice::copy_of(body));
          most = std::max(most, answers_.current());
          if (answer) {
            ++answered;
          } else {
            EXPECT_EQ(answer.error().code, ErrorCode::kThroughputExceeded);
            ++refused;
          }
        },
        asio::detached);
  }
  loop.run();
  EXPECT_EQ(answered + refused, kCalls);
  EXPECT_GT(answered, 0);
  EXPECT_GT(refused, 0);
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(answers_.current(), 0u);
}

TEST_F(BoundedGetTest, WhereOthersHoldEverythingACallerIsThrottledAndLaterServed) {
  const std::string text = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  answers_.take(kLimit);
  EXPECT_EQ(get(text).error().code, ErrorCode::kThroughputExceeded);
  answers_.give(kLimit);
  // No answer is so large that it would never find room.
  const auto served = get(text);
  ASSERT_TRUE(served);
  EXPECT_EQ(served->records.size(), kLimit / 8 / kRecord);
}

TEST_F(GetTest, ANumberBeyondTheTipDoesNotHideLaterRecords) {
  auto number = *parse_sequence_number(put_one("clicks", "a", "1")->sequence_number);
  number.counter += 1'000'000;
  const std::string text =
      iterator("clicks", kShard0, "AT_SEQUENCE_NUMBER", format_sequence_number(number)).value();
  ASSERT_TRUE(put_one("clicks", "a", "2"));
  EXPECT_EQ(read_from(text), std::vector<std::string>{"2"});
}

TEST_F(GetTest, IteratorErrorsAreAwss) {
  const std::string either =
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
      "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
      "Request specified ";
  EXPECT_EQ(iterator_error("AT_SEQUENCE_NUMBER").message,
            either + "AT_SEQUENCE_NUMBER and no StartingSequenceNumber.");
  EXPECT_EQ(iterator_error("AFTER_SEQUENCE_NUMBER").message,
            either + "AFTER_SEQUENCE_NUMBER and no StartingSequenceNumber.");
  EXPECT_EQ(iterator_error("LATEST", "5").message,
            either + "LATEST and also a StartingSequenceNumber.");
  EXPECT_EQ(iterator_error("TRIM_HORIZON", "5").message,
            either + "TRIM_HORIZON and also a StartingSequenceNumber.");
  EXPECT_EQ(iterator_error("AT_SEQUENCE_NUMBER", "5").message,
            "Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used "
            "in a call to a shard with shardId-000000000000");
  EXPECT_EQ(iterator_error("AT_TIMESTAMP").message,
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current "
            "request has no timestamp parameter.");
  EXPECT_EQ(iterator_error("AT_TIMESTAMP", std::nullopt, 1'764'000'002'000).message,
            "The timestampInMillis parameter cannot be greater than the "
            "currentTimestampInMillis. timestampInMillis: 1764000002000, "
            "currentTimestampInMillis: 1764000000000");
}

TEST_F(GetTest, ShardsAreNamedAsLooselyAsOnAws) {
  for (const char* id : {"0", "shardId-0", "x-0000", "-0", "shardId-000000000000-more"}) {
    EXPECT_TRUE(iterator("clicks", id, "LATEST")) << id;
  }
  EXPECT_EQ(iterator("clicks", "shardId-5", "LATEST").error(),
            (Error{ErrorCode::kNotFound,
                   "Shard shardId-000000000005 in stream clicks under account 123456789012 does "
                   "not exist"}));
  EXPECT_EQ(iterator("none", "2147483647", "LATEST").error(),
            (Error{ErrorCode::kNotFound,
                   "Shard shardId-002147483647 in stream none under account 123456789012 does not "
                   "exist"}));
  for (const char* id : {"2147483648", "ABKLFD8", "2.14E4"}) {
    EXPECT_EQ(iterator("none", id, "LATEST").error(),
              (Error{ErrorCode::kNotFound,
                     fmt::format("Could not find shard {} in stream none under account "
                                 "123456789012.",
                                 id)}));
  }
}

TEST_F(GetTest, MillisBehindLatestIsZeroOnlyAtTheTip) {
  ASSERT_TRUE(put_one("clicks", "a", "1"));
  clock_.advance(std::chrono::seconds(5));
  ASSERT_TRUE(put_one("clicks", "a", "2"));
  ASSERT_TRUE(put_one("clicks", "a", "3"));
  const auto first = get(iterator("clicks", kShard0, "TRIM_HORIZON").value(), 1);
  EXPECT_EQ(first->millis_behind_latest, 5000);
  const auto second = get(*first->next_shard_iterator, 1);
  EXPECT_EQ(data_of(*second), std::vector<std::string>{"2"});
  EXPECT_EQ(second->millis_behind_latest, 1);  // same millisecond, but not the tip
  const auto third = get(*second->next_shard_iterator, 1);
  EXPECT_EQ(data_of(*third), std::vector<std::string>{"3"});
  EXPECT_EQ(third->millis_behind_latest, 0);
  const auto fourth = get(*third->next_shard_iterator);
  EXPECT_TRUE(fourth->records.empty());
  EXPECT_EQ(fourth->millis_behind_latest, 0);
  EXPECT_TRUE(fourth->next_shard_iterator.has_value());
}

TEST_F(GetTest, ArrivalTimeIsTheServersToTheMillisecond) {
  clock_.set_wall(1'764'000'000'123);
  ASSERT_TRUE(put_one("clicks", "a", "1"));
  const auto out = get_records_text(fmt::format(
      R"({{"ShardIterator":"{}"}})", iterator("clicks", kShard0, "TRIM_HORIZON").value()));
  EXPECT_NE(out->find(R"("ApproximateArrivalTimestamp":1764000000.123,)"), std::string::npos);
}

TEST_F(GetTest, OneAnswerHasAtMostTenMebibytes) {
  const std::string data(900 << 10, 'x');
  for (int i = 0; i < 13; ++i) ASSERT_TRUE(put_one("clicks", "a", data));
  std::optional<std::string> next = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  const auto first = get(*next);
  EXPECT_EQ(first->records.size(), 11u);
  EXPECT_GT(first->millis_behind_latest.value(), 0);
  const auto second = get(*first->next_shard_iterator);
  EXPECT_EQ(second->records.size(), 2u);
  EXPECT_EQ(second->millis_behind_latest, 0);
}

TEST_F(GetTest, ReadsOverTheEndOfASplitShardIntoItsChildren) {
  Stream stream = even_stream("clicks", 1);
  for (const char* data : {"1", "2", "3"}) ASSERT_TRUE(put_one("clicks", "a", data));
  // Sealed, children not published yet: the client has to come again.
  ASSERT_TRUE(run(log_.seal(ShardId{1})).has_value());
  const auto early = get(iterator("clicks", kShard0, "TRIM_HORIZON").value());
  EXPECT_EQ(early->records.size(), 3u);
  ASSERT_TRUE(early->next_shard_iterator.has_value());
  EXPECT_FALSE(early->child_shards.has_value());
  stream.shards[0].open = false;
  for (uint32_t i = 1; i <= 2; ++i) {
    Shard child;
    child.index = i;
    child.log_id = ShardId{100 + i};
    child.created_s = kCreatedS + 10;
    child.parent = 0;
    child.first_hash_key = i == 1 ? 0 : kMaxHashKey / 2 + 1;
    child.last_hash_key = i == 1 ? kMaxHashKey / 2 : kMaxHashKey;
    stream.shards.push_back(child);
  }
  ASSERT_TRUE(run(log_.create(ShardId{101}, {})).has_value());
  ASSERT_TRUE(run(log_.create(ShardId{102}, {})).has_value());
  catalog_.publish(stream);
  const auto part = get(iterator("clicks", kShard0, "TRIM_HORIZON").value(), 2);
  EXPECT_EQ(part->records.size(), 2u);
  ASSERT_TRUE(part->next_shard_iterator.has_value());
  const auto last = get(*part->next_shard_iterator);
  EXPECT_EQ(data_of(*last), std::vector<std::string>{"3"});
  for (const auto& end : {*last, *get(*early->next_shard_iterator),
                          *get(iterator("clicks", kShard0, "LATEST").value())}) {
    EXPECT_FALSE(end.next_shard_iterator.has_value());
    EXPECT_EQ(end.millis_behind_latest, 0);
    ASSERT_TRUE(end.child_shards.has_value());
    ASSERT_EQ(end.child_shards->size(), 2u);
    EXPECT_EQ(end.child_shards->at(1).shard_id, "shardId-000000000002");
    EXPECT_EQ(end.child_shards->at(1).parent_shards,
              std::vector<std::string>{std::string(kShard0)});
    EXPECT_EQ(end.child_shards->at(1).hash_key_range.starting_hash_key,
              "170141183460469231731687303715884105728");
    EXPECT_EQ(end.child_shards->at(1).hash_key_range.ending_hash_key,
              "340282366920938463463374607431768211455");
  }
}

TEST_F(GetTest, IteratorsOfADeletedStreamDontReadItsSuccessor) {
  const std::string text = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  Stream successor = even_stream("clicks", 1, 70);
  successor.generation = 8;
  add(successor);
  const Error gone{ErrorCode::kNotFound,
                   "Shard shardId-000000000000 in stream clicks under account 123456789012 does "
                   "not exist"};
  EXPECT_EQ(get(text).error(), gone);
  catalog_.remove(successor.key);
  EXPECT_EQ(get(text).error(), gone);
}

TEST_F(GetTest, RefusesExpiredForeignAndGarbledIterators) {
  const std::string text = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  EXPECT_EQ(get("nonsense").error(),
            (Error{ErrorCode::kInvalidArgument, "Invalid ShardIterator."}));
  request_.region = "us-east-1";
  EXPECT_EQ(get(text).error(), (Error{ErrorCode::kInvalidArgument, "Invalid ShardIterator."}));
  request_.region = "eu-west-1";
  clock_.advance(std::chrono::minutes(5));
  EXPECT_TRUE(get(text));
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(get(text).error().code, ErrorCode::kExpiredIterator);
  EXPECT_EQ(get_records_text("{}").error().code, ErrorCode::kValidation);
}

TEST_F(GetTest, AStreamOfAnotherRegionIsReadByItsArn) {
  Stream other = even_stream("clicks", 1, 80);
  other.key.region = "us-east-1";
  add(other);
  ASSERT_TRUE(put_record(R"({"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/clicks",)"
                         R"("PartitionKey":"a","Data":"QQ=="})"));
  wire::kinesis::GetShardIteratorInput in;
  in.stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
  in.shard_id = kShard0;
  in.shard_iterator_type = "TRIM_HORIZON";
  const auto text = *run(plane_->get_shard_iterator(request_, in))->shard_iterator;
  const auto out = get(text);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->records.size(), 1u);
  EXPECT_EQ(read_from(*out->next_shard_iterator), std::vector<std::string>{});
  EXPECT_EQ(get_records_text(fmt::format(R"({{"ShardIterator":"{}","StreamARN":)"
                                         R"("arn:aws:kinesis:eu-west-1:123456789012:stream/x"}})",
                                         text))
                .error()
                .code,
            ErrorCode::kInvalidArgument);
}

TEST_F(GetTest, AnswersAsTheGeneralEncoder) {
  const std::vector<std::string> keys = {"plain",        "ключ",      "quote\"back\\slash",
                                         "\n\t\x01\x7f", "/slash<>&", std::string(256, 'k')};
  for (size_t i = 0; i < keys.size(); ++i) {
    std::string body = R"({"StreamName":"clicks","PartitionKey":)";
    wire::append_json_string(body, keys[i]);
    body += R"(,"Data":")" + base64_encode(std::string(i * 7, '\xfe')) + R"("})";
    ASSERT_TRUE(put_record(body));
    clock_.advance(std::chrono::milliseconds(i * 333));
  }
  GetAnswer answer;
  answer.stream = catalog_.find({"123456789012", "eu-west-1", "clicks"});
  answer.shard = &answer.stream->shards[0];
  answer.read = *run(log_.read(ShardId{1}, 0, {}));
  answer.next_iterator = "AAAA";
  answer.millis_behind_latest = 17;
  const auto output = to_output(answer);
  EXPECT_EQ(encode_get_records_json(answer).view(), wire::to_json(output));
  EXPECT_EQ(encode_get_records_cbor(answer).view(), wire::to_cbor(output));
  ASSERT_EQ(output.records.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(output.records[i].partition_key, keys[i]);
  answer.read = {};
  answer.next_iterator.reset();
  answer.children = {answer.shard, answer.shard};
  EXPECT_EQ(encode_get_records_json(answer).view(), wire::to_json(to_output(answer)));
  EXPECT_EQ(encode_get_records_cbor(answer).view(), wire::to_cbor(to_output(answer)));
}

TEST_F(LimitedGetTest, CallsAndBytesAreLimitedPerShard) {
  add(even_stream("clicks", 1));
  std::string next = iterator("clicks", kShard0, "TRIM_HORIZON").value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get(next));
  EXPECT_EQ(get(next).error(),
            (Error{ErrorCode::kThroughputExceeded,
                   "Rate exceeded for Shard - 123456789012/clicks/shardId-000000000000"}));
  clock_.advance(std::chrono::seconds(1));
  const std::string data(1000 << 10, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put_one("clicks", "a", data));
  EXPECT_EQ(get(next)->records.size(), 10u);
  clock_.advance(std::chrono::milliseconds(4'500));
  EXPECT_EQ(get(next).error().code, ErrorCode::kThroughputExceeded);
  clock_.advance(std::chrono::milliseconds(500));
  EXPECT_TRUE(get(next));
}

}  // namespace
}  // namespace millstream::streams
