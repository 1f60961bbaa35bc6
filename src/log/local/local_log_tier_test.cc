// What the log does with an object store, and when that fails, hangs or lies.
#include <thread>

#include <gmock/gmock.h>

#include "base/fault_env.h"
#include "base/manual_clock.h"
#include "log/local/log_test_support.h"
#include "log/local/tier_test_store.h"

namespace millstream::local {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr ShardId kShard{1};
constexpr uint64_t kAll = UINT64_MAX;
constexpr uint64_t kChunk = uint64_t{64} << 10;

class LocalLogTierTest : public ::testing::Test {
 protected:
  LocalLogTierTest() : env_(std::make_unique<FaultEnv>(clock_)), options_(small_options("/log")) {
    EXPECT_TRUE(env_->make_folders("/log"));
    options_.tail_cache_bytes = 0;
    options_.tier = {.store = store_,
                     .bucket = "bucket",
                     .prefix = "logs/",
                     .after = hours(2),
                     .cache_bytes = 4 * kChunk,
                     .chunk_bytes = kChunk,
                     .read_timeout = std::chrono::minutes(5)};
    open();
    EXPECT_TRUE(run(log_->create(kShard, {})));
  }
  ~LocalLogTierTest() override { log_.reset(); }

  void open() { log_ = open_or_die(*env_, options_); }
  void reopen() {
    log_.reset();
    open();
  }
  // Records of about 4 KiB, each with its own arrival time, in a file that takes no more.
  void write(int count) {
    for (int i = 0; i < count; ++i) {
      clock_.advance(milliseconds(10));
      written_.push_back(fmt::format("{:06}", written_.size()) + std::string(4000, 'r'));
      ASSERT_TRUE(append(*log_, kShard, {written_.back()}));
    }
    ASSERT_TRUE(log_->checkpoint_now());
    clock_.advance(hours(3));  // a quiet shard's segment is closed
  }
  void tier_all() {
    const auto freed = log_->tier_now(kAll);
    ASSERT_TRUE(freed) << freed.error().message;
    reopen();  // nothing in memory
  }
  std::vector<std::string> data_files(std::string_view ending) {
    std::vector<std::string> found;
    for (const FileInfo& info : *env_->list("/log/data")) {
      if (info.name.ends_with(ending)) found.push_back(info.name);
    }
    return found;
  }
  Result<std::vector<std::string>> read() {
    TRY_ASSIGN(const auto records, read_all(*log_, kShard));
    return data_of(records);
  }
  std::string chunk_key(int chunk) {
    for (const std::string& key : store_->keys()) {
      if (key.ends_with(fmt::format("/{:06}", chunk))) return key;
    }
    return "";
  }
  template <class Condition>
  static bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }
  std::vector<std::string> problems() {
    std::vector<std::string> texts;
    for (const LogProblem& problem : log_->problems()) texts.push_back(problem.message);
    return texts;
  }

  ManualClock clock_;
  std::unique_ptr<FaultEnv> env_;
  std::shared_ptr<TierTestStore> store_ = std::make_shared<TierTestStore>();
  LocalLogOptions options_;
  std::unique_ptr<LocalLog> log_;
  std::vector<std::string> written_;
};

