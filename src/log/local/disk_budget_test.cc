#include "log/local/disk_budget.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fault_env.h"
#include "base/manual_clock.h"
#include "log/local/log_test_support.h"

namespace millstream::local {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DiskBudgetTest : public ::testing::Test {
 protected:
  DiskBudgetTest() {
    EXPECT_TRUE(env_.make_folders("/log/data"));
    EXPECT_TRUE(env_.make_folders("/log/cache"));
  }

  DiskBudget budget(uint64_t bytes) {
    return DiskBudget(env_, health_, {.folder = "/log", .budget_bytes = bytes});
  }
  void set_file(const std::string& path, uint64_t bytes) {
    const auto file = env_.open(path, OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(bytes));
  }
  // The alarm once a file has `bytes`.
  DiskAlarm alarm_at(DiskBudget& budget, uint64_t bytes) {
    set_file("/log/data/pack", bytes);
    step(budget);
    return budget.use().alarm;
  }
  void step(DiskBudget& budget, uint64_t unwritten = 0) {
    now_ += seconds(1);
    EXPECT_TRUE(budget.due(now_));
    budget.measure(now_, unwritten);
    budget.judge();
    EXPECT_FALSE(budget.due(now_ + std::chrono::milliseconds(500)));
  }

  ManualClock clock_;
  FaultEnv env_{clock_};
  Health health_;
  DiskBudget::Moment now_{seconds(1000)};
};

TEST_F(DiskBudgetTest, CountsEveryFileBelowTheFolderAndWhatTheJournalHolds) {
  DiskBudget disk = budget(100 * kMiB);
  set_file("/log/MANIFEST", kMiB);
  set_file("/log/data/pack", 2 * kMiB);
  set_file("/log/cache/chunk", 4 * kMiB);
  step(disk, 8 * kMiB);
  EXPECT_EQ(disk.use().used_bytes, 15 * kMiB);
  EXPECT_EQ(disk.use().budget_bytes, 100 * kMiB);
  EXPECT_GT(disk.use().free_bytes, 100 * kMiB);
}

TEST_F(DiskBudgetTest, AlarmsRiseAtTheirThresholdAndFallTwoPointsBelow) {
  DiskBudget disk = budget(100 * kMiB);
  EXPECT_EQ(alarm_at(disk, 79 * kMiB), DiskAlarm::kNone);
  EXPECT_EQ(alarm_at(disk, 80 * kMiB), DiskAlarm::kWarning);
  EXPECT_EQ(alarm_at(disk, 79 * kMiB), DiskAlarm::kWarning);
  EXPECT_EQ(alarm_at(disk, 77 * kMiB), DiskAlarm::kNone);
  EXPECT_EQ(alarm_at(disk, 96 * kMiB), DiskAlarm::kCritical);
  EXPECT_EQ(alarm_at(disk, 94 * kMiB), DiskAlarm::kCritical);
  EXPECT_EQ(alarm_at(disk, 92 * kMiB), DiskAlarm::kWarning);
  EXPECT_EQ(alarm_at(disk, 100 * kMiB), DiskAlarm::kFull);
  EXPECT_EQ(alarm_at(disk, 97 * kMiB), DiskAlarm::kFull);
  EXPECT_EQ(alarm_at(disk, 95 * kMiB), DiskAlarm::kCritical);
  EXPECT_EQ(alarm_at(disk, 10 * kMiB), DiskAlarm::kNone);
}

TEST_F(DiskBudgetTest, AnAlarmIsToldOnceForEachChange) {
  DiskBudget disk = budget(100 * kMiB);
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 5; ++i) alarm_at(disk, 81 * kMiB);
  for (int i = 0; i < 5; ++i) alarm_at(disk, 10 * kMiB);
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(told, '\n'), 2) << told;
  EXPECT_THAT(told, HasSubstr("takes 81.0 MiB of the 100.0 MiB"));
  EXPECT_THAT(told, HasSubstr("no alarm any more"));
}

