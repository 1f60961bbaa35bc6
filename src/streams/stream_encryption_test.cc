// StartStreamEncryption and StopStreamEncryption, and the data keys behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/encrypted/encrypted_log.h"
#include "log/encrypted/fake_key_rings.h"
#include "streams/control_harness.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

class StreamEncryptionTest : public ControlHarness {
 protected:
  StreamEncryptionTest() : key_(new_master_key({"alias/orders"}, 0)) { masters.replace({key_}); }

  Result<> start(const std::string& name, const std::string& key_id = "alias/orders",
                 const std::string& type = "KMS") {
    kinesis::StartStreamEncryptionInput in;
    in.stream_name = name;
    in.encryption_type = type;
    in.key_id = key_id;
    return wait(control().start_encryption(context, in));
  }
  Result<> stop(const std::string& name) {
    kinesis::StopStreamEncryptionInput in;
    in.stream_name = name;
    in.encryption_type = "KMS";
    in.key_id = "alias/orders";
    return wait(control().stop_encryption(context, in));
  }
  kinesis::StreamDescription describe(const std::string& name) {
    kinesis::DescribeStreamInput in;
    in.stream_name = name;
    return wait(control().describe_stream(context, in)).value().stream_description;
  }
  Result<> put(const Shard& shard, const std::string& data) {
    EncryptedLog encrypted(log, keys());
    auto done = wait(encrypted.append({plain_batch(shard.log_id, {{"key", data}})}, {}));
    if (!done) return std::unexpected(done.error());
    return {};
  }
  // The data of a shard's records; those that are stored encrypted with a '*' in front.
  Result<std::vector<std::string>> get(const Shard& shard) {
    EncryptedLog encrypted(log, keys());
    TRY_ASSIGN(const ReadResult read, wait(encrypted.read(shard.log_id, 0, {})));
    std::vector<std::string> all;
    for (const StoredBatch& batch : read.batches) {
      RecordCursor cursor(batch.body.view());
      RecordView record;
      while (cursor.next(record)) {
        EXPECT_EQ(record.partition_key, "key");
        all.push_back(((record.flags & kRecordStoredEncrypted) != 0 ? "*" : "") +
                      std::string(record.data));
      }
    }
    return all;
  }
  // The data keys that the shard's stored records name, in order.
  std::vector<uint64_t> key_ids(const Shard& shard) {
    std::vector<uint64_t> ids;
    for (const StoredBatch& batch : wait(log.read(shard.log_id, 0, {})).value().batches) {
      add_key_ids(batch.body.view(), ids);
    }
    return ids;
  }
  const Shard& shard_of(const std::string& name, size_t index = 0) {
    return find(name)->shards[index];
  }

  using Data = std::vector<std::string>;
  MasterKey key_;
};

TEST_F(StreamEncryptionTest, RecordsAreEncryptedFromStartToStop) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "before"));
  ASSERT_TRUE(start("clicks"));
  EXPECT_EQ(describe("clicks").encryption_type, "KMS");
  EXPECT_EQ(describe("clicks").key_id, "alias/orders");
  EXPECT_EQ(describe("clicks").stream_status, "ACTIVE");
  ASSERT_TRUE(put(shard_of("clicks"), "during"));
  ASSERT_TRUE(stop("clicks"));
  EXPECT_EQ(describe("clicks").encryption_type, "NONE");
  EXPECT_FALSE(describe("clicks").key_id);
  ASSERT_TRUE(put(shard_of("clicks"), "after"));
  EXPECT_EQ(*get(shard_of("clicks")), (Data{"before", "*during", "after"}));
  restart();
  EXPECT_EQ(*get(shard_of("clicks")), (Data{"before", "*during", "after"}));
  ASSERT_TRUE(put(shard_of("clicks"), "later"));
  EXPECT_EQ(get(shard_of("clicks"))->back(), "later");
}

