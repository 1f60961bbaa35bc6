#include "log/encrypted/encrypted_log.h"

#include <gtest/gtest.h>

#include "base/fault_env.h"
#include "base/manual_clock.h"
#include "log/encrypted/fake_key_rings.h"
#include "log/fake_shard_log.h"
#include "log/local/log_test_support.h"

namespace millstream {
namespace {

using local::run;

constexpr ShardId kShard{1};
constexpr ShardId kPlainShard{2};

class EncryptedLogTest : public testing::Test {
 protected:
  EncryptedLogTest() {
    rings_.rings[kShard] = ring_;
    for (const ShardId shard : {kShard, kPlainShard}) {
      EXPECT_TRUE(run(log_.create(shard, {})));
    }
  }

  Result<std::vector<Appended>> append(const std::vector<PlainRecord>& records,
                                       ShardId shard = kShard) {
    return run(log_.append({plain_batch(shard, records)}, {}));
  }
  // From `from` on, in reads of `limits`.
  Result<std::vector<PlainRecord>> read(ShardLog& log, ReadLimits limits = {},
                                        ShardId shard = kShard) {
    std::vector<PlainRecord> all;
    for (Counter from = 0;;) {
      TRY_ASSIGN(const ReadResult result, run(log.read(shard, from, limits)));
      if (result.batches.empty()) return all;
      Counter next = result.batches.front().first;
      for (const StoredBatch& batch : result.batches) {
        EXPECT_EQ(batch.first, next);
        const auto records = plain_records(batch.body.view());
        EXPECT_EQ(records.size(), batch.records);
        all.insert(all.end(), records.begin(), records.end());
        next += batch.records;
      }
      EXPECT_EQ(result.next, next);
      from = result.next;
    }
  }

