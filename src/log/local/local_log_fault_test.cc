// What the log does when the disk fails, fills or lies, and when the clock moves.
#include <gmock/gmock.h>

#include "base/fault_env.h"
#include "base/manual_clock.h"
#include "log/local/journal_format.h"
#include "log/local/log_test_support.h"

namespace millstream::local {
namespace {

using std::chrono::hours;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr ShardId kShard{1};
constexpr TimeMs kHour = 3'600'000;

class LocalLogFaultTest : public ::testing::Test {
 protected:
  LocalLogFaultTest() : env_(std::make_unique<FaultEnv>(clock_)), options_(small_options("/log")) {
    EXPECT_TRUE(env_->make_folders("/log"));
    open();
    EXPECT_TRUE(run(log_->create(kShard, {})));
  }
  ~LocalLogFaultTest() override { log_.reset(); }

  void open() { log_ = open_or_die(*env_, options_); }
  void reopen() {
    log_.reset();
    open();
  }
  std::vector<std::string> read() {
    auto records = read_all(*log_, kShard);
    EXPECT_TRUE(records.has_value()) << records.error().message;
    return records ? data_of(*records) : std::vector<std::string>();
  }
  // The only file of the folder whose name has this ending or beginning.
  std::string find(const std::string& folder, std::string_view part) {
    std::string found;
    for (const FileInfo& info : *env_->list(folder)) {
      if (info.name.find(part) != std::string::npos) found = folder + "/" + info.name;
    }
    return found;
  }
  // Offset of `text` in any file of the folder, with the file's path.
  std::pair<std::string, uint64_t> locate(const std::string& folder, std::string_view text) {
    for (const FileInfo& info : *env_->list(folder)) {
      const std::string path = folder + "/" + info.name;
      const std::string bytes = *env_->read_file(path);
      if (const size_t at = bytes.find(text); at != std::string::npos) return {path, at};
    }
    return {};
  }

