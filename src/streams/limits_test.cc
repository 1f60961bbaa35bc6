#include "streams/limits.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace millstream::streams {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ShardId kShard{1};

TEST(ShardLimiter, TakesAThousandRecordsASecondPerShard) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
  const auto take_all = [&](ShardId shard) {
    int taken = 0;
    while (limiter.take_put(shard, 10)) ++taken;
    return taken;
  };
  EXPECT_EQ(take_all(kShard), 1000);
  EXPECT_EQ(take_all(ShardId{17}), 1000);  // another shard has its own
  clock.advance(milliseconds(100));
  EXPECT_EQ(take_all(kShard), 100);
  clock.advance(seconds(60));
  EXPECT_EQ(take_all(kShard), 1000);  // no more than a second's worth is saved up
}

TEST(ShardLimiter, TakesAMebibyteASecond) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
  EXPECT_TRUE(limiter.take_put(kShard, 600 << 10));
  EXPECT_FALSE(limiter.take_put(kShard, 600 << 10));
  EXPECT_TRUE(limiter.take_put(kShard, 400 << 10));  // what still fits is taken
  clock.advance(milliseconds(600));
  EXPECT_TRUE(limiter.take_put(kShard, 600 << 10));
}

TEST(ShardLimiter, ALargeRecordPassesWhenFullAndIsPaidForLater) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
  EXPECT_TRUE(limiter.take_put(kShard, 10 << 20));
  clock.advance(milliseconds(8'990));
  EXPECT_FALSE(limiter.take_put(kShard, 1));
  clock.advance(milliseconds(20));
  EXPECT_TRUE(limiter.take_put(kShard, 1));
  EXPECT_FALSE(limiter.take_put(kShard, 10 << 20));
}

TEST(ShardLimiter, TakesFiveGetsASecond) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limiter.take_get(kShard));
  EXPECT_FALSE(limiter.take_get(kShard));
  clock.advance(milliseconds(200));
  EXPECT_TRUE(limiter.take_get(kShard));
  EXPECT_FALSE(limiter.take_get(kShard));
}

TEST(ShardLimiter, RestsFiveSecondsAfterTenMebibytes) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
  EXPECT_TRUE(limiter.take_get(kShard));
  limiter.charge_get(kShard, 10 << 20);
  clock.advance(milliseconds(4'999));
  EXPECT_FALSE(limiter.take_get(kShard));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take_get(kShard));
}

TEST(ShardLimiter, ZeroMeansNoLimit) {
  ManualClock clock;
  ShardLimiter limiter(clock, {.in_records_per_s = 2});
  EXPECT_TRUE(limiter.limits_puts());
  EXPECT_FALSE(limiter.limits_gets());
  EXPECT_TRUE(limiter.take_put(kShard, 100 << 20));
  EXPECT_TRUE(limiter.take_put(kShard, 100 << 20));
  EXPECT_FALSE(limiter.take_put(kShard, 1));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take_get(kShard));
}

TEST(ShardLimiter, ThreadsShareOneLimit) {
  ManualClock clock;
  ShardLimiter limiter(clock, ShardLimits::aws());
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
