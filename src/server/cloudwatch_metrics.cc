#include "server/cloudwatch_metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "wire/generated/cloudwatch.h"

namespace millstream::server {
namespace {

namespace cloudwatch = wire::cloudwatch;
using cloudwatch::MetricDatum;

struct Samples {
  double count = 0;
  double sum = 0;
};

Result<> check_number(const MetricDatum& datum, double number) {
  // The limits of the API reference: no NaN, no infinity, at most 2^360 from zero.
  if (std::isfinite(number) && std::abs(number) <= std::ldexp(1.0, 360)) return {};
  return fail(ErrorCode::kInvalidArgument, "The value {} of the metric {} is not supported.",
              number, datum.metric_name);
}

Result<Samples> samples_of_values(const MetricDatum& datum) {
  const auto& values = *datum.values;
  if (datum.counts && datum.counts->size() != values.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "The metric {} has {} Values and {} Counts; there must be as many.",
                datum.metric_name, values.size(), datum.counts->size());
  }
  Samples samples;
  for (size_t i = 0; i < values.size(); ++i) {
    const double count = datum.counts ? (*datum.counts)[i] : 1;
    TRY(check_number(datum, values[i]));
    TRY(check_number(datum, count));
    samples.count += count;
    samples.sum += values[i] * count;
  }
  return samples;
}

Result<Samples> samples_of(const MetricDatum& datum) {
  const bool has_values = datum.values && !datum.values->empty();
  const int kinds =
      int{datum.value.has_value()} + int{datum.statistic_values.has_value()} + int{has_values};
  if (kinds != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "The metric {} must have exactly one of Value, Values and StatisticValues.",
                datum.metric_name);
  }
  if (has_values) return samples_of_values(datum);
  if (datum.value) {
    TRY(check_number(datum, *datum.value));
    return Samples{1, *datum.value};
  }
  TRY(check_number(datum, datum.statistic_values->sample_count));
  TRY(check_number(datum, datum.statistic_values->sum));
  return Samples{datum.statistic_values->sample_count, datum.statistic_values->sum};
}

// Any names of dimensions in one label: Prometheus allows fewer characters in names of labels.
std::string dimensions_text(const MetricDatum& datum) {
  std::vector<std::string> parts;
  for (const auto& dimension : datum.dimensions.value_or(std::vector<cloudwatch::Dimension>())) {
    parts.push_back(dimension.name + "=" + dimension.value);
  }
  std::ranges::sort(parts);  // their order in a request means nothing
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += ',';
    text += part;
  }
  return text;
}

MetricLabels labels_of(const wire::RequestContext& context, std::string_view namespace_name,
                       const MetricDatum& datum) {
  return {{"account", context.account},
          {"region", context.region},
          {"namespace", std::string(namespace_name)},
          {"metric", datum.metric_name},
          {"dimensions", dimensions_text(datum)},
          {"unit", datum.unit.value_or("None")}};
}

struct Addition {
  MetricLabels labels;
  Samples samples;
};

Result<> add_all(const wire::RequestContext& context, std::string_view namespace_name,
                 const std::optional<std::vector<MetricDatum>>& data,
                 std::vector<Addition>& additions) {
  if (!data) return {};
  for (const MetricDatum& datum : *data) {
    TRY_ASSIGN(const Samples samples, samples_of(datum));
    additions.push_back({labels_of(context, namespace_name, datum), samples});
  }
  return {};
}

}  // namespace

CloudWatchMetrics::CloudWatchMetrics(MetricRegistry& registry, CloudWatchLimits limits)
    : registry_(registry),
      limits_(limits),
      dropped_(registry.counter("millstream_cloudwatch_dropped_total",
                                "Data of CloudWatch metrics for which there was no room")) {}

Result<> CloudWatchMetrics::put(const wire::RequestContext& context,
                                const cloudwatch::PutMetricDataInput& input) {
  std::vector<Addition> additions;
  TRY(add_all(context, input.namespace_, input.metric_data, additions));
  if (input.entity_metric_data) {
    for (const auto& entity : *input.entity_metric_data) {
      TRY(add_all(context, input.namespace_, entity.metric_data, additions));
    }
  }
  for (const Addition& addition : additions) {
    const Series* series = find_or_add(addition.labels);
    if (!series) {
      dropped_.add();
      continue;
    }
    series->samples->add(addition.samples.count);
    series->sum->add(addition.samples.sum);
    if (addition.samples.count > 0) {
      series->last->set(addition.samples.sum / addition.samples.count);
    }
  }
  return {};
}

const CloudWatchMetrics::Series* CloudWatchMetrics::find_or_add(const MetricLabels& labels) {
  std::string key;
  for (const auto& [name, value] : labels) key.append(value).append(1, '\0');
  const std::lock_guard lock(mutex_);
  const auto found = series_.find(key);
  if (found != series_.end()) return &found->second;
  if (series_.size() >= limits_.series || name_bytes_ + key.size() > limits_.name_bytes) {
    return nullptr;
  }
  name_bytes_ += key.size();
  // Map entries stay where they are; only counters follow, so the lock may go.
  return &series_
              .emplace(std::move(key),
                       Series{.samples = &registry_.gauge("millstream_cloudwatch_samples",
                                                          "Samples of CloudWatch metrics", labels),
                              .sum = &registry_.gauge("millstream_cloudwatch_sum",
                                                      "Sums of the samples", labels),
                              .last = &registry_.gauge("millstream_cloudwatch_last",
                                                       "Means of the newest data", labels)})
              .first->second;
}

void register_cloudwatch_operations(wire::OperationTable& table, CloudWatchMetrics& metrics) {
  table.handle<cloudwatch::PutMetricData>(
      [&metrics](const wire::RequestContext& context,
                 const cloudwatch::PutMetricDataInput& input) -> awaitable<Result<>> {
        co_return metrics.put(context, input);
      });
}

}  // namespace millstream::server
