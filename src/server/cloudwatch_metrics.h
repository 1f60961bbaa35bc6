// CloudWatch's PutMetricData: what KCL, KPL and other clients of AWS measure, kept beside the
// server's own metrics for GET /metrics.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/metrics.h"
#include "base/result.h"
#include "wire/operation.h"

namespace millstream::wire::cloudwatch {
struct MetricDatum;
struct PutMetricDataInput;
}  // namespace millstream::wire::cloudwatch

namespace millstream::server {

// Clients choose names freely, so their number is bounded here.
struct CloudWatchLimits {
  size_t series = 10'000;
  size_t name_bytes = size_t{4} << 20;  // of all series' names together
};

// A series is a metric with its account, region, namespace, dimensions and unit. It has three
// gauges: millstream_cloudwatch_samples and millstream_cloudwatch_sum, over all samples since the
// server's start, and millstream_cloudwatch_last, the mean of the datum that came last. Beyond the
// limits samples of new series are counted in millstream_cloudwatch_dropped_total and forgotten:
// a client that measures must not fail over it.
//
// Threads: any.
class CloudWatchMetrics {
 public:
  // `registry` outlives it.
  explicit CloudWatchMetrics(MetricRegistry& registry, CloudWatchLimits limits = {});

  // All of the input, or nothing: kInvalidArgument for a datum with none or several of Value,
  // Values and StatisticValues, with Counts that don't fit Values, or with a number that is none.
  Result<> put(const wire::RequestContext& context,
               const wire::cloudwatch::PutMetricDataInput& input);

 private:
  struct Series {
    MetricGauge* samples = nullptr;
    MetricGauge* sum = nullptr;
    MetricGauge* last = nullptr;
  };
  const Series* find_or_add(const MetricLabels& labels);  // nullptr: no room

  MetricRegistry& registry_;
  const CloudWatchLimits limits_;
  MetricCounter& dropped_;
  std::mutex mutex_;  // of what follows
  std::unordered_map<std::string, Series> series_;
  size_t name_bytes_ = 0;
};

// PutMetricData. `metrics` outlives the table.
void register_cloudwatch_operations(wire::OperationTable& table, CloudWatchMetrics& metrics);

}  // namespace millstream::server