TEST_F(StreamEncryptionTest, IsUpdatingUntilTheStateDelayIsOver) {
  ASSERT_TRUE(create("clicks"));
  settings.state_delay = std::chrono::milliseconds(20);
  ASSERT_TRUE(start("clicks"));
  EXPECT_EQ(describe("clicks").stream_status, "UPDATING");
  EXPECT_THAT(start("clicks"), fails(ErrorCode::kInUse, "not ACTIVE, instead in state UPDATING"));
  EXPECT_THAT(stop("clicks"), fails(ErrorCode::kInUse, "not ACTIVE, instead in state UPDATING"));
  ASSERT_TRUE(put(shard_of("clicks"), "at once"));
  EXPECT_EQ(*get(shard_of("clicks")), Data{"*at once"});
  wait_for_status("clicks", "ACTIVE");
}

TEST_F(StreamEncryptionTest, RefusesWhatAwsRefuses) {
  EXPECT_THAT(start("none"), fails(ErrorCode::kNotFound, "Stream none under account"));
  EXPECT_THAT(stop("none"), fails(ErrorCode::kNotFound, "Stream none under account"));
  ASSERT_TRUE(create("clicks"));
  EXPECT_THAT(start("clicks", "alias/orders", "NONE"),
              fails(ErrorCode::kInvalidArgument, "KMS is the only one"));
  EXPECT_THAT(start("clicks", "alias/missing"),
              fails(ErrorCode::kKeyNotFound, "alias/missing is not found."));
  key_.enabled = false;
  masters.replace({key_});
  EXPECT_THAT(start("clicks"), fails(ErrorCode::kKeyDisabled, "is disabled."));
  EXPECT_EQ(describe("clicks").encryption_type, "NONE");
  EXPECT_EQ(describe("clicks").stream_status, "ACTIVE");
}

TEST_F(StreamEncryptionTest, ChangesAreLimitedByAwsRules) {
  settings.shard_limits = ShardLimits::aws();
  ASSERT_TRUE(create("clicks"));
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(start("clicks"));
  EXPECT_THAT(start("clicks"), fails(ErrorCode::kLimitExceeded, "StartStreamEncryption"));
  EXPECT_TRUE(stop("clicks"));
  clock.advance(std::chrono::hours(24));
  EXPECT_TRUE(start("clicks"));
}

TEST_F(StreamEncryptionTest, EachRunAndEachDayHasADataKeyOfItsOwn) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(increase_retention("clicks", 48));
  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "1"));
  ASSERT_TRUE(put(shard_of("clicks"), "2"));
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 1u);
  restart();
  ASSERT_TRUE(put(shard_of("clicks"), "3"));
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 2u);
  clock.advance(std::chrono::hours(23));
  ASSERT_TRUE(put(shard_of("clicks"), "4"));
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 2u);
  clock.advance(std::chrono::minutes(61));
  ASSERT_TRUE(put(shard_of("clicks"), "5"));
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 3u);
  EXPECT_EQ(*get(shard_of("clicks")), (Data{"*1", "*2", "*3", "*4", "*5"}));
}

TEST_F(StreamEncryptionTest, ARotatedKeyMakesNewDataKeysAndReadsOldOnes) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "1"));
  rotate(key_, 0);
  masters.replace({key_});
  ASSERT_TRUE(keys().reload());
  ASSERT_TRUE(put(shard_of("clicks"), "2"));
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 2u);
  restart();
  EXPECT_EQ(*get(shard_of("clicks")), (Data{"*1", "*2"}));
  EXPECT_TRUE(keys().problems().empty());
}

