#include "streams/data_operations_fixture.h"
#include "streams/dry_run.h"

namespace millstream::streams {
namespace {

using PutTest = DataPlaneTest;

class LimitedPutTest : public DataPlaneTest {
 protected:
  LimitedPutTest() : DataPlaneTest(ShardLimits::aws()) {}
};

std::string record(std::string_view key, std::string_view data, std::string_view hash = "") {
  return fmt::format(
      R"({{"PartitionKey":"{}","Data":"{}"{}}})", key, base64_encode(data),
      hash.empty() ? std::string() : fmt::format(R"(,"ExplicitHashKey":"{}")", hash));
}
std::string records(std::string_view stream, const std::vector<std::string>& all) {
  return fmt::format(R"({{"StreamName":"{}","Records":[{}]}})", stream, fmt::join(all, ","));
}

TEST_F(PutTest, RoutesByMd5AndByExplicitHashKeyUpToTheBoundaries) {
  const Stream stream = even_stream("clicks", 3);
  add(stream);
  // Shards of kinesalite's tests: 'a', 'b' and 'e' hash into these of three.
  const auto at = [&](HashKey key) { return record("a", "x", format_hash_key(key)); };
  const auto out = put(records(
      "clicks",
      {record("a", "1"), record("b", "2"), record("e", "3"), at(0),
       at(stream.shards[0].last_hash_key), at(stream.shards[1].first_hash_key),
       at(stream.shards[1].last_hash_key), at(stream.shards[2].first_hash_key), at(kMaxHashKey)}));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  std::vector<std::string> shards;
  for (const auto& entry : out->records) shards.push_back(entry.shard_id->substr(19));
  EXPECT_EQ(shards, (std::vector<std::string>{"0", "1", "2", "0", "0", "1", "1", "2", "2"}));
  EXPECT_EQ(out->failed_record_count, 0);
  EXPECT_FALSE(out->encryption_type.has_value());
}

TEST_F(PutTest, AgreesWithTheCatalogsRouting) {
  for (const uint32_t shards : {1u, 2u, 5u, 64u, 333u}) {
    Stream stream = even_stream(fmt::format("s{}", shards), shards, shards * 1000);
    add(stream);
    stream.index_open_shards();
    for (int i = 0; i < 200; ++i) {
      const std::string key = fmt::format("key-{}", i);
      const auto out = put_one(stream.key.name, key, "x");
      ASSERT_TRUE(out.has_value());
      ASSERT_EQ(out->shard_id, stream.route(hash_key_of(md5(key))).id());
    }
  }
}

TEST_F(PutTest, AgreesWithTheCatalogsRoutingWhereShardsAreUneven) {
  // Narrow shards at one end, wide ones at the other: the hash keys 2^k … 2^(k+1)-1, and back.
  for (const bool narrow_first : {true, false}) {
    Stream stream = even_stream(narrow_first ? "narrow" : "wide", 100, narrow_first ? 1000 : 2000);
    for (uint32_t i = 0; i < 100; ++i) {
      const HashKey first = i == 0 ? 0 : HashKey{1} << (28 + i);
      const HashKey last = i == 99 ? kMaxHashKey : (HashKey{1} << (29 + i)) - 1;
      Shard& shard = stream.shards[narrow_first ? i : 99 - i];
      shard.first_hash_key = narrow_first ? first : kMaxHashKey - last;
      shard.last_hash_key = narrow_first ? last : kMaxHashKey - first;
    }
    stream.index_open_shards();
    add(stream);
    for (const Shard& shard : stream.shards) {
      for (const HashKey key :
           {shard.first_hash_key, shard.last_hash_key,
            shard.first_hash_key + (shard.last_hash_key - shard.first_hash_key) / 3}) {
        const auto out = put(records(stream.key.name, {record("k", "x", format_hash_key(key))}));
        ASSERT_TRUE(out.has_value());
        ASSERT_EQ(out->records[0].shard_id, stream.route(key).id());
      }
    }
  }
}

TEST_F(PutTest, StoresWhatWasSentInTheOrderOfTheRequest) {
  add(even_stream("clicks", 4));
  std::vector<std::string> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(record(fmt::format("key-{}", i % 97), std::string(static_cast<size_t>(i), 'd')));
  }
  const auto out = put(records("clicks", sent));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  std::map<std::string, std::vector<int>> by_shard;
  for (int i = 0; i < 500; ++i) {
    by_shard[*out->records[static_cast<size_t>(i)].shard_id].push_back(i);
  }
  EXPECT_EQ(by_shard.size(), 4u);
  for (const auto& [shard, order] : by_shard) {
    const auto got = get(iterator("clicks", shard, "TRIM_HORIZON").value());
    ASSERT_TRUE(got.has_value()) << got.error().message;
    ASSERT_EQ(got->records.size(), order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(got->records[i].data.size(), static_cast<size_t>(order[i]));
      EXPECT_EQ(got->records[i].partition_key, fmt::format("key-{}", order[i] % 97));
      EXPECT_EQ(got->records[i].sequence_number,
                out->records[static_cast<size_t>(order[i])].sequence_number);
    }
  }
}

TEST_F(PutTest, TakesArnsOfOtherRegionsAndRefusesContradictions) {
  Stream stream = even_stream("clicks", 1);
  stream.key.region = "us-east-1";
  add(stream);
  EXPECT_TRUE(put_record(R"({"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/clicks",)"
                         R"("PartitionKey":"a","Data":"QQ=="})"));
  EXPECT_EQ(put_record(R"({"StreamName":"clicks","PartitionKey":"a","Data":"QQ=="})").error(),
            (Error{ErrorCode::kNotFound, "Stream clicks under account 123456789012 not found."}));
  EXPECT_EQ(put_record(R"({"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/clicks",)"
                       R"("StreamName":"other","PartitionKey":"a","Data":"QQ=="})")
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(put_record(R"({"PartitionKey":"a","Data":"QQ=="})").error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(PutTest, ErrorsAreThoseOfTheGeneralCodec) {
  add(even_stream("clicks", 1));
  EXPECT_EQ(put_record(R"({"StreamName":"clicks","PartitionKey":"a","Data":"Q"})").error().code,
            ErrorCode::kSerialization);
  EXPECT_EQ(put_record(R"({"StreamName":"none","PartitionKey":"a","Data":"Q*=="})").error().code,
            ErrorCode::kSerialization);
  EXPECT_EQ(put_records(R"({"StreamName":"clicks","Records":[]})").error().code,
            ErrorCode::kValidation);
  EXPECT_EQ(put_record(R"({"StreamName":"clicks","Data":"QQ=="})").error(),
            (Error{ErrorCode::kValidation,
                   "1 validation error detected: Value null at 'partitionKey' failed to satisfy "
                   "constraint: Member must not be null"}));
  EXPECT_EQ(put_records(R"({"StreamName":"clicks","Records":[{"Data":"QQ=="},{"Data":"QQ=="}]})")
                .error()
                .message,
            "2 validation errors detected: Value null at 'records.1.member.partitionKey' failed "
            "to satisfy constraint: Member must not be null; Value null at "
            "'records.2.member.partitionKey' failed to satisfy constraint: Member must not be "
            "null");
  EXPECT_EQ(
      put_one("clicks", "a", "x", R"(,"ExplicitHashKey":"340282366920938463463374607431768211456")")
          .error(),
      (Error{ErrorCode::kInvalidArgument,
             "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
             "Specified value was 340282366920938463463374607431768211456"}));
}

TEST_F(PutTest, ADryRunChecksAndPutsNothing) {
  add(even_stream("clicks", 1));
  constexpr std::string_view kDry = R"(,"DryRun":true)";
  EXPECT_EQ(put_one("clicks", "a", "x", kDry).error(), dry_run_passed());
  EXPECT_EQ(put_records(R"({"StreamName":"clicks","DryRun":true,"Records":[)"
                        R"({"PartitionKey":"a","Data":"eA=="}]})")
                .error(),
            dry_run_passed());
  EXPECT_EQ(put_one("missing", "a", "x", kDry).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(put_one("clicks", "a", "x", R"(,"ExplicitHashKey":"-1","DryRun":true)").error().code,
            put_one("clicks", "a", "x", R"(,"ExplicitHashKey":"-1")").error().code);
  EXPECT_TRUE(
      get(iterator("clicks", "shardId-000000000000", "TRIM_HORIZON").value())->records.empty());
  EXPECT_TRUE(put_one("clicks", "a", "x", R"(,"DryRun":false)"));
}

TEST_F(PutTest, EscapedBodiesMeanTheSame) {
  add(even_stream("clicks", 1));
  ASSERT_TRUE(put_record(R"({"StreamName":"clicks","PartitionKey":"\u0061\"\\","Data":"\/\/8="})"));
  const auto got = get(iterator("clicks", "shardId-000000000000", "TRIM_HORIZON").value());
  ASSERT_EQ(got->records.size(), 1u);
  EXPECT_EQ(got->records[0].partition_key, "a\"\\");
  EXPECT_EQ(got->records[0].data, "\xff\xff");
}

TEST_F(PutTest, RecordsAreLimitedByTheStreamAndCallsByTenMebibytes) {
  add(even_stream("clicks", 1));
  const std::string mebibyte(1 << 20, 'x');
  EXPECT_TRUE(put_one("clicks", "a", mebibyte.substr(1)));
  EXPECT_EQ(put_one("clicks", "a", mebibyte).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(put_one("clicks", "a", mebibyte + "x").error(),
            (Error{ErrorCode::kValidation,
                   "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048577 "
                   "cap=1048577]' at 'data' failed to satisfy constraint: Member must have length "
                   "less than or equal to 1048576"}));
  const std::vector<std::string> ten(10, record("a", mebibyte.substr(1)));
  EXPECT_TRUE(put(records("clicks", ten)));
  std::vector<std::string> eleven = ten;
  eleven.push_back(record("a", "x"));
  EXPECT_EQ(put(records("clicks", eleven)).error(),
            (Error{ErrorCode::kInvalidArgument, "Records size exceeds 10 MB limit"}));
  Stream large = even_stream("large", 1, 50);
  large.max_record_kib = 10'240;
  add(large);
  EXPECT_TRUE(put_one("large", "a", std::string((10 << 20) - 1, 'x')));
}

TEST_F(PutTest, LargeBodiesGiveTheSameInThePool) {
  add(even_stream("clicks", 2));
  asio::thread_pool pool(1);
  context_.cpu_pool = &pool;
  const std::string half(1 << 19, 'y');
  const auto out =
      put(records("clicks", {record("a", half), record("b", half), record("c", half)}));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  size_t found = 0;
  for (const char* shard : {"shardId-000000000000", "shardId-000000000001"}) {
    const auto got = get(iterator("clicks", shard, "TRIM_HORIZON").value());
    for (const auto& one : got->records) found += one.data == half;
  }
  EXPECT_EQ(found, 3u);
  EXPECT_EQ(
      put(records("none", {record("a", half), record("b", half), record("c", half)})).error().code,
      ErrorCode::kNotFound);
}

TEST_F(PutTest, SequenceNumberForOrderingMustHaveBeenGiven) {
  add(even_stream("clicks", 2));
  const auto ordered = [&](const std::string& number) {
    return put_one("clicks", "a", "x", fmt::format(R"(,"SequenceNumberForOrdering":"{}")", number));
  };
  std::string last = put_one("clicks", "a", "x")->sequence_number;
  for (int i = 0; i < 5; ++i) {
    const auto out = ordered(last);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_LT(last, out->sequence_number);
    last = out->sequence_number;
  }
  // AWS's samples hand on numbers over partition keys.
  EXPECT_TRUE(ordered(put_one("clicks", "b", "x")->sequence_number));
  // All zeroes, also of version 1: accepted on AWS.
  EXPECT_TRUE(ordered(format_sequence_number({0, 0, 0, 0})));
  last = put_one("clicks", "a", "x")->sequence_number;
  auto future = *parse_sequence_number(last);
  future.counter += 1;
  const std::string not_given = format_sequence_number(future);
  EXPECT_EQ(ordered(not_given).error(),
            (Error{ErrorCode::kInvalidArgument,
                   "ExclusiveMinimumSequenceNumber " + not_given +
                       " used in PutRecord on stream clicks under account 123456789012 is "
                       "invalid."}));
  EXPECT_FALSE(ordered(format_sequence_number({5, 0, 0, clock_.now_ms() / 1000 + 10})));
  EXPECT_FALSE(ordered("5" + std::string(60, '0')));
  // The clock goes back: what was given stays valid.
  clock_.set_wall(clock_.now_ms() - 3'600'000);
  const auto late = ordered(last);
  ASSERT_TRUE(late.has_value()) << late.error().message;
  EXPECT_LT(last, late->sequence_number);
}

TEST_F(PutTest, StreamsThatAreNotActiveAreNotFound) {
  Stream stream = even_stream("clicks", 1);
  add(stream);
  stream.status = StreamStatus::kUpdating;
  catalog_.publish(stream);
  EXPECT_TRUE(put_one("clicks", "a", "x"));
  for (const StreamStatus status : {StreamStatus::kCreating, StreamStatus::kDeleting}) {
    stream.status = status;
    catalog_.publish(stream);
    EXPECT_EQ(put_one("clicks", "a", "x").error().code, ErrorCode::kNotFound);
  }
}

// The parent is sealed in the log, the children become known a moment later.
Stream split(Stream stream) {
  Shard& parent = stream.shards[0];
  parent.open = false;
  const HashKey middle = parent.first_hash_key + (parent.last_hash_key - parent.first_hash_key) / 2;
  Shard low;
  low.index = static_cast<uint32_t>(stream.shards.size());
  low.log_id = static_cast<ShardId>(900);
  low.created_s = parent.created_s + 10'001;
  low.parent = 0;
  low.first_hash_key = parent.first_hash_key;
  low.last_hash_key = middle;
  Shard high = low;
  ++high.index;
  high.log_id = static_cast<ShardId>(901);
  high.first_hash_key = middle + 1;
  high.last_hash_key = stream.shards[0].last_hash_key;
  stream.shards.push_back(low);
  stream.shards.push_back(high);
  return stream;
}

TEST_F(PutTest, APutThatMeetsASplitGoesToTheChildrenWhole) {
  const Stream stream = even_stream("clicks", 2);
  add(stream);
  const std::string before = put_one("clicks", "a", "x")->sequence_number;
  ASSERT_TRUE(run(log_.seal(ShardId{1})).has_value());
  catalog_.on_wait = [&] { add(split(stream)); };
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) sent.push_back(record(fmt::format("k{}", i), "x"));
  const auto out = put(records("clicks", sent));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(catalog_.waits, 1);
  std::map<std::string, int> count;
  for (const auto& entry : out->records) ++count[*entry.shard_id];
  EXPECT_EQ(count["shardId-000000000000"], 0);
  EXPECT_GT(count["shardId-000000000001"], 0);
  EXPECT_GT(count["shardId-000000000002"], 0);
  EXPECT_GT(count["shardId-000000000003"], 0);
  // The other shard's records were not written twice.
  const auto got = get(iterator("clicks", "shardId-000000000001", "TRIM_HORIZON").value());
  EXPECT_EQ(got->records.size(), static_cast<size_t>(count["shardId-000000000001"]));
  // Order holds over the split, though the child's clock is ahead of the wall.
  const auto after =
      put_one("clicks", "a", "x", fmt::format(R"(,"SequenceNumberForOrdering":"{}")", before));
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_LT(before, after->sequence_number);
  EXPECT_TRUE(put_one("clicks", "a", "x",
                      fmt::format(R"(,"SequenceNumberForOrdering":"{}")", after->sequence_number)));
}

TEST_F(PutTest, ASplitThatNeverEndsIsAnErrorAndADeletedStreamIsNotFound) {
  const Stream stream = even_stream("clicks", 1);
  add(stream);
  ASSERT_TRUE(run(log_.seal(ShardId{1})).has_value());
  catalog_.on_wait = [&] { clock_.advance(std::chrono::seconds(11)); };
  EXPECT_EQ(put_one("clicks", "a", "x").error().code, ErrorCode::kUnavailable);
  catalog_.on_wait = [&] { catalog_.remove(stream.key); };
  EXPECT_EQ(put_one("clicks", "a", "x").error().code, ErrorCode::kNotFound);
}

TEST_F(PutTest, AFullLogThrottlesAndABrokenOneFails) {
  add(even_stream("clicks", 1));
  log_.set_hook([](std::string_view, ShardId) -> Result<> {
    return fail(ErrorCode::kThrottled, "the journal is full");
  });
  const auto out = put(records("clicks", {record("a", "x"), record("b", "y")}));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->failed_record_count, 2);
  EXPECT_EQ(out->records[1].error_code, "ProvisionedThroughputExceededException");
  EXPECT_EQ(put_one("clicks", "a", "x").error().code, ErrorCode::kThroughputExceeded);
  log_.set_hook([](std::string_view, ShardId) -> Result<> {
    return fail(ErrorCode::kUnavailable, "the disk has failed");
  });
  EXPECT_EQ(put(records("clicks", {record("a", "x")})).error().code, ErrorCode::kUnavailable);
}

TEST_F(LimitedPutTest, RecordsOverTheLimitFailAloneAndKeepTheirPlace) {
  const Stream stream = even_stream("clicks", 2);
  add(stream);
  const std::string low = format_hash_key(0);
  const std::string high = format_hash_key(kMaxHashKey);
  const std::string big(600 << 10, 'x');
  const auto out = put(records("clicks", {record("a", big, low), record("b", big, low),
                                          record("c", "small", low), record("d", big, high)}));
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->failed_record_count, 1);
  EXPECT_TRUE(out->records[0].sequence_number.has_value());
  EXPECT_FALSE(out->records[0].error_code.has_value());
  EXPECT_FALSE(out->records[1].sequence_number.has_value());
  EXPECT_FALSE(out->records[1].shard_id.has_value());
  EXPECT_EQ(out->records[1].error_code, "ProvisionedThroughputExceededException");
  EXPECT_EQ(out->records[1].error_message,
            "Rate exceeded for shard shardId-000000000000 in stream clicks under account "
            "123456789012.");
  EXPECT_TRUE(out->records[2].sequence_number.has_value());
  EXPECT_TRUE(out->records[3].sequence_number.has_value());
  const auto got = get(iterator("clicks", "shardId-000000000000", "TRIM_HORIZON").value());
  ASSERT_EQ(got->records.size(), 2u);
  EXPECT_EQ(got->records[1].data, "small");
  EXPECT_EQ(got->records[1].sequence_number, out->records[2].sequence_number);
}

TEST_F(LimitedPutTest, APutRecordOverTheLimitIsAnErrorUntilTimePasses) {
  add(even_stream("clicks", 1));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(put_one("clicks", "a", "x"));
  EXPECT_EQ(put_one("clicks", "a", "x").error(),
            (Error{ErrorCode::kThroughputExceeded,
                   "Rate exceeded for shard shardId-000000000000 in stream clicks under account "
                   "123456789012."}));
  const auto all_fail = put(records("clicks", {record("a", "x"), record("b", "x")}));
  EXPECT_EQ(all_fail->failed_record_count, 2);
  clock_.advance(std::chrono::milliseconds(10));
  EXPECT_TRUE(put_one("clicks", "a", "x"));
}

TEST_F(LimitedPutTest, TheHalvesOfASplitShardHaveLimitsOfTheirOwn) {
  add(even_stream("clicks", 1));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(put_one("clicks", "a", "x"));
  ASSERT_FALSE(put_one("clicks", "a", "x"));
  add(even_stream("clicks", 2, 100));  // what is published takes the other's place
  for (const HashKey key : {HashKey{0}, kMaxHashKey}) {
    const std::string hash = fmt::format(R"(,"ExplicitHashKey":"{}")", format_hash_key(key));
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(put_one("clicks", "a", "x", hash));
    EXPECT_FALSE(put_one("clicks", "a", "x", hash));
  }
}

TEST_F(LimitedPutTest, IteratorsOfAnOpenShardAreLimited) {
  Stream stream = even_stream("clicks", 2);
  add(stream);
  const auto iterators = [&](std::string_view shard) {
    for (int i = 0; i < 6; ++i) {
      const auto got = iterator("clicks", shard, "LATEST");
      if (got) continue;
      EXPECT_EQ(got.error(),
                (Error{ErrorCode::kThroughputExceeded,
                       fmt::format("Rate exceeded for shard {} in stream clicks under account "
                                   "123456789012.",
                                   shard)}));
      return i;
    }
    return 6;
  };
  EXPECT_EQ(iterators("shardId-000000000000"), 5);
  EXPECT_EQ(iterators("shardId-000000000001"), 5);
  clock_.advance(std::chrono::milliseconds(199));
  EXPECT_EQ(iterators("shardId-000000000000"), 0);
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(iterators("shardId-000000000000"), 1);
  stream.shards[0].open = false;
  stream.shards[1].first_hash_key = 0;
  catalog_.publish(stream);
  EXPECT_EQ(iterators("shardId-000000000000"), 6);
}

TEST_F(LimitedPutTest, BadDataOfAThrottledRecordIsStillAnError) {
  add(even_stream("clicks", 1));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(put_one("clicks", "a", "x"));
  EXPECT_EQ(put_record(R"({"StreamName":"clicks","PartitionKey":"a","Data":"Q*=="})").error().code,
            ErrorCode::kSerialization);
}

}  // namespace
}  // namespace millstream::streams