TEST_F(DiskBudgetTest, LetsInWhatFitsAndNothingMore) {
  DiskBudget disk = budget(100 * kMiB);
  int refusals = 0;
  disk.on_refusal([&] { ++refusals; });
  set_file("/log/data/pack", 90 * kMiB);
  step(disk, 5 * kMiB);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(disk.admit(kMiB)) << i;
  const auto refused = disk.admit(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
  EXPECT_THAT(refused.error().message, HasSubstr("disk budget of 100.0 MiB is used up"));
  EXPECT_EQ(refusals, 1);
}

TEST_F(DiskBudgetTest, IsMeasuredEachSecondAndSoonerWhenMuchWasAdmitted) {
  DiskBudget disk = budget(160 * kMiB);
  step(disk);
  const auto soon = now_ + std::chrono::milliseconds(900);
  ASSERT_TRUE(disk.admit(10 * kMiB));
  EXPECT_FALSE(disk.due(soon));
  ASSERT_TRUE(disk.admit(1));
  EXPECT_TRUE(disk.due(soon));
}

TEST_F(DiskBudgetTest, FullIsAProblemUntilThereIsRoomAgain) {
  DiskBudget disk = budget(100 * kMiB);
  alarm_at(disk, 99 * kMiB);
  EXPECT_TRUE(health_.problems().empty());
  EXPECT_FALSE(disk.admit(2 * kMiB));
  step(disk);
  EXPECT_TRUE(disk.full());
  EXPECT_EQ(health_.problems().size(), 1U);
  EXPECT_FALSE(disk.admit(1)) << "all appends are refused alike, not just the big ones";
  EXPECT_GT(disk.wanted_bytes(), 0U);
  EXPECT_EQ(alarm_at(disk, 50 * kMiB), DiskAlarm::kNone);
  EXPECT_TRUE(health_.problems().empty());
  EXPECT_TRUE(disk.admit(49 * kMiB));
}

TEST_F(DiskBudgetTest, AnAppendThatIsTooBigDoesNotMeanFull) {
  DiskBudget disk = budget(100 * kMiB);
  alarm_at(disk, 50 * kMiB);
  EXPECT_FALSE(disk.admit(60 * kMiB));
  step(disk);
  EXPECT_FALSE(disk.full());
  EXPECT_TRUE(disk.admit(40 * kMiB));
}

TEST_F(DiskBudgetTest, WithoutABudgetTheFileSystemGivesTheAlarmsAndNothingIsRefused) {
  DiskBudget disk = budget(0);
  env_.set_capacity(10 * kMiB);
  const auto write = [&](uint64_t bytes) {
    const auto file = env_.open("/log/data/pack", OpenMode::kCreate);
    EXPECT_TRUE((*file)->reserve(0, bytes));
    step(disk);
    return disk.use().alarm;
  };
  EXPECT_EQ(write(7 * kMiB), DiskAlarm::kNone);
  EXPECT_EQ(disk.use().budget_bytes, 0U);
  EXPECT_EQ(disk.use().free_bytes, 3 * kMiB);
  EXPECT_EQ(write(9 * kMiB), DiskAlarm::kWarning);
  EXPECT_EQ(write(10 * kMiB), DiskAlarm::kCritical);
  EXPECT_TRUE(disk.admit(kMiB));
}

TEST_F(DiskBudgetTest, TellsWhenItWillBeFull) {
  DiskBudget disk = budget(100 * kMiB);
  alarm_at(disk, 10 * kMiB);
  EXPECT_EQ(disk.use().full_in, std::nullopt);
  for (uint64_t used = 11; used <= 20; ++used) {
    now_ += seconds(99);  // 1 MiB in 100 s
    alarm_at(disk, used * kMiB);
  }
  ASSERT_TRUE(disk.use().full_in);
  EXPECT_NEAR(static_cast<double>(disk.use().full_in->count()), 8000, 100);
  for (int i = 0; i < 100; ++i) {
    now_ += seconds(99);
    alarm_at(disk, 20 * kMiB);
  }
  EXPECT_EQ(disk.use().full_in, std::nullopt) << "it does not fill any more";
}

// ---- with the log around it ----

class LocalLogBudget : public ::testing::Test {
 protected:
  LocalLogBudget() {
    EXPECT_TRUE(env_.make_folders("/srv"));
    LocalLogOptions options = small_options("/srv/log");
    options.disk_bytes = 2 * kMiB;
    log_ = open_or_die(env_, options);
    EXPECT_TRUE(run(log_->create(kShard, {})));
  }

  // Appends until it is refused. The reason.
  Error fill() {
    for (int i = 0; i < 10'000; ++i) {
      const std::string data = fmt::format("{:08}{}", i, std::string(10'000, 'x'));
      const auto appended = append(*log_, kShard, {data});
      if (!appended && appended.error().code == ErrorCode::kThrottled) continue;  // the journal
      if (!appended) return appended.error();
      acknowledged_.push_back(data);
    }
    return {ErrorCode::kInternal, "never refused"};
  }
  bool appends_within(seconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (append(*log_, kShard, {"again"})) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  void wait_until_full() {
    while (log_->disk_use().alarm != DiskAlarm::kFull) {
      (void)append(*log_, kShard, {std::string(10'000, 'x')});
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  uint64_t bytes_below(const std::string& folder) {
    uint64_t bytes = 0;
    for (const FileInfo& file : env_.list(folder).value()) {
      bytes += file.is_folder ? bytes_below(folder + "/" + file.name) : file.size;
    }
    return bytes;
  }

  static constexpr ShardId kShard{1};
  ManualClock clock_;
  FaultEnv env_{clock_};
  std::unique_ptr<LocalLog> log_;
  std::vector<std::string> acknowledged_;
};

TEST_F(LocalLogBudget, RefusesAppendsAtTheBudgetAndKeepsWhatIsAcknowledged) {
  const Error refused = fill();
  EXPECT_EQ(refused.code, ErrorCode::kNoSpace);
  EXPECT_THAT(refused.message, HasSubstr("disk budget of 2.0 MiB"));
  ASSERT_TRUE(log_->checkpoint_now());
  // Journal files may come on top: those that an eighth of the budget needs.
  EXPECT_LE(bytes_below("/srv/log"), 2 * kMiB + 2 * kMiB / 8);
  const auto kept = read_all(*log_, kShard);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(data_of(*kept), acknowledged_);
  EXPECT_GT(acknowledged_.size(), 50U);
}

TEST_F(LocalLogBudget, HealsWhenTheRetentionIsDecreased) {
  fill();
  wait_until_full();
  clock_.advance(std::chrono::hours(20));
  EXPECT_FALSE(appends_within(seconds(1))) << "nothing has expired yet";
  EXPECT_FALSE(log_->problems().empty());
  ASSERT_TRUE(run(log_->set_retention(kShard, TimeMs{10} * 3600 * 1000)));
  EXPECT_TRUE(appends_within(seconds(20)));
  const auto kept = read_all(*log_, kShard);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->back().data, "again");
}

TEST_F(LocalLogBudget, HealsWhenAShardIsRemoved) {
  constexpr ShardId kOther{2};
  ASSERT_TRUE(run(log_->create(kOther, {})));
  fill();
  wait_until_full();
  EXPECT_FALSE(append(*log_, kOther, {"x"}));
  ASSERT_TRUE(run(log_->remove(kShard)));
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  bool appended = false;
  while (!appended && std::chrono::steady_clock::now() < end) {
    appended = append(*log_, kOther, {"x"}).has_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(appended);
}

TEST_F(LocalLogBudget, AFullLogIsFullAfterARestartToo) {
  fill();
  wait_until_full();
  LocalLogOptions options = small_options("/srv/log");
  options.disk_bytes = kMiB;
  log_.reset();
  log_ = open_or_die(env_, options);
  const auto refused = append(*log_, kShard, {"x"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace millstream::local
