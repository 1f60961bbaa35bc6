#include "base/metrics.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/result.h"

namespace millstream {
namespace {

// Only '\', '"' and line ends are special in a label's value.
std::string escape_label(std::string_view value) {
  std::string escaped;
  for (char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string render_labels(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}=\"{}\"", name, escape_label(value));
  }
  return text;
}

std::string braces(std::string_view labels) {
  return labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void render_histogram(std::string& text, const std::string& name, const std::string& labels,
                      const MetricHistogram& histogram) {
  const auto snapshot = histogram.snapshot();
  const std::string comma = labels.empty() ? "" : ",";
  uint64_t below = 0;
  for (size_t i = 0; i < snapshot.buckets.size(); ++i) {
    below += snapshot.buckets[i];
    const double bound = i < histogram.bounds().size() ? histogram.bounds()[i] : INFINITY;
    text +=
        fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, number(bound), below);
  }
  text += fmt::format("{}_sum{} {}\n", name, braces(labels), number(snapshot.sum));
  text += fmt::format("{}_count{} {}\n", name, braces(labels), snapshot.count);
}

}  // namespace

size_t metric_cell() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t cell =
      threads.fetch_add(1, std::memory_order_relaxed) & (kMetricCells - 1);
  return cell;
}

uint64_t MetricCounter::value() const {
  uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

MetricHistogram::MetricHistogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(bounds_.size() + 1) {
  MS_ASSERT(std::ranges::is_sorted(bounds_));
}

void MetricHistogram::observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  buckets_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

MetricHistogram::Snapshot MetricHistogram::snapshot() const {
  Snapshot snapshot;
  for (const auto& bucket : buckets_) {
    snapshot.buckets.push_back(bucket.load(std::memory_order_relaxed));
    snapshot.count += snapshot.buckets.back();
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

std::vector<double> latency_bounds_s() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
          0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
}

MetricRegistry::Series& MetricRegistry::find_or_add(std::string name, std::string help, Kind kind,
                                                    const MetricLabels& labels) {
  auto [family, is_new] = families_.try_emplace(std::move(name));
  if (is_new) {
    family->second.kind = kind;
    family->second.help = std::move(help);
  }
  MS_ASSERT(family->second.kind == kind);
  return family->second.series[render_labels(labels)];
}

MetricCounter& MetricRegistry::counter(std::string name, std::string help,
                                       const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& series = find_or_add(std::move(name), std::move(help), Kind::kCounter, labels);
  if (!series.counter) series.counter = std::make_unique<MetricCounter>();
  return *series.counter;
}

MetricGauge& MetricRegistry::gauge(std::string name, std::string help, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& series = find_or_add(std::move(name), std::move(help), Kind::kGauge, labels);
  MS_ASSERT(!series.read);
  if (!series.gauge) series.gauge = std::make_unique<MetricGauge>();
  return *series.gauge;
}

MetricHistogram& MetricRegistry::histogram(std::string name, std::string help,
                                           std::vector<double> bounds, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& series = find_or_add(std::move(name), std::move(help), Kind::kHistogram, labels);
  if (!series.histogram) series.histogram = std::make_unique<MetricHistogram>(std::move(bounds));
  return *series.histogram;
}

void MetricRegistry::gauge_from(std::string name, std::string help, const MetricLabels& labels,
                                std::function<double()> read) {
  std::lock_guard lock(mutex_);
  Series& series = find_or_add(std::move(name), std::move(help), Kind::kGauge, labels);
  MS_ASSERT(!series.gauge);
  series.read = std::move(read);
}

std::string MetricRegistry::render() const {
  static constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram"};
  std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [name, family] : families_) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                        kKinds[static_cast<size_t>(family.kind)]);
    for (const auto& [labels, series] : family.series) {
      if (series.counter) {
        text += fmt::format("{}{} {}\n", name, braces(labels), series.counter->value());
      } else if (series.histogram) {
        render_histogram(text, name, labels, *series.histogram);
      } else {
        const double value = series.read ? series.read() : series.gauge->value();
        text += fmt::format("{}{} {}\n", name, braces(labels), number(value));
      }
    }
  }
  return text;
}

}  // namespace millstream