TEST_F(LocalLogTierTest, RecordsLeaveTheDiskAndAreReadAsBefore) {
  write(100);
  write(100);
  ASSERT_FALSE(data_files(".segment").empty());
  tier_all();
  EXPECT_THAT(data_files(".segment"), IsEmpty());
  EXPECT_THAT(store_->keys(), Each(StartsWith("logs/")));
  EXPECT_EQ(read(), written_);
  write(50);
  EXPECT_EQ(read(), written_);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(LocalLogTierTest, PacksAndSegmentsOfManyShardsComeBack) {
  std::map<ShardId, std::vector<std::string>> all;
  for (uint64_t shard = 10; shard < 16; ++shard) ASSERT_TRUE(run(log_->create(ShardId{shard}, {})));
  for (int round = 0; round < 12; ++round) {
    for (uint64_t shard = 10; shard < 16; ++shard) {
      // Some have enough for a segment of their own, some not.
      const std::string data = fmt::format("{}-{}|", shard, round) + std::string(shard * 20, 'd');
      all[ShardId{shard}].push_back(data);
      ASSERT_TRUE(append(*log_, ShardId{shard}, {data}));
    }
    ASSERT_TRUE(log_->checkpoint_now());
    if (round % 3 == 0) ASSERT_TRUE(log_->tier_now(kAll));
  }
  clock_.advance(hours(3));
  ASSERT_TRUE(log_->tier_now(kAll));
  EXPECT_THAT(data_files(".pack"), IsEmpty());
  reopen();
  for (const auto& [shard, data] : all) EXPECT_EQ(data_of(*read_all(*log_, shard)), data);
}

TEST_F(LocalLogTierTest, AStartAndASearchByTimeNeverAskTheStore) {
  write(150);
  const auto records = *read_all(*log_, kShard);
  tier_all();
  store_->set_failing(ErrorCode::kUnavailable);
  const uint64_t gets = store_->gets();
  reopen();
  for (const TestRecord& record : records) {
    EXPECT_EQ(run(log_->position_at(kShard, record.arrival_ms)).value(), record.counter);
    EXPECT_EQ(run(log_->position_at(kShard, record.arrival_ms - 1)).value(), record.counter);
  }
  EXPECT_EQ(run(log_->position_at(kShard, records.back().arrival_ms + 1)).value(),
            records.back().counter + 1);
  EXPECT_EQ(store_->gets(), gets);
}

TEST_F(LocalLogTierTest, OldFilesMoveByThemselves) {
  write(60);
  EXPECT_TRUE(eventually([&] { return data_files(".segment").empty(); }));
  EXPECT_EQ(log_->tier_stats().files, 1u);
  EXPECT_GT(log_->tier_stats().bytes, 60u * 4000);
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, SpaceIsMadeFromTheOldestFilesOn) {
  options_.tier.after = hours(1000);
  options_.roll_bytes = 64 << 10;
  reopen();
  for (int i = 0; i < 4; ++i) write(20);
  const auto before = data_files(".segment");
  ASSERT_GE(before.size(), 4u);
  const auto freed = log_->tier_now(1);
  ASSERT_TRUE(freed);
  EXPECT_GT(*freed, 4000u);
  EXPECT_THAT(data_files(".segment"), ElementsAreArray(before.begin() + 1, before.end()));
  ASSERT_TRUE(log_->tier_now(kAll));
  // The last one takes further records.
  EXPECT_THAT(data_files(".segment"), ElementsAre(before.back()));
  reopen();
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, MoreThanTheDiskBudgetIsKept) {
  options_.tier.after = hours(1000);
  options_.roll_bytes = 256 << 10;
  options_.disk_bytes = 6 << 20;
  reopen();
  for (int i = 0; i < 240; ++i) {  // 12 MiB
    written_.push_back(fmt::format("{:06}", i) + std::string(50'000, 'b'));
    EXPECT_TRUE(eventually([&] { return append(*log_, kShard, {written_.back()}).has_value(); }));
  }
  EXPECT_GT(log_->tier_stats().bytes, 4u << 20);
  reopen();
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, AStoreThatIsDownDelaysReadsAndLosesNothing) {
  write(100);
  tier_all();
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kTimeout,
                               ErrorCode::kAccessDenied, ErrorCode::kRemote}) {
    store_->set_failing(code);
    const auto failed = read();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(failed.error().message, HasSubstr("on purpose"));
  }
  store_->set_failing(std::nullopt);
  EXPECT_TRUE(eventually([&] { return read().has_value(); }));
  EXPECT_EQ(read(), written_);
  EXPECT_TRUE(eventually([&] { return problems().empty(); }));
}

TEST_F(LocalLogTierTest, AStoreThatHangsDelaysNoReadsOfTheDisk) {
  write(100);
  tier_all();
  const ShardId local{2};
  ASSERT_TRUE(run(log_->create(local, {})));
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(append(*log_, local, {std::string(4000, 'l')}));
  ASSERT_TRUE(log_->checkpoint_now());
  reopen();
  env_->set_cold_cache(true);
  store_->set_hanging(true);
  const uint64_t gets = store_->gets();
  std::vector<std::thread> waiting;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back([&] {
      EXPECT_TRUE(run(log_->read(kShard, 0, {.records = 1})));
      ++answered;
    });
  }
  EXPECT_TRUE(eventually([&] { return store_->gets() > gets; }));
  EXPECT_EQ(read_all(*log_, local)->size(), 30u);
  EXPECT_EQ(answered, 0);
  store_->set_hanging(false);
  for (std::thread& thread : waiting) thread.join();
  // All wanted the same chunk.
  EXPECT_LE(store_->gets(), gets + 2);
}

