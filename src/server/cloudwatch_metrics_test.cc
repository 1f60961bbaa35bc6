#include "server/cloudwatch_metrics.h"

#include <limits>

#include <gtest/gtest.h>

#include "wire/generated/cloudwatch.h"

namespace millstream::server {
namespace {

namespace cloudwatch = wire::cloudwatch;
using cloudwatch::MetricDatum;

class CloudWatchMetricsTest : public testing::Test {
 protected:
  Result<> put(std::vector<MetricDatum> data) {
    cloudwatch::PutMetricDataInput input;
    input.namespace_ = "KCL";
    input.metric_data = std::move(data);
    return metrics_.put(context_, input);
  }

  static MetricDatum datum(std::string name, double value) {
    MetricDatum datum;
    datum.metric_name = std::move(name);
    datum.value = value;
    return datum;
  }

  bool shows(std::string_view line) const {
    return registry_.render().find(line) != std::string::npos;
  }

  MetricRegistry registry_;
  CloudWatchMetrics metrics_{registry_, {.series = 3, .name_bytes = 200}};
  wire::RequestContext context_{.account = "000000000000", .region = "us-east-1"};
};

TEST_F(CloudWatchMetricsTest, SamplesOfAllThreeFormsAddUp) {
  MetricDatum values = datum("Time", 0);
  values.value.reset();
  values.values = {{10, 20}};
  values.counts = {{1, 3}};
  MetricDatum statistics = datum("Time", 0);
  statistics.value.reset();
  statistics.statistic_values = cloudwatch::StatisticSet{4, 50, 1, 20};
  ASSERT_TRUE(put({datum("Time", 5), values, statistics}));
  const std::string labels =
      R"(account="000000000000",region="us-east-1",namespace="KCL",metric="Time",dimensions="",)"
      R"(unit="None")";
  const std::string text = registry_.render();
  EXPECT_TRUE(shows("millstream_cloudwatch_samples{" + labels + "} 9\n")) << text;
  EXPECT_TRUE(shows("millstream_cloudwatch_sum{" + labels + "} 125\n")) << text;
  EXPECT_TRUE(shows("millstream_cloudwatch_last{" + labels + "} 12.5\n")) << text;
}

TEST_F(CloudWatchMetricsTest, TheOrderOfDimensionsMeansNothing) {
  MetricDatum one = datum("Time", 1);
  one.dimensions = {{{"Shard", "7"}, {"Operation", "Process"}}};
  MetricDatum other = datum("Time", 2);
  other.dimensions = {{{"Operation", "Process"}, {"Shard", "7"}}};
  ASSERT_TRUE(put({one, other}));
  EXPECT_TRUE(shows(R"(dimensions="Operation=Process,Shard=7",unit="None"} 3)"))
      << registry_.render();
}

TEST_F(CloudWatchMetricsTest, OneWrongDatumAndNothingIsKept) {
  MetricDatum none = datum("Time", 0);
  none.value.reset();
  MetricDatum both = datum("Time", 1);
  both.values = {{1}};
  MetricDatum unequal = datum("Time", 0);
  unequal.value.reset();
  unequal.values = {{1, 2}};
  unequal.counts = {{1}};
  const MetricDatum infinite = datum("Time", std::numeric_limits<double>::infinity());
  for (const auto& wrong : {none, both, unequal, infinite}) {
    const auto result = put({datum("Good", 1), wrong});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(shows("Good"));
}

TEST_F(CloudWatchMetricsTest, SeriesBeyondTheLimitsAreCountedAndForgotten) {
  ASSERT_TRUE(put({datum("a", 1), datum("b", 1), datum("c", 1), datum("d", 1), datum("a", 1)}));
  EXPECT_TRUE(shows("millstream_cloudwatch_dropped_total 1\n")) << registry_.render();
  EXPECT_TRUE(shows(R"(metric="a",dimensions="",unit="None"} 2)"));
  EXPECT_FALSE(shows(R"(metric="d")"));
}

TEST_F(CloudWatchMetricsTest, LongNamesAreBoundedTogether) {
  ASSERT_TRUE(put({datum(std::string(200, 'x'), 1), datum("short", 1)}));
  EXPECT_FALSE(shows("xxx"));
  EXPECT_TRUE(shows("short"));
}

}  // namespace
}  // namespace millstream::server
