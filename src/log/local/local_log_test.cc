// The log as its callers see it, on a real folder.
#include "log/local/local_log.h"

#include <thread>

#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>

#include "log/local/log_test_support.h"

namespace millstream::local {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr ShardId kShard{1};
constexpr ShardId kOther{2};
constexpr TimeMs kHour = 3'600'000;

class LocalLogTest : public ::testing::Test {
 protected:
  LocalLogTest() : options_(small_options(folder_.path())) { open(); }

  void open() { log_ = open_or_die(real_env(), options_); }
  void reopen() {
    log_.reset();
    open();
  }
  void create(ShardId shard, ShardOptions options = {}) {
    ASSERT_TRUE(run(log_->create(shard, options)));
  }
  std::vector<std::string> read(ShardId shard, Counter from = 0) {
    auto records = read_all(*log_, shard, from);
    EXPECT_TRUE(records.has_value()) << records.error().message;
    return records ? data_of(*records) : std::vector<std::string>();
  }

  TempFolder folder_;
  LocalLogOptions options_;
  std::unique_ptr<LocalLog> log_;
};

TEST_F(LocalLogTest, RecordsAreReadInOrderWithTheNumbersTheirAppendGot) {
  create(kShard);
  const auto first = append(*log_, kShard, {"a", "b"});
  const auto second = append(*log_, kShard, {"c"});
  ASSERT_TRUE(first && second);
  ASSERT_THAT(*first, SizeIs(1));
  EXPECT_EQ(first->front().records, 2u);
  EXPECT_EQ(second->front().first, first->front().first + 2);
  const auto records = read_all(*log_, kShard);
  ASSERT_TRUE(records);
  ASSERT_THAT(*records, SizeIs(3));
  EXPECT_THAT(data_of(*records), ElementsAre("a", "b", "c"));
  EXPECT_EQ(records->at(0).counter, first->front().first);
  EXPECT_EQ(records->at(0).arrival_ms, first->front().arrival_ms);
  EXPECT_EQ(records->at(2).counter, second->front().first);
}

TEST_F(LocalLogTest, AReadHonoursPositionAndLimitsInsideOfABatch) {
  create(kShard);
  const auto appended = append(*log_, kShard, {"aaaa", "bbbb", "cccc", "dddd"});
  ASSERT_TRUE(appended);
  const Counter first = appended->front().first;
  for (const bool flushed : {false, true}) {
    if (flushed) {
      ASSERT_TRUE(log_->checkpoint_now());
      options_.tail_cache_bytes = 0;
      reopen();
    }
    const auto middle = run(log_->read(kShard, first + 1, {.records = 2}));
    ASSERT_TRUE(middle);
    EXPECT_THAT(data_of(records_of(*middle)), ElementsAre("bbbb", "cccc"));
    EXPECT_EQ(middle->next, first + 3);
    EXPECT_EQ(middle->tip, first + 4);
    // At least one, however small the limit.
    const auto one = run(log_->read(kShard, first, {.bytes = 1}));
    ASSERT_TRUE(one);
    EXPECT_THAT(data_of(records_of(*one)), ElementsAre("aaaa"));
    const auto two = run(log_->read(kShard, first, {.bytes = 2 * stored_record_size(3, 4)}));
    ASSERT_TRUE(two);
    EXPECT_THAT(data_of(records_of(*two)), ElementsAre("aaaa", "bbbb"));
  }
}

TEST_F(LocalLogTest, AnAppendOverSeveralShardsIsSeenInAll) {
  create(kShard);
  create(kOther);
  const auto appended = run(log_->append({batch_of(kShard, {"a"}), batch_of(kOther, {"b", "c"})}));
  ASSERT_TRUE(appended);
  ASSERT_THAT(*appended, SizeIs(2));
  EXPECT_EQ(appended->at(1).shard, kOther);
  EXPECT_THAT(read(kShard), ElementsAre("a"));
  EXPECT_THAT(read(kOther), ElementsAre("b", "c"));
}

TEST_F(LocalLogTest, ASealedShardRefusesAnAppendAndNothingOfItIsWritten) {
  create(kShard);
  create(kOther);
  ASSERT_TRUE(append(*log_, kShard, {"last"}));
  const auto end = run(log_->seal(kShard));
  ASSERT_TRUE(end);
  EXPECT_EQ(run(log_->seal(kShard)), end);
  const auto refused = run(log_->append({batch_of(kOther, {"x"}), batch_of(kShard, {"y"})}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kSealed);
  EXPECT_NE(refused.error().message.find("1"), std::string::npos);
  EXPECT_THAT(read(kOther), SizeIs(0));
  reopen();
  EXPECT_EQ(append(*log_, kShard, {"z"}).error().code, ErrorCode::kSealed);
  const auto rest = run(log_->read(kShard, 0, {}));
  ASSERT_TRUE(rest);
  EXPECT_TRUE(rest->at_end);
  EXPECT_EQ(rest->next, *end);
  EXPECT_THAT(data_of(records_of(*rest)), ElementsAre("last"));
}

TEST_F(LocalLogTest, BadAppendsAreRefusedWithTheReason) {
  create(kShard);
  EXPECT_EQ(append(*log_, ShardId{99}, {"x"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(log_->append({batch_of(kShard, {"x"}), batch_of(kShard, {"y"})})).error().code,
            ErrorCode::kInvalidArgument);
  ShardBatch wrong = batch_of(kShard, {"x"});
  wrong.checksum ^= 1;
  EXPECT_EQ(run(log_->append({wrong})).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(append(*log_, kShard, {std::string(kMaxAppendBytes, 'x')}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_THAT(read(kShard), SizeIs(0));
}

TEST_F(LocalLogTest, CreationIsIdempotentWithTheSameOptionsOnly) {
  create(kShard, {.retention_ms = kHour});
  EXPECT_TRUE(run(log_->create(kShard, {.retention_ms = kHour})));
  EXPECT_EQ(run(log_->create(kShard, {.retention_ms = 2 * kHour})).error().code, ErrorCode::kInUse);
  EXPECT_THAT(log_->shards(), ElementsAre(kShard));
}

TEST_F(LocalLogTest, NoRecordArrivesBeforeTheTimeThatItsShardWasGiven) {
  const TimeMs later = real_env().now_ms() + 10 * kHour;
  create(kShard, {.not_before_ms = later});
  const auto appended = append(*log_, kShard, {"x"});
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->front().arrival_ms, later);
}

TEST_F(LocalLogTest, ARemovedShardIsGoneAlsoAfterAReopen) {
  create(kShard);
  create(kOther);
  ASSERT_TRUE(append(*log_, kShard, {"x"}));
  ASSERT_TRUE(log_->checkpoint_now());
  ASSERT_TRUE(run(log_->remove(kShard)));
  EXPECT_TRUE(run(log_->remove(kShard)));
  EXPECT_EQ(run(log_->read(kShard, 0, {})).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(log_->status(kShard));
  reopen();
  EXPECT_THAT(log_->shards(), ElementsAre(kOther));
  ASSERT_TRUE(log_->expire_now());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/data"));
}

TEST_F(LocalLogTest, TrimmedRecordsAreNeverReadAgain) {
  create(kShard);
  const auto appended = append(*log_, kShard, {"a", "b", "c"});
  ASSERT_TRUE(appended);
  ASSERT_TRUE(run(log_->trim(kShard, appended->front().first + 2)));
  EXPECT_THAT(read(kShard), ElementsAre("c"));
  EXPECT_EQ(log_->status(kShard)->first, appended->front().first + 2);
  reopen();
  EXPECT_THAT(read(kShard), ElementsAre("c"));
  ASSERT_TRUE(log_->checkpoint_now());
  reopen();
  EXPECT_THAT(read(kShard), ElementsAre("c"));
}

TEST_F(LocalLogTest, EverythingSurvivesAReopenFromJournalPackAndSegment) {
  create(kShard);
  create(kOther);
  std::vector<std::string> small;
  std::vector<std::string> large;
  std::vector<TestRecord> before;
  for (int round = 0; round < 12; ++round) {
    small.push_back("s" + std::to_string(round));
    ASSERT_TRUE(append(*log_, kOther, {small.back()}));
    for (int i = 0; i < 5; ++i) {
      large.push_back(std::to_string(round * 10 + i) + std::string(3000, 'x'));
      ASSERT_TRUE(append(*log_, kShard, {large.back()}));
    }
    if (round % 3 == 1) ASSERT_TRUE(log_->checkpoint_now());
    if (round % 3 == 2) reopen();
    EXPECT_EQ(read(kShard), large) << round;
    EXPECT_EQ(read(kOther), small) << round;
    const auto now = read_all(*log_, kShard);
    ASSERT_TRUE(now);
    ASSERT_GE(now->size(), before.size());
    EXPECT_TRUE(std::equal(before.begin(), before.end(), now->begin())) << round;
    before = *now;
  }
  ASSERT_TRUE(run(log_->close()));
  reopen();
  EXPECT_EQ(*read_all(*log_, kShard), before);
  EXPECT_THAT(log_->problems(), SizeIs(0));
}

TEST_F(LocalLogTest, ManyCheckpointsLeaveFewFiles) {
  create(kShard);
  std::vector<std::string> written;
  for (int i = 0; i < 70; ++i) {
    written.push_back(std::to_string(i));
    ASSERT_TRUE(append(*log_, kShard, {written.back()}));
    ASSERT_TRUE(log_->checkpoint_now());
  }
  // Merging goes on in the background, one step for each of these.
  size_t files = 1000;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (files > 20 && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(log_->expire_now());
    files = static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path() + "/data"), {}));
  }
  EXPECT_LE(files, 20u);
  EXPECT_EQ(read(kShard), written);
  reopen();
  EXPECT_EQ(read(kShard), written);
}

TEST_F(LocalLogTest, WhatTheTailCacheDroppedIsReadFromTheJournal) {
  options_.tail_cache_bytes = 0;
  options_.checkpoint_bytes = 1 << 30;
  reopen();
  create(kShard);
  std::vector<std::string> written;
  for (int i = 0; i < 20; ++i) {
    written.push_back(std::to_string(i) + std::string(5000, 'y'));
    ASSERT_TRUE(append(*log_, kShard, {written.back()}));
  }
  EXPECT_EQ(read(kShard), written);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/data"));
}

TEST_F(LocalLogTest, NumbersAreNeverGivenTwiceOverReopens) {
  create(kShard);
  Counter last = 0;
  for (int i = 0; i < 5; ++i) {
    const auto appended = append(*log_, kShard, {"x"});
    ASSERT_TRUE(appended);
    EXPECT_GT(appended->front().first, last);
    EXPECT_GT(appended->front().first >> 40, last >> 40);  // a new epoch
    last = appended->front().first;
    reopen();
  }
}

TEST_F(LocalLogTest, AWaitEndsWhenARecordComesWhenTheShardIsSealedAndInTime) {
  create(kShard);
  asio::io_context io;
  std::vector<std::string> events;
  auto waiter = [&](std::string name, Counter position, milliseconds timeout) -> awaitable<> {
    const auto result = co_await log_->wait(kShard, position, timeout);
    events.push_back(name + (result ? "" : " timeout"));
  };
  auto writer = [&]() -> awaitable<> {
    std::vector<ShardBatch> batches = {batch_of(kShard, {"x"})};
    const auto appended = co_await log_->append(std::move(batches));
    events.push_back("appended");
    const Counter next = appended->front().first + 1;
    asio::co_spawn(co_await asio::this_coro::executor, waiter("never", next, milliseconds(20)),
                   asio::detached);
    asio::co_spawn(co_await asio::this_coro::executor, waiter("sealed", next, milliseconds(60'000)),
                   asio::detached);
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(60));
    co_await timer.async_wait(asio::use_awaitable);
    co_await log_->seal(kShard);
  };
  const Counter tip = log_->status(kShard)->tip;
  asio::co_spawn(io, waiter("record", tip, milliseconds(60'000)), asio::detached);
  asio::co_spawn(io, writer(), asio::detached);
  io.run();
  EXPECT_THAT(events,
              ::testing::UnorderedElementsAre("record", "appended", "never timeout", "sealed"));
}

TEST_F(LocalLogTest, ClosingCancelsWaitsAndRefusesWhatComesLater) {
  create(kShard);
  asio::io_context io;
  std::optional<Result<>> waited;
  asio::co_spawn(io, log_->wait(kShard, log_->status(kShard)->tip, milliseconds(60'000)),
                 [&](std::exception_ptr, Result<> result) { waited = std::move(result); });
  asio::co_spawn(io, log_->close(),
                 [](std::exception_ptr, Result<> result) { EXPECT_TRUE(result.has_value()); });
  io.run();
  ASSERT_TRUE(waited.has_value());
  EXPECT_EQ(waited->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(append(*log_, kShard, {"x"}).error().code, ErrorCode::kUnavailable);
}

TEST_F(LocalLogTest, PositionAtGivesTheFirstRecordOfATime) {
  create(kShard);
  std::vector<Appended> appended;
  for (int i = 0; i < 30; ++i) {
    const auto one = append(*log_, kShard, {std::to_string(i) + std::string(2000, 'z')});
    ASSERT_TRUE(one);
    appended.push_back(one->front());
    if (i % 10 == 5) ASSERT_TRUE(log_->checkpoint_now());
    // The next one is later.
    while (real_env().now_ms() <= one->front().arrival_ms) std::this_thread::yield();
  }
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    for (const Appended& a : appended) {
      EXPECT_EQ(run(log_->position_at(kShard, a.arrival_ms)), a.first);
    }
    EXPECT_EQ(run(log_->position_at(kShard, 0)), appended.front().first);
    EXPECT_EQ(run(log_->position_at(kShard, appended.back().arrival_ms + 1)),
              log_->status(kShard)->tip);
  }
}

TEST_F(LocalLogTest, AWritersRepeatIsAnsweredWithWhatTheFirstAttemptGot) {
  create(kShard);
  const auto opened = run(log_->open_writer(7));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->last_number, 0u);
  const WriterStamp stamp{.writer = 7, .epoch = opened->epoch, .number = 1};
  const auto first = append(*log_, kShard, {"a"}, stamp);
  ASSERT_TRUE(first);
  for (int round = 0; round < 3; ++round) {
    const auto again = append(*log_, kShard, {"a"}, stamp);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->front().first, first->front().first);
    EXPECT_EQ(again->front().arrival_ms, first->front().arrival_ms);
    if (round == 0) reopen();  // from the journal
    if (round == 1) {          // from the manifest
      ASSERT_TRUE(log_->checkpoint_now());
      reopen();
    }
  }
  EXPECT_THAT(read(kShard), ElementsAre("a"));
  EXPECT_EQ(append(*log_, kShard, {"c"}, {7, opened->epoch, 3}).error().code,
            ErrorCode::kOutOfSequence);
  const auto newer = run(log_->open_writer(7));
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->epoch, opened->epoch + 1);
  EXPECT_EQ(newer->last_number, 1u);
  EXPECT_EQ(append(*log_, kShard, {"b"}, {7, opened->epoch, 2}).error().code, ErrorCode::kFenced);
  EXPECT_TRUE(append(*log_, kShard, {"b"}, {7, newer->epoch, 2}));
  EXPECT_THAT(read(kShard), ElementsAre("a", "b"));
}

TEST_F(LocalLogTest, AnAppendLargerThanAJournalFileIsWrittenAndReadBack) {
  create(kShard);
  const std::string large(300 << 10, 'L');
  ASSERT_TRUE(append(*log_, kShard, {large}));
  ASSERT_TRUE(append(*log_, kShard, {"small"}));
  EXPECT_THAT(read(kShard), ElementsAre(large, "small"));
  reopen();
  EXPECT_THAT(read(kShard), ElementsAre(large, "small"));
}

TEST_F(LocalLogTest, MoreThanTheJournalHoldsFlowsThroughIt) {
  create(kShard);
  const std::string record(8000, 'r');
  for (int i = 0; i < 600; ++i) {  // 4.8 MB through a journal of 1 MB
    const auto appended = append(*log_, kShard, {record});
    ASSERT_TRUE(appended) << i << " " << appended.error().message;
  }
  EXPECT_THAT(read(kShard), SizeIs(600));
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/journal")) {
    bytes += entry.file_size();
  }
  EXPECT_LE(bytes, options_.journal_bytes + (64 << 10));
}

TEST_F(LocalLogTest, ASecondProcessIsRefused) {
  const auto second = LocalLog::open(real_env(), options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
}

// Loops append, read and wait at once; what each wrote is there once and in order.
TEST_F(LocalLogTest, LoopsAppendAndReadAtTheSameTime) {
  constexpr int kLoops = 3;
  constexpr int kRounds = 60;
  for (int i = 1; i <= 4; ++i) create(ShardId{static_cast<uint64_t>(i)});
  std::atomic<int> reads_behind_tip{0};
  auto writer = [&](int loop) -> awaitable<> {
    for (int i = 0; i < kRounds; ++i) {
      std::vector<ShardBatch> batches;
      const auto shard = static_cast<uint64_t>(1 + (loop + i) % 4);
      batches.push_back(batch_of(ShardId{shard}, {fmt::format("{}-{}", loop, i)}));
      if (i % 5 == 0) {
        batches.push_back(batch_of(ShardId{1 + shard % 4}, {std::string(6000, 'b')}));
      }
      const auto appended = co_await log_->append(std::move(batches));
      EXPECT_TRUE(appended.has_value()) << appended.error().message;
    }
  };
  auto reader = [&](ShardId shard) -> awaitable<> {
    Counter from = 0;
    for (int i = 0; i < kRounds; ++i) {
      const auto result = co_await log_->read(shard, from, {});
      EXPECT_TRUE(result.has_value()) << result.error().message;
      if (!result) co_return;
      if (result->next > result->tip) ++reads_behind_tip;
      from = result->next;
      (void)co_await log_->wait(shard, from, milliseconds(5));
    }
  };
  std::vector<std::thread> threads;
  for (int loop = 0; loop < kLoops; ++loop) {
    threads.emplace_back([&, loop] {
      asio::io_context io;
      for (int i = 0; i < 4; ++i) asio::co_spawn(io, writer(loop), asio::detached);
      asio::co_spawn(io, reader(ShardId{static_cast<uint64_t>(loop + 1)}), asio::detached);
      io.run();
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(log_->checkpoint_now());
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(reads_behind_tip, 0);
  size_t found = 0;
  for (uint64_t shard = 1; shard <= 4; ++shard) {
    const auto records = read_all(*log_, ShardId{shard});
    ASSERT_TRUE(records);
    found += records->size();
    for (size_t i = 1; i < records->size(); ++i) {
      EXPECT_GT(records->at(i).counter, records->at(i - 1).counter);
      EXPECT_GE(records->at(i).arrival_ms, records->at(i - 1).arrival_ms);
    }
  }
  EXPECT_EQ(found, size_t{kLoops * 4 * (kRounds + kRounds / 5)});
}

}  // namespace
}  // namespace millstream::local