TEST_F(LocalLogTierTest, AReadOfAHangingStoreEndsInTime) {
  options_.tier.read_timeout = milliseconds(300);
  write(100);
  tier_all();
  store_->set_hanging(true);
  const auto failed = read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(failed.error().message, HasSubstr("not answered within 0.3 s"));
  log_.reset();  // does not wait for it
  store_->set_hanging(false);
  open();
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, AWrongOrMissingObjectIsCorruptionUntilItIsBack) {
  write(100);
  tier_all();
  const std::string key = chunk_key(2);
  const std::string good = store_->object(key);
  std::string wrong = good;
  wrong[wrong.size() / 2] ^= 1;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt == 0) {
      store_->set_object(key, wrong);
    } else {
      store_->erase(key);
    }
    reopen();
    const auto failed = read();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(failed.error().message, HasSubstr(key));
    EXPECT_THAT(problems(), Contains(HasSubstr(key)));
    // What comes before it is served, nothing is skipped.
    const auto first = run(log_->read(kShard, 0, {}));
    ASSERT_TRUE(first);
    EXPECT_EQ(data_of(records_of(*first)).front(), written_.front());
  }
  store_->set_object(key, good);
  EXPECT_EQ(read(), written_);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(LocalLogTierTest, TheCacheServesAgainAndIsBounded) {
  write(300);  // some 19 chunks
  tier_all();
  EXPECT_EQ(read(), written_);
  const TierStats all = log_->tier_stats();
  EXPECT_GT(all.fetched_bytes, 300u * 4000);
  EXPECT_LE(all.cache_bytes, 4 * kChunk);
  EXPECT_GT(all.cache_bytes, 2 * kChunk);
  EXPECT_LE(env_->open("/log/tier-cache", OpenMode::kReadOnly).value()->size().value(), 4 * kChunk);
  // The newest records again.
  const auto from = run(log_->position_at(kShard, clock_.now_ms() - 3 * 3'600'000 - 50)).value();
  const uint64_t gets = store_->gets();
  EXPECT_EQ(run(log_->read(kShard, from, {}))->batches.size(), 6u);
  EXPECT_EQ(store_->gets(), gets);
}

