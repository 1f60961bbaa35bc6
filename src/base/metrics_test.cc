#include "base/metrics.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/byte_budget.h"
#include "base/logging.h"
#include "base/manual_clock.h"
#include "base/random.h"
#include "base/retry.h"

namespace millstream {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(Metrics, NothingIsLostWhenManyThreadsCount) {
  MetricRegistry registry;
  MetricCounter& counter = registry.counter("millstream_test_total", "Test.");
  MetricHistogram& histogram = registry.histogram("millstream_test_seconds", "Test.", {1, 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) {
        counter.add();
        histogram.observe(n % 3 + 0.5);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40'000u);
  EXPECT_EQ(histogram.snapshot().count, 40'000u);
}

TEST(Metrics, RendersTheTextFormatOfPrometheus) {
  MetricRegistry registry;
  registry.counter("b_total", "Counts b.", {{"kind", "x\"\\\n"}}).add(3);
  EXPECT_EQ(&registry.counter("b_total", "", {{"kind", "y"}}),
            &registry.counter("b_total", "", {{"kind", "y"}}));
  registry.gauge("a_bytes", "Bytes of a.").set(1.5);
  registry.gauge_from("c_bytes", "Bytes of c.", {}, [] { return 7.0; });
  auto& histogram = registry.histogram("d_seconds", "Time of d.", {0.5, 1}, {{"op", "Put"}});
  histogram.observe(0.5);
  histogram.observe(0.75);
  histogram.observe(3);
  EXPECT_EQ(registry.render(),
            "# HELP a_bytes Bytes of a.\n# TYPE a_bytes gauge\na_bytes 1.5\n"
            "# HELP b_total Counts b.\n# TYPE b_total counter\n"
            "b_total{kind=\"x\\\"\\\\\\n\"} 3\nb_total{kind=\"y\"} 0\n"
            "# HELP c_bytes Bytes of c.\n# TYPE c_bytes gauge\nc_bytes 7\n"
            "# HELP d_seconds Time of d.\n# TYPE d_seconds histogram\n"
            "d_seconds_bucket{op=\"Put\",le=\"0.5\"} 1\nd_seconds_bucket{op=\"Put\",le=\"1\"} 2\n"
            "d_seconds_bucket{op=\"Put\",le=\"+Inf\"} 3\n"
            "d_seconds_sum{op=\"Put\"} 4.25\nd_seconds_count{op=\"Put\"} 3\n");
}

TEST(ByteBudget, NeverGivesMoreThanItsLimit) {
  ByteBudget budget(1000);
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5'000; ++n) {
        auto hold = budget.try_hold(300);
        if (budget.current() > 1000) exceeded = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(budget.current(), 0u);
}

TEST(ByteBudget, AHoldGivesBackOnceHoweverItMoves) {
  ByteBudget budget(100);
  auto hold = budget.try_hold(60);
  ASSERT_TRUE(hold);
  EXPECT_FALSE(budget.try_hold(41));
  EXPECT_FALSE(hold->try_grow(41));
  EXPECT_TRUE(hold->try_grow(40));
  ByteBudget::Hold moved = *std::move(hold);
  hold.reset();
  EXPECT_EQ(budget.current(), 100u);
  moved.reset();
  EXPECT_EQ(budget.current(), 0u);
}

TEST(Backoff, StaysBelowItsCeilingsAndEnds) {
  Backoff backoff({.retries = 6, .first = milliseconds(10), .longest = milliseconds(80)});
  for (int ceiling : {10, 20, 40, 80, 80, 80}) {
    const auto wait = backoff.next();
    ASSERT_TRUE(wait);
    EXPECT_LE(*wait, milliseconds(ceiling));
    EXPECT_GE(*wait, milliseconds(0));
  }
  EXPECT_FALSE(backoff.next());
  backoff.reset();
  EXPECT_TRUE(backoff.next());
}

TEST(Random, UuidsAreVersion4AndDiffer) {
  const std::string first = uuid_v4();
  EXPECT_THAT(first, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                  "[0-9a-f]{12}"));
  EXPECT_NE(first, uuid_v4());
}

TEST(Random, FillsAnyLengthWithoutRepeatingItself) {
  std::vector<unsigned char> small(300);
  std::vector<unsigned char> other(300);
  std::vector<unsigned char> big(5000);
  fill_random(small);
  fill_random(other);
  fill_random(big);
  EXPECT_NE(small, other);
  EXPECT_GT(std::count_if(big.begin(), big.end(), [](auto byte) { return byte != 0; }), 4500);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.now_ms(), 1000);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.now_ms(), 3000);
  clock.set_wall(5);
  EXPECT_EQ(clock.now_ms(), 5);
  EXPECT_EQ(clock.monotonic(), std::chrono::seconds(2));
}

TEST(Logging, OneEventIsOneLineWhateverTheTextHolds) {
  testing::internal::CaptureStderr();
  start_logging(LogFormat::kHuman, LogLevel::kInfo);
  log_info("http", "path {}", "a\nb\x1b[31m");
  log_debug("http", "not shown");
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("info    http: path a\\nb\\x1b[31m\n"));
  EXPECT_THAT(text, Not(HasSubstr("not shown")));

  testing::internal::CaptureStderr();
  start_logging(LogFormat::kJson, LogLevel::kInfo);
  log_warning("log", "say \"hi\"\n{}", "{}");
  text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr(R"("level":"warning","part":"log","message":"say \"hi\"\u000a{}"})"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  start_logging(LogFormat::kHuman, LogLevel::kInfo);
}

TEST(Logging, AnUnknownLevelIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_THAT(parse_log_level("loud").error().message, HasSubstr("debug, info, warning"));
}

}  // namespace
}  // namespace millstream