  ManualClock clock_;
  std::unique_ptr<FaultEnv> env_;
  LocalLogOptions options_;
  std::unique_ptr<LocalLog> log_;
};

TEST_F(LocalLogFaultTest, AFailedSyncOfTheJournalIsFinalAndReadsGoOn) {
  ASSERT_TRUE(append(*log_, kShard, {"durable"}));
  // All of them: the flusher may be preparing a journal file at the same time.
  env_->fail(FaultOp::kSync, 1, "journal", 1000);
  const auto failed = append(*log_, kShard, {"lost"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  env_->clear_faults();
  EXPECT_EQ(append(*log_, kShard, {"later"}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(run(log_->seal(kShard)).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(read(), ElementsAre("durable"));
  EXPECT_THAT(log_->problems(), Contains(Field(&LogProblem::message, HasSubstr("restart"))));
  reopen();
  EXPECT_THAT(read().front(), "durable");
  EXPECT_TRUE(append(*log_, kShard, {"again"}));
}

TEST_F(LocalLogFaultTest, AFailedSyncOfTheManifestIsFinal) {
  ASSERT_TRUE(append(*log_, kShard, {"durable"}));
  env_->fail(FaultOp::kSync, 1, "MANIFEST");
  EXPECT_FALSE(log_->checkpoint_now());
  EXPECT_EQ(append(*log_, kShard, {"later"}).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(read(), ElementsAre("durable"));
  reopen();
  EXPECT_THAT(read(), ElementsAre("durable"));
}

TEST_F(LocalLogFaultTest, PacksAndSegmentsWhoseSyncFailedAreWrittenAnew) {
  const std::string large(5000, 'x');
  for (const std::string& record : {std::string("small"), large}) {
    ASSERT_TRUE(append(*log_, kShard, {record}));
    env_->fail(FaultOp::kSync, 1, "/data/");
    EXPECT_FALSE(log_->checkpoint_now());
    EXPECT_THAT(log_->problems(), SizeIs(1));
    env_->clear_faults();
    ASSERT_TRUE(log_->checkpoint_now());
    EXPECT_THAT(log_->problems(), SizeIs(0));
  }
  EXPECT_THAT(read(), ElementsAre("small", large));
  log_.reset();
  env_ = env_->after_crash(Survival::kSynced, 1);
  open();
  EXPECT_THAT(read(), ElementsAre("small", large));
}

TEST_F(LocalLogFaultTest, AFullDiskRefusesAppendsAndHealsByItself) {
  const std::string record(10'000, 'x');
  size_t written = 0;
  env_->set_capacity(200 << 10);
  std::optional<Error> error;
  while (!error && written < 1000) {
    const auto appended = append(*log_, kShard, {record});
    if (appended) {
      ++written;
    } else {
      error = appended.error();
    }
  }
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, ErrorCode::kNoSpace) << error->message;
  EXPECT_THAT(log_->problems(), SizeIs(::testing::Ge(1u)));
  EXPECT_THAT(read(), SizeIs(written));
  env_->set_capacity(UINT64_MAX);
  ASSERT_TRUE(append(*log_, kShard, {record}));
  ASSERT_TRUE(log_->checkpoint_now());
  EXPECT_THAT(read(), SizeIs(written + 1));
  EXPECT_THAT(log_->problems(), SizeIs(0));
}

TEST_F(LocalLogFaultTest, WhatIsOlderThanTheRetentionIsHiddenAtOnceAndDeletedLater) {
  ASSERT_TRUE(append(*log_, kShard, {"old"}));
  ASSERT_TRUE(log_->checkpoint_now());
  clock_.advance(hours(13));
  const auto newer = append(*log_, kShard, {"new"});
  ASSERT_TRUE(newer);
  EXPECT_THAT(read(), ElementsAre("old", "new"));
  clock_.advance(hours(12));
  EXPECT_THAT(read(), ElementsAre("new"));
  EXPECT_EQ(log_->status(kShard)->first, newer->front().first);
  ASSERT_TRUE(log_->checkpoint_now());
  EXPECT_THAT(*env_->list("/log/data"), SizeIs(2));
  ASSERT_TRUE(log_->expire_now());
  EXPECT_THAT(*env_->list("/log/data"), SizeIs(1));
  ASSERT_TRUE(run(log_->set_retention(kShard, kHour)));
  EXPECT_THAT(read(), SizeIs(0));
  ASSERT_TRUE(log_->expire_now());
  EXPECT_THAT(*env_->list("/log/data"), SizeIs(0));
  reopen();
  EXPECT_THAT(read(), SizeIs(0));
}

TEST_F(LocalLogFaultTest, ArrivalTimesDoNotFallWhenTheClockDoes) {
  const auto first = append(*log_, kShard, {"a"});
  clock_.set_wall(clock_.now_ms() - kHour);
  const auto second = append(*log_, kShard, {"b"});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->front().arrival_ms, first->front().arrival_ms);
  reopen();
  const auto third = append(*log_, kShard, {"c"});
  ASSERT_TRUE(third);
  EXPECT_EQ(third->front().arrival_ms, first->front().arrival_ms);
}

TEST_F(LocalLogFaultTest, AFlippedBitInAPackIsReportedAndNeverServed) {
  ASSERT_TRUE(append(*log_, kShard, {"the-record"}));
  options_.tail_cache_bytes = 0;
  ASSERT_TRUE(log_->checkpoint_now());
  reopen();
  const auto [path, offset] = locate("/log/data", "the-record");
  ASSERT_FALSE(path.empty());
  ASSERT_TRUE(env_->corrupt(path, offset, 1));
  const auto result = run(log_->read(kShard, 0, {}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(result.error().message, HasSubstr(path));
  EXPECT_THAT(log_->problems(), SizeIs(1));
}

TEST_F(LocalLogFaultTest, AFlippedBitInTheMiddleOfTheJournalTakesOnlyItsRecords) {
  options_.checkpoint_bytes = 1 << 30;
  reopen();
  std::vector<Appended> appended;
  for (const char* data : {"record-one", "record-two", "record-three"}) {
    const auto one = append(*log_, kShard, {data});
    ASSERT_TRUE(one);
    appended.push_back(one->front());
  }
  log_.reset();
  const auto [path, offset] = locate("/log/journal", "record-two");
  ASSERT_TRUE(env_->corrupt(path, offset, 1));
  open();
  ASSERT_THAT(log_->problems(), SizeIs(1));
  EXPECT_EQ(log_->problems().front().file, path);
  for (const bool flushed : {false, true}) {
    if (flushed) {
      ASSERT_TRUE(log_->checkpoint_now());
      reopen();
    }
    const auto before = run(log_->read(kShard, 0, {}));
    ASSERT_TRUE(before);
    EXPECT_THAT(data_of(records_of(*before)), ElementsAre("record-one"));
    EXPECT_EQ(before->next, appended[1].first);
    EXPECT_EQ(run(log_->read(kShard, before->next, {})).error().code, ErrorCode::kCorruption);
    EXPECT_THAT(data_of(*read_all(*log_, kShard, appended[2].first)), ElementsAre("record-three"));
  }
}

TEST_F(LocalLogFaultTest, AFlippedBitInAFramesHeadMarksTheLostNumbers) {
  options_.checkpoint_bytes = 1 << 30;
  reopen();
  std::vector<Appended> appended;
  for (const char* data : {"record-one", "record-two", "record-three"}) {
    appended.push_back(append(*log_, kShard, {data})->front());
  }
  log_.reset();
  const auto [path, offset] = locate("/log/journal", "record-two");
  ASSERT_TRUE(env_->corrupt(path, offset / kJournalAlignment * kJournalAlignment + 17, 1));
  open();
  EXPECT_THAT(log_->problems(), SizeIs(1));
  EXPECT_EQ(run(log_->read(kShard, appended[1].first, {})).error().code, ErrorCode::kCorruption);
  EXPECT_THAT(data_of(*read_all(*log_, kShard, appended[2].first)), ElementsAre("record-three"));
}

TEST_F(LocalLogFaultTest, AFlippedBitInTheManifestStopsTheStart) {
  log_.reset();
  ASSERT_TRUE(env_->corrupt("/log/MANIFEST", 30, 1));
  const auto opened = LocalLog::open(*env_, options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(opened.error().message, HasSubstr("MANIFEST"));
}

TEST_F(LocalLogFaultTest, ColdReadsTakeTheReaderPool) {
  std::vector<std::string> written;
  for (int i = 0; i < 40; ++i) {
    written.push_back(std::to_string(i) + std::string(4000, 'c'));
    ASSERT_TRUE(append(*log_, kShard, {written.back()}));
  }
  ASSERT_TRUE(log_->checkpoint_now());
  env_->set_cold_cache(true);
  options_.tail_cache_bytes = 0;
  reopen();
  EXPECT_EQ(read(), written);
}

TEST_F(LocalLogFaultTest, WhatWasAcknowledgedSurvivesAPowerFailure) {
  std::vector<std::string> written;
  for (uint64_t round = 0; round < 10; ++round) {
    for (int i = 0; i < 7; ++i) {
      written.push_back(fmt::format("{}-{}", round, i) + std::string(3000, 'p'));
      ASSERT_TRUE(append(*log_, kShard, {written.back()}));
    }
    if (round % 4 == 3) ASSERT_TRUE(log_->checkpoint_now());
    env_->crash();
    log_.reset();
    env_ = env_->after_crash(Survival::kSynced, round);
    open();
    EXPECT_EQ(read(), written);
    EXPECT_THAT(log_->problems(), SizeIs(0));
  }
}

TEST_F(LocalLogFaultTest, WithOsDurabilityAProcessCrashLosesNothing) {
  options_.durability = Durability::kOs;
  reopen();
  std::vector<std::string> written;
  for (uint64_t round = 0; round < 4; ++round) {
    for (int i = 0; i < 30; ++i) {
      written.push_back(fmt::format("{}-{}", round, i) + std::string(5000, 'o'));
      ASSERT_TRUE(append(*log_, kShard, {written.back()}));
    }
    env_->crash();
    log_.reset();
    env_ = env_->after_crash(Survival::kAll, round);
    open();
    EXPECT_EQ(read(), written);
  }
}

TEST_F(LocalLogFaultTest, WithOsDurabilityAPowerFailureLeavesABeginningAndNoComplaint) {
  options_.durability = Durability::kOs;
  options_.checkpoint_bytes = 1 << 30;
  reopen();
  std::vector<std::string> written;
  for (int i = 0; i < 60; ++i) {  // over several files
    written.push_back(std::to_string(i) + std::string(5000, 'o'));
    ASSERT_TRUE(append(*log_, kShard, {written.back()}));
  }
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto env = env_->after_crash(Survival::kWrites, seed);
    const auto log = open_or_die(*env, options_);
    EXPECT_TRUE(log->problems().empty()) << seed;
    const auto records = read_all(*log, kShard);
    if (!records) continue;  // its creation was lost too
    const std::vector<std::string> found = data_of(*records);
    ASSERT_LE(found.size(), written.size());
    EXPECT_TRUE(std::equal(found.begin(), found.end(), written.begin())) << seed;
  }
}

TEST_F(LocalLogFaultTest, ACheckpointOfManyQuietShardsSyncsFewFiles) {
  constexpr uint64_t kShards = 10'000;
  options_.journal_bytes = 256 << 20;
  options_.journal_file_bytes = 16 << 20;
  options_.checkpoint_bytes = 256 << 20;
  reopen();
  asio::io_context io;
  auto fill = [&](ShardId shard) -> awaitable<> {
    const auto created = co_await log_->create(shard, {});
    EXPECT_TRUE(created.has_value());
    std::vector<ShardBatch> batches = {batch_of(shard, {"quiet"})};
    const auto appended = co_await log_->append(std::move(batches));
    EXPECT_TRUE(appended.has_value());
  };
  for (uint64_t i = 0; i < kShards; ++i) {
    asio::co_spawn(io, fill(ShardId{100 + i}), asio::detached);
  }
  io.run();
  const size_t before = env_->history().size();
  ASSERT_TRUE(log_->checkpoint_now());
  const std::vector<std::string> history = env_->history();
  const auto syncs =
      std::count_if(history.begin() + static_cast<ptrdiff_t>(before), history.end(),
                    [](const std::string& change) { return change.starts_with("sync"); });
  EXPECT_LE(syncs, 30);
  reopen();
  EXPECT_THAT(log_->shards(), SizeIs(kShards + 1));
  for (uint64_t i = 0; i < kShards; i += 997) {
    EXPECT_THAT(data_of(*read_all(*log_, ShardId{100 + i})), ElementsAre("quiet"));
  }
}

}  // namespace
}  // namespace millstream::local
