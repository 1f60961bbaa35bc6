#include "streams/limits.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace millstream::streams {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr ShardId kShard{1};
constexpr size_t kMiB = 1 << 20;

StreamsSettings with(ShardLimits limits) {
  StreamsSettings settings;
  settings.shard_limits = limits;
  return settings;
}

class AwsShardLimits : public testing::Test {
 protected:
  int put_all(ShardId shard, size_t bytes = 10) {
    int taken = 0;
    while (limiter.take_put(shard, bytes)) ++taken;
    return taken;
  }
  int get_all(ShardId shard) {
    int taken = 0;
    while (limiter.take_get(shard)) ++taken;
    return taken;
  }

  ManualClock clock;
  StreamsSettings settings = with(ShardLimits::aws());
  ShardLimiter limiter{clock, settings};
};

TEST_F(AwsShardLimits, TakeAThousandRecordsASecondOfEachShard) {
  EXPECT_EQ(put_all(kShard), 1000);
  EXPECT_EQ(put_all(ShardId{17}), 1000);  // of the same lock
  EXPECT_EQ(put_all(ShardId{2}), 1000);
  clock.advance(milliseconds(100));
  EXPECT_EQ(put_all(kShard), 100);
}

TEST_F(AwsShardLimits, FillByOneRecordEachMillisecondAndNotEarlier) {
  put_all(kShard);
  clock.advance(milliseconds(1) - nanoseconds(1));
  EXPECT_EQ(put_all(kShard), 0);
  clock.advance(nanoseconds(1));
  EXPECT_EQ(put_all(kShard), 1);
  clock.advance(milliseconds(2));
  EXPECT_EQ(put_all(kShard), 2);
}

TEST_F(AwsShardLimits, SaveUpASecondsWorthAndNoMore) {
  put_all(kShard);
  clock.advance(milliseconds(999));
  EXPECT_EQ(put_all(kShard), 999);
  clock.advance(milliseconds(1001));
  EXPECT_EQ(put_all(kShard), 1000);
  clock.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(put_all(kShard), 1000);
  EXPECT_EQ(get_all(kShard), 5);
}

TEST_F(AwsShardLimits, NeverGiveMoreThanTheirRateOverALongTime) {
  int taken = 0;
  for (int i = 0; i < 30'000; ++i) {  // 21 s, in steps that the rate does not divide
    taken += limiter.take_put(kShard, 10) ? 1 : 0;
    clock.advance(nanoseconds(700'001));
  }
  // All of the first second's worth and what the rate gave since.
  EXPECT_EQ(taken, 1000 + 20'999);
}

TEST_F(AwsShardLimits, TakeAMebibyteASecond) {
  EXPECT_TRUE(limiter.take_put(kShard, 600 << 10));
  EXPECT_FALSE(limiter.take_put(kShard, (424 << 10) + 1));
  EXPECT_TRUE(limiter.take_put(kShard, 424 << 10));  // what still fits is taken
  EXPECT_FALSE(limiter.take_put(kShard, 1));
  // 524,288 bytes take 500 ms.
  clock.advance(milliseconds(499));
  EXPECT_FALSE(limiter.take_put(kShard, 512 << 10));
  clock.advance(milliseconds(1));
  EXPECT_FALSE(limiter.take_put(kShard, (512 << 10) + 1));
  EXPECT_TRUE(limiter.take_put(kShard, 512 << 10));
}

TEST_F(AwsShardLimits, ARefusedRecordCostsNothing) {
  EXPECT_TRUE(limiter.take_put(kShard, kMiB - 100));
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(limiter.take_put(kShard, 101));
  // Neither of the bytes nor of the thousand records.
  EXPECT_EQ(put_all(kShard, 0), 999);
  EXPECT_FALSE(limiter.take_put(kShard, 100));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_put(kShard, 100));
}

TEST_F(AwsShardLimits, ALargeRecordPassesWhenFullAndIsPaidForLater) {
  EXPECT_TRUE(limiter.take_put(kShard, 10 * kMiB));
  clock.advance(milliseconds(9'000));
  EXPECT_FALSE(limiter.take_put(kShard, 1));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_put(kShard, 1));
  clock.advance(milliseconds(999));
  EXPECT_FALSE(limiter.take_put(kShard, 10 * kMiB));  // full but for a byte
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_put(kShard, 10 * kMiB));
}

TEST_F(AwsShardLimits, TakeFiveGetsASecond) {
  EXPECT_EQ(get_all(kShard), 5);
  EXPECT_EQ(get_all(ShardId{2}), 5);
  clock.advance(milliseconds(199));
  EXPECT_EQ(get_all(kShard), 0);
  clock.advance(milliseconds(1));
  EXPECT_EQ(get_all(kShard), 1);
  clock.advance(milliseconds(1000));
  EXPECT_EQ(get_all(kShard), 5);
}

TEST_F(AwsShardLimits, TakeFiveIteratorsASecondAndCountThemApart) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limiter.take_iterator(kShard));
  EXPECT_FALSE(limiter.take_iterator(kShard));
  EXPECT_EQ(get_all(kShard), 5);
  clock.advance(milliseconds(199));
  EXPECT_FALSE(limiter.take_iterator(kShard));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_iterator(kShard));
}