TEST_F(LocalLogTierTest, WhatTheCachesDiskGarblesIsFetchedAgain) {
  write(300);
  tier_all();
  options_.tier.cache_bytes = 100 * kChunk;
  reopen();
  EXPECT_EQ(read(), written_);
  const uint64_t gets = store_->gets();
  EXPECT_EQ(read(), written_);
  EXPECT_EQ(store_->gets(), gets);
  for (uint64_t offset = 100; offset < 10 * kChunk; offset += kChunk) {
    ASSERT_TRUE(env_->corrupt("/log/tier-cache", offset, 1));
  }
  EXPECT_EQ(read(), written_);
  EXPECT_GT(store_->gets(), gets);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(LocalLogTierTest, WithoutRoomForTheCacheReadsGoOn) {
  write(300);
  tier_all();
  env_->fail(FaultOp::kWrite, 1, "tier-cache", 1000);
  EXPECT_EQ(read(), written_);
  EXPECT_EQ(log_->tier_stats().cache_bytes, 0u);
}

TEST_F(LocalLogTierTest, WhatExpiresLeavesTheStore) {
  write(100);
  tier_all();
  ASSERT_FALSE(store_->keys().empty());
  clock_.advance(hours(25));
  ASSERT_TRUE(log_->expire_now());
  ASSERT_TRUE(log_->tier_now(0));
  EXPECT_THAT(store_->keys(), IsEmpty());
  EXPECT_THAT(data_files(".tier"), IsEmpty());
  EXPECT_EQ(log_->tier_stats().bytes, 0u);
}

TEST_F(LocalLogTierTest, RemovalsThatFailAreMadeUpFor) {
  write(100);
  tier_all();
  clock_.advance(hours(25));
  store_->set_failing(ErrorCode::kAccessDenied);
  ASSERT_TRUE(log_->expire_now());
  EXPECT_FALSE(log_->tier_now(0));
  EXPECT_THAT(problems(), Contains(HasSubstr("object store")));
  store_->set_failing(std::nullopt);
  ASSERT_TRUE(log_->tier_now(0));
  EXPECT_THAT(store_->keys(), IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(LocalLogTierTest, OrphansGoAndOthersObjectsStay) {
  write(100);
  tier_all();
  const std::string key = store_->keys().front();
  const std::string base = key.substr(0, key.find('/', 5) + 1);
  store_->set_object(base + "0000000999.segment/000000", "of a file that never counted");
  store_->set_object(base + "notes.txt", "somebody's");
  store_->set_object("logs/another/0000000999.segment/000000", "another server's");
  reopen();
  ASSERT_TRUE(log_->tier_now(0));
  EXPECT_THAT(store_->keys(), Not(Contains(base + "0000000999.segment/000000")));
  EXPECT_THAT(store_->keys(), Contains(base + "notes.txt"));
  EXPECT_THAT(store_->keys(), Contains("logs/another/0000000999.segment/000000"));
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, UploadsThatFailAreShownAndTriedAgain) {
  store_->set_failing(ErrorCode::kAccessDenied);
  write(60);
  EXPECT_TRUE(eventually([&] { return !problems().empty(); }));
  EXPECT_THAT(problems(), Contains(HasSubstr("stay on the local disk")));
  EXPECT_FALSE(data_files(".segment").empty());
  EXPECT_EQ(read(), written_);
  EXPECT_GT(log_->tier_stats().upload_failures, 0u);
  store_->set_failing(std::nullopt);
  ASSERT_TRUE(log_->tier_now(0));
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_THAT(data_files(".segment"), IsEmpty());
}

TEST_F(LocalLogTierTest, DamagedFilesStayWhereTheyAre) {
  options_.tier.after = hours(1000);
  reopen();
  write(60);
  const std::string path = "/log/data/" + data_files(".segment").front();
  ASSERT_TRUE(env_->corrupt(path, 100'000, 1));
  clock_.advance(hours(1000));
  ASSERT_TRUE(log_->tier_now(kAll));
  EXPECT_FALSE(data_files(".segment").empty());
  EXPECT_THAT(store_->keys(), IsEmpty());
  EXPECT_THAT(problems(), Contains(HasSubstr(path)));
}

TEST_F(LocalLogTierTest, WithoutTheSettingReadsSayWhatIsMissing) {
  write(60);
  tier_all();
  const auto store = std::exchange(options_.tier.store, nullptr);
  reopen();
  EXPECT_THAT(problems(), Contains(HasSubstr("log.tier.url is not set")));
  const auto failed = read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(append(*log_, kShard, {"goes on"}));
  options_.tier.store = store;
  reopen();
  written_.emplace_back("goes on");
  EXPECT_EQ(read(), written_);
}

TEST_F(LocalLogTierTest, ALostIndexComesBackFromTheStore) {
  write(60);
  tier_all();
  log_.reset();
  ASSERT_TRUE(env_->remove("/log/data/" + data_files(".tier").front()));
  open();
  EXPECT_EQ(read(), written_);
  log_.reset();
  ASSERT_TRUE(env_->corrupt("/log/data/" + data_files(".tier").front(), 70, 1));
  open();
  EXPECT_EQ(read(), written_);
  EXPECT_THAT(problems(), IsEmpty());
}

}  // namespace
}  // namespace millstream::local