  ManualClock clock_;
  FakeShardLog stored_{clock_};
  FakeKeyRings rings_;
  std::shared_ptr<FakeKeyRing> ring_ = std::make_shared<FakeKeyRing>();
  EncryptedLog log_{stored_, rings_};
};

TEST_F(EncryptedLogTest, StoresCiphertextAndReadsPlaintext) {
  ASSERT_TRUE(append({{"key", "secret"}, {"key2", "more"}}));
  EXPECT_EQ(*read(log_), (std::vector<PlainRecord>{{"key", "secret"}, {"key2", "more"}}));
  for (const auto& [key, data] : *read(stored_)) {
    EXPECT_EQ(key, "");
    EXPECT_EQ(data.find("secret"), std::string::npos);
  }
}

TEST_F(EncryptedLogTest, LeavesOtherShardsAsTheyAre) {
  ASSERT_TRUE(append({{"key", "open"}}, kPlainShard));
  EXPECT_EQ(*read(stored_, {}, kPlainShard), (std::vector<PlainRecord>{{"key", "open"}}));
  EXPECT_EQ(*read(log_, {}, kPlainShard), (std::vector<PlainRecord>{{"key", "open"}}));
  // Both in one append.
  ASSERT_TRUE(run(log_.append(
      {plain_batch(kPlainShard, {{"a", "open2"}}), plain_batch(kShard, {{"b", "secret"}})}, {})));
  EXPECT_EQ(read(stored_, {}, kPlainShard)->back().second, "open2");
  EXPECT_NE(read(stored_)->back().second, "secret");
  EXPECT_EQ(read(log_)->back().second, "secret");
}

TEST_F(EncryptedLogTest, ReadsMixedRecordsWhateverLimitsCut) {
  stored_.merge_reads();  // plain and encrypted records in one batch
  std::vector<PlainRecord> all;
  for (int i = 0; i < 40; ++i) {
    ring_->on = i % 5 < 3;
    if (i % 7 == 0) ring_->renew_next();
    std::vector<PlainRecord> records;
    for (int j = 0; j <= i % 3; ++j) {
      records.emplace_back(fmt::format("key{}", i), std::string(static_cast<size_t>(i * j), 'x'));
    }
    ASSERT_TRUE(append(records));
    all.insert(all.end(), records.begin(), records.end());
  }
  ASSERT_GT(ring_->keys(), 3u);
  for (const uint32_t records : {1u, 2u, 3u, 7u, 10'000u}) {
    for (const size_t bytes : {size_t{1}, size_t{100}, size_t{1'000}, size_t{1} << 20}) {
      EXPECT_EQ(*read(log_, {records, bytes}), all) << records << " records, " << bytes;
    }
  }
}

TEST_F(EncryptedLogTest, EncryptsInAPoolWhatIsLarge) {
  asio::thread_pool pool{2};
  EncryptedLog log(stored_, rings_, &pool);
  const std::vector<PlainRecord> records{{"a", std::string(2 << 20, 'x')},
                                         {"b", std::string(1 << 20, 'y')}};
  ASSERT_TRUE(run(log.append({plain_batch(kShard, records)}, {})));
  EXPECT_EQ(*read(log), records);
  EXPECT_EQ(read(stored_)->front().second.find("xxxxxxxx"), std::string::npos);
}

TEST_F(EncryptedLogTest, AppendsOfAWriterStayInTheirOrder) {
  asio::thread_pool pool{2};
  EncryptedLog log(stored_, rings_, &pool);
  const uint64_t epoch = run(log.open_writer(9))->epoch;
  asio::io_context loop;
  std::vector<uint64_t> done;
  // The first waits for a key, large ones for the pool, every fourth for nothing at all.
  for (uint64_t number = 1; number <= 40; ++number) {
    const std::string data(number % 3 == 0 ? 2 << 20 : 10, 'x');
    const ShardId shard = number % 4 == 0 ? kPlainShard : kShard;
    if (number == 20) ring_->renew_next();
    asio::co_spawn(loop, log.append({plain_batch(shard, {{"k", data}})}, {9, epoch, number}),
                   [&done, number](std::exception_ptr, Result<std::vector<Appended>> result) {
                     ASSERT_TRUE(result) << number << ": " << result.error().message;
                     done.push_back(number);
                   });
  }
  loop.run();
  EXPECT_EQ(done.size(), 40u);
  EXPECT_EQ(read(log)->size(), 30u);
}

TEST_F(EncryptedLogTest, AReadWithoutTheKeyFailsWhole) {
  ring_->on = false;
  ASSERT_TRUE(append({{"a", "open"}}));
  ring_->on = true;
  ASSERT_TRUE(append({{"b", "secret"}}));
  ring_->restart();
  ring_->is_missing = true;
  EXPECT_EQ(read(log_).error().code, ErrorCode::kKeyNotFound);
  const auto before_it = run(log_.read(kShard, 0, {1, 1'000}));
  ASSERT_TRUE(before_it) << before_it.error().message;
  EXPECT_EQ(run(log_.read(kShard, before_it->next, {})).error().code, ErrorCode::kKeyNotFound);
  EXPECT_EQ(append({{"c", "secret"}}).error().code, ErrorCode::kKeyNotFound);
  ring_->is_missing = false;
  EXPECT_EQ(*read(log_), (std::vector<PlainRecord>{{"a", "open"}, {"b", "secret"}}));
}

TEST_F(EncryptedLogTest, AMovedRecordIsRefused) {
  rings_.rings[kPlainShard] = ring_;
  ASSERT_TRUE(append({{"a", "secret"}}));
  const auto batch = run(stored_.read(kShard, 0, {}))->batches.front();
  ASSERT_TRUE(run(
      stored_.append({{kPlainShard, 1, crc32c(batch.body.view()), batch.body}}, WriterStamp{})));
  EXPECT_EQ(read(log_, {}, kPlainShard).error().code, ErrorCode::kCorruption);
}

TEST_F(EncryptedLogTest, AnotherRunReadsWithOldKeysAndWritesWithItsOwn) {
  ASSERT_TRUE(append({{"a", "1"}}));
  ASSERT_TRUE(append({{"a", "2"}}));
  EXPECT_EQ(ring_->keys(), 1u);
  ring_->restart();
  ASSERT_TRUE(append({{"a", "3"}}));
  EXPECT_EQ(ring_->keys(), 2u);
  EXPECT_EQ(*read(log_), (std::vector<PlainRecord>{{"a", "1"}, {"a", "2"}, {"a", "3"}}));
  EXPECT_EQ(ring_->loads, 1);
}

// All of an Env's files that hold `text`.
std::vector<std::string> files_with(Env& env, const std::string& folder, std::string_view text) {
  std::vector<std::string> found;
  for (const FileInfo& info : env.list(folder).value()) {
    const std::string path = folder + "/" + info.name;
    if (info.is_folder) {
      const auto inner = files_with(env, path, text);
      found.insert(found.end(), inner.begin(), inner.end());
    } else if (env.read_file(path).value().find(text) != std::string::npos) {
      found.push_back(path);
    }
  }
  return found;
}

// All that is there, whatever one read gives.
Result<std::vector<PlainRecord>> read_whole(ShardLog& log) {
  std::vector<PlainRecord> all;
  for (Counter from = 0;;) {
    TRY_ASSIGN(const ReadResult result, run(log.read(kShard, from, {})));
    if (result.batches.empty()) return all;
    for (const StoredBatch& batch : result.batches) {
      const auto records = plain_records(batch.body.view());
      all.insert(all.end(), records.begin(), records.end());
    }
    from = result.next;
  }
}

// What was stored under each nonce of each key: nothing else ever may be.
class UsedNonces {
 public:
  void add(const std::vector<PlainRecord>& stored) {
    for (const auto& [key, data] : stored) {
      const auto [place, is_new] = used_.emplace(data.substr(0, 16), data);
      EXPECT_TRUE(is_new || place->second == data) << "a nonce was used twice";
    }
  }

 private:
  std::map<std::string, std::string> used_;
};

TEST(EncryptedLocalLog, SurvivesACrashAtEveryChangeWithoutPlaintextOrANonceTwice) {
  const std::string secret = "a-secret-of-thirty-two-bytes----";
  uint64_t crash_at = 1;
  for (bool finished = false; !finished; crash_at += 3) {
    ManualClock clock;
    auto env = std::make_unique<FaultEnv>(clock);
    env->crash_at(crash_at);
    FakeKeyRings rings;
    auto ring = std::make_shared<FakeKeyRing>();
    rings.rings[kShard] = ring;
    UsedNonces nonces;
    std::vector<std::string> acked;
    // One run; every append is read back below the encryption.
    const auto live = [&](FaultEnv& disk, std::string_view name) {
      auto options = local::small_options("log");
      auto stored = LocalLog::open(disk, options);
      if (!stored) return false;
      EncryptedLog log(**stored, rings);
      bool good = run(log.create(kShard, {})).has_value();
      for (int i = 0; good && i < 12; ++i) {
        const std::string data = fmt::format("{} {} {}", secret, name, i);
        if (i == 6) good = (*stored)->checkpoint_now().has_value();
        good = good && run(log.append({plain_batch(kShard, {{secret, data}})}, {})).has_value();
        if (good) acked.push_back(data);
        if (const auto raw = read_whole(**stored)) nonces.add(*raw);
      }
      return good;
    };
    finished = live(*env, "first");
    for (const Survival survival : {Survival::kSynced, Survival::kAll, Survival::kTorn}) {
      auto disk = env->after_crash(survival, crash_at);
      ring->restart();
      const std::vector<std::string> acked_before = acked;
      ASSERT_TRUE(live(*disk, "second")) << "crash at change " << crash_at;
      auto stored = local::open_or_die(*disk, local::small_options("log"));
      EncryptedLog log(*stored, rings);
      const auto read = read_whole(log);
      ASSERT_TRUE(read) << read.error().message;
      std::vector<std::string> data;
      for (const auto& record : *read) data.push_back(record.second);
      // All that was acknowledged is there, in order; at most one more than that was stored.
      EXPECT_TRUE(std::ranges::includes(std::multiset<std::string>(data.begin(), data.end()),
                                        std::multiset<std::string>(acked.begin(), acked.end())))
          << "crash at change " << crash_at;
      EXPECT_LE(data.size(), acked.size() + 1);
      EXPECT_EQ(files_with(*disk, "log", secret), std::vector<std::string>());
      acked = acked_before;
    }
  }
  EXPECT_GT(crash_at, 30u);
}

}  // namespace
}  // namespace millstream