TEST_F(AwsShardLimits, RestFiveSecondsAfterTenMebibytes) {
  EXPECT_TRUE(limiter.take_get(kShard));
  limiter.charge_get(kShard, 10 * kMiB);
  clock.advance(milliseconds(4'999));
  EXPECT_FALSE(limiter.take_get(kShard));
  EXPECT_TRUE(limiter.take_get(ShardId{2}));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_get(kShard));
}

TEST_F(AwsShardLimits, RestASecondAfterTwoMebibytesTooMany) {
  EXPECT_TRUE(limiter.take_get(kShard));
  limiter.charge_get(kShard, 2 * kMiB);
  EXPECT_TRUE(limiter.take_get(kShard));  // that was a second's worth
  limiter.charge_get(kShard, 2 * kMiB);
  clock.advance(milliseconds(999));
  EXPECT_FALSE(limiter.take_get(kShard));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_get(kShard));
}

TEST_F(AwsShardLimits, AClockThatGoesBackGivesNothingTwice) {
  clock.advance(seconds(10));
  EXPECT_EQ(put_all(kShard), 1000);
  clock.advance(-seconds(5));
  EXPECT_EQ(put_all(kShard), 0);
  clock.advance(seconds(5) + milliseconds(3));
  EXPECT_EQ(put_all(kShard), 3);
}

TEST_F(AwsShardLimits, TheWallClockDoesNotMatter) {
  put_all(kShard);
  clock.set_wall(clock.now_ms() + 3'600'000);
  EXPECT_EQ(put_all(kShard), 0);
  clock.set_wall(0);
  EXPECT_EQ(put_all(kShard), 0);
}

TEST_F(AwsShardLimits, ForgetIdleShardsButNoDebt) {
  StreamsSettings slow = with({.in_bytes_per_s = 1'000});
  ShardLimiter own(clock, slow);
  EXPECT_TRUE(own.take_put(kShard, 10 * kMiB));  // nearly three hours' worth
  clock.advance(std::chrono::hours(1));
  for (uint64_t shard = 2; shard < 40'000; ++shard) EXPECT_TRUE(own.take_put(ShardId{shard}, 1));
  EXPECT_FALSE(own.take_put(kShard, 1));
  clock.advance(std::chrono::hours(2));
  EXPECT_TRUE(own.take_put(kShard, 1));
}

TEST(ShardLimiter, ZeroMeansNoLimit) {
  ManualClock clock;
  const StreamsSettings settings = with({.in_records_per_s = 2});
  ShardLimiter limiter(clock, settings);
  EXPECT_TRUE(limiter.limits_puts());
  EXPECT_FALSE(limiter.limits_gets());
  EXPECT_TRUE(limiter.take_put(kShard, 100 * kMiB));
  EXPECT_TRUE(limiter.take_put(kShard, 100 * kMiB));
  EXPECT_FALSE(limiter.take_put(kShard, 1));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take_get(kShard));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take_iterator(kShard));
}

TEST(ShardLimiter, ThreadsShareOneLimit) {
  ManualClock clock;
  const StreamsSettings settings = with(ShardLimits::aws());
  ShardLimiter limiter(clock, settings);
  std::atomic<int> taken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (uint64_t shard = 0; shard < 5'000; ++shard) {
        limiter.take_put(ShardId{shard + 100}, 1);  // makes and drops buckets
        if (limiter.take_put(kShard, 1)) ++taken;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace millstream::streams
