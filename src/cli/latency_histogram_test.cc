#include "cli/latency_histogram.h"

#include <gtest/gtest.h>

namespace millstream::cli {
namespace {

using std::chrono::nanoseconds;

TEST(LatencyHistogram, PercentilesAreWithinOnePercentOfTheTruth) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.record(nanoseconds(i * 1000));
  EXPECT_EQ(histogram.count(), 100'000U);
  for (const double percent : {1.0, 50.0, 99.0, 99.9}) {
    EXPECT_NEAR(histogram.percentile_us(percent), percent * 1000, percent * 10) << percent;
  }
  EXPECT_EQ(histogram.percentile_us(100), 100'000);
  EXPECT_EQ(histogram.max_us(), 100'000);
}

TEST(LatencyHistogram, AMergedHistogramIsThatOfAllValues) {
  LatencyHistogram all;
  LatencyHistogram odd;
  LatencyHistogram even;
  for (int i = 0; i < 5'000; ++i) {
    all.record(nanoseconds(i * i));
    (i % 2 == 0 ? even : odd).record(nanoseconds(i * i));
  }
  odd.merge(even);
  EXPECT_EQ(odd.count(), all.count());
  for (const double percent : {10.0, 50.0, 90.0, 100.0}) {
    EXPECT_EQ(odd.percentile_us(percent), all.percentile_us(percent));
  }
}

TEST(LatencyHistogram, ExtremesAreCountedAndAnEmptyOneIsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile_us(99), 0);
  histogram.record(nanoseconds(-5));
  histogram.record(nanoseconds(INT64_MAX));
  EXPECT_EQ(histogram.percentile_us(50), 0);
  EXPECT_EQ(histogram.percentile_us(100), static_cast<double>(INT64_MAX) / 1000);
}

}  // namespace
}  // namespace millstream::cli
