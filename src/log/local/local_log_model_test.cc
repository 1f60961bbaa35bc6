// Random use of the log over many lives of one machine, compared with a simple model.
#include <cstdlib>

#include <gtest/gtest.h>

#include "log/local/log_harness.h"

namespace millstream::testing_log {
namespace {

// More rounds by MILLSTREAM_TEST_ROUNDS=n.
uint64_t rounds() {
  const char* text = std::getenv("MILLSTREAM_TEST_ROUNDS");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

// The first of the seeds, by MILLSTREAM_TEST_SEED=n: to repeat one that failed.
uint64_t first_seed() {
  const char* text = std::getenv("MILLSTREAM_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

TEST(LocalLogModel, RandomUseWithoutCrashesEqualsTheModel) {
  for (uint64_t seed = first_seed(); seed < first_seed() + 6 * rounds(); ++seed) {
    int step = 0;
    try {
      ManualClock clock;
      LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, seed);
      harness.env().set_cold_cache(seed % 2 == 0);
      ASSERT_TRUE(harness.open(seed % 3 == 0));
      for (; step < 400; ++step) ASSERT_TRUE(harness.step());
      harness.compare();
      harness.shut_down();
    } catch (const Broken& broken) {
      FAIL() << "seed " << seed << ", step " << step << ": " << broken.what();
    }
  }
}

TEST(LocalLogModel, ManyLivesEndedByCrashesEqualTheModel) {
  constexpr int kLives = 12;
  for (uint64_t seed = first_seed(); seed < first_seed() + 12 * rounds(); ++seed) {
    int life = 0;
    try {
      ManualClock clock;
      std::mt19937_64 random(seed);
      auto env = std::make_unique<FaultEnv>(clock);
      LogModel model;
      for (; life < kLives; ++life) {
        // Some crash soon, in the recovery already; some only after hundreds of changes.
        const uint64_t crash_at = 1 + random() % (random() % 3 == 0 ? 30 : 400);
        env->crash_at(crash_at);
        LogHarness harness(std::move(env), model, clock, random());
        if (harness.open_and_settle()) {
          while (harness.step()) {
          }
        }
        harness.shut_down();
        model = harness.model();
        const Survival survival = kAllSurvivals[random() % std::size(kAllSurvivals)];
        env = harness.env().after_crash(survival, random());
      }
      LogHarness last(std::move(env), model, clock, random());
      ASSERT_TRUE(last.open_and_settle());
      last.compare();
    } catch (const Broken& broken) {
      FAIL() << "seed " << seed << ", life " << life << ": " << broken.what();
    }
  }
}

TEST(LocalLogModel, WhatIsOlderThanTheRetentionIsHiddenAtOnceAndNothingElse) {
  ManualClock clock;
  LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, 5);
  try {
    ASSERT_TRUE(harness.open());
    harness.create_shard();
    harness.create_shard();
    for (int hour = 0; hour < 60; ++hour) {
      for (int i = 0; i < 4; ++i) ASSERT_TRUE(harness.send(harness.random_append()));
      if (hour % 5 == 4) ASSERT_TRUE(harness.log().checkpoint_now());
      if (hour % 7 == 6) ASSERT_TRUE(harness.log().expire_now());
      clock.advance(std::chrono::hours(1));
      harness.compare();
    }
    harness.shut_down();
    ASSERT_TRUE(harness.open());
    harness.compare();
    clock.advance(std::chrono::hours(25));
    harness.compare();
    ASSERT_TRUE(harness.log().checkpoint_now());
    ASSERT_TRUE(harness.log().expire_now());
    harness.compare();
    ASSERT_TRUE(harness.append_everywhere());
    harness.compare();
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

// A merged pack once had one block for what stood before and behind a segment, and reads skipped
// the segment.
TEST(LocalLogModel, MergedPacksHideNothingThatStandsBetween) {
  ManualClock clock;
  LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, 5);
  try {
    ASSERT_TRUE(harness.open());
    const ShardId shard = harness.create_shard();
    for (int i = 0; i < 40; ++i) {
      SentAppend sent;
      const size_t filler = i % 5 == 2 ? 20'000 : 10;  // busy now and then: a segment
      sent.batches.push_back({shard, {fmt::format("record {}|", i) + std::string(filler, 'x')}});
      ASSERT_TRUE(harness.send(sent));
      ASSERT_TRUE(harness.log().checkpoint_now());
      harness.compare();
    }
    harness.shut_down();
    ASSERT_TRUE(harness.open());
    for (int i = 0; i < 20; ++i) harness.compare();
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

TEST(LocalLogModel, AWaitEndsWhenARecordComesOrTheShardIsSealed) {
  ManualClock clock;
  LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, 5);
  try {
    ASSERT_TRUE(harness.open());
    const ShardId shard = harness.create_shard();
    LocalLog& log = harness.log();
    const Counter tip = log.status(shard).value().tip;
    const auto nothing = harness.loop().await(log.wait(shard, tip, std::chrono::milliseconds(1)));
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ErrorCode::kTimeout);

    std::atomic<bool> woken{false};
    std::thread waiter([&] {
      TestLoop loop;
      woken = loop.await(log.wait(shard, tip, std::chrono::seconds(30))).has_value();
    });
    ASSERT_TRUE(harness.append_everywhere());
    waiter.join();
    EXPECT_TRUE(woken);
    EXPECT_TRUE(harness.loop().await(log.wait(shard, tip, std::chrono::seconds(30))));

    const Counter next = log.status(shard).value().tip;
    std::thread second([&] {
      TestLoop loop;
      woken = loop.await(log.wait(shard, next, std::chrono::seconds(30))).has_value();
    });
    woken = false;
    ASSERT_TRUE(harness.loop().await(log.seal(shard)));
    second.join();
    EXPECT_TRUE(woken);
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

}  // namespace
}  // namespace millstream::testing_log