TEST_F(StreamEncryptionTest, WithoutItsMasterKeyAStreamWaitsAndOthersWork) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(create("plain"));
  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "1"));
  masters.replace({new_master_key({"alias/others"}, 0)});
  restart();
  ASSERT_EQ(keys().problems().size(), 1u);
  EXPECT_THAT(keys().problems()[0],
              testing::AllOf(testing::HasSubstr("stream/clicks"),
                             testing::HasSubstr("does not exist; restore the key file")));
  EXPECT_THAT(get(shard_of("clicks")), fails(ErrorCode::kKeyNotFound, "does not exist"));
  EXPECT_THAT(put(shard_of("clicks"), "2"), fails(ErrorCode::kKeyNotFound, "alias/orders"));
  EXPECT_TRUE(put(shard_of("plain"), "open"));
  EXPECT_EQ(*get(shard_of("plain")), Data{"open"});

  MasterKey wrong = key_;
  wrong.versions[0].secret.bytes.fill(1);
  masters.replace({wrong});
  ASSERT_TRUE(keys().reload());
  EXPECT_EQ(keys().problems().size(), 1u);
  EXPECT_THAT(get(shard_of("clicks")),
              fails(ErrorCode::kKeyInvalidState, "holds another secret under its id"));

  masters.replace({key_});
  ASSERT_TRUE(keys().reload());
  EXPECT_TRUE(keys().problems().empty());
  ASSERT_TRUE(put(shard_of("clicks"), "2"));
  EXPECT_EQ(*get(shard_of("clicks")), (Data{"*1", "*2"}));
}

TEST_F(StreamEncryptionTest, ALostKeyFileIsNotReplacedByANewKey) {
  int made = 0;
  const auto make = [&made]() -> Result<std::vector<MasterKey>> {
    ++made;
    return std::vector{new_master_key({std::string(kDefaultKeyAlias)}, 0)};
  };
  MasterKeys fresh({}, make);
  asio::io_context loop;
  ASSERT_TRUE(create("clicks"));
  StreamKeys its_keys(catalog().store(), fresh, clock);
  ASSERT_TRUE(wait(its_keys.prepare(std::string(kDefaultKeyAlias), {"1", "us-east-1"})));
  EXPECT_EQ(made, 1);

  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "1"));
  MasterKeys lost({}, make);
  StreamKeys lost_keys(catalog().store(), lost, clock);
  EXPECT_THAT(wait(lost_keys.prepare(std::string(kDefaultKeyAlias), {"1", "us-east-1"})),
              fails(ErrorCode::kKeyNotFound, "alias/aws/kinesis is not found"));
  EXPECT_EQ(made, 1);
}

TEST_F(StreamEncryptionTest, ChildrenOfAReshardAreEncrypted) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "parent"));
  ASSERT_TRUE(split("clicks", "shardId-000000000000", "170141183460469231731687303715884105728"));
  ASSERT_TRUE(put(shard_of("clicks", 1), "child"));
  EXPECT_EQ(*get(shard_of("clicks", 1)), Data{"*child"});
  EXPECT_EQ(*get(shard_of("clicks", 0)), Data{"*parent"});
}

TEST_F(StreamEncryptionTest, ManyFirstPutsShareOneDataKey) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(start("clicks"));
  EncryptedLog encrypted(log, keys());
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(loop(),
                   encrypted.append({plain_batch(shard_of("clicks").log_id, {{"key", "x"}})}, {}),
                   [&done](std::exception_ptr, Result<std::vector<Appended>> result) {
                     EXPECT_TRUE(result);
                     ++done;
                   });
  }
  while (done < 50) ASSERT_GT(loop().run_one(), 0u);
  EXPECT_EQ(key_ids(shard_of("clicks")).size(), 1u);
}

TEST_F(StreamEncryptionTest, DataKeysGoWithTheirStream) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(start("clicks"));
  ASSERT_TRUE(put(shard_of("clicks"), "1"));
  const ShardId shard = shard_of("clicks").log_id;
  EXPECT_NE(keys().find(shard), nullptr);
  ASSERT_TRUE(remove("clicks"));
  EXPECT_EQ(keys().find(shard), nullptr);
  ASSERT_TRUE(catalog().store().read_now([](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows, transaction.query("SELECT count(*) FROM stream_data_keys"));
    EXPECT_EQ(rows[0].integer(0), 0);
    return {};
  }));
}

}  // namespace
}  // namespace millstream::streams
