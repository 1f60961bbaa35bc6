// Counters, gauges and histograms, and their text for Prometheus.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millstream {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// The index of the calling thread's cell in sharded metrics.
size_t metric_cell();
inline constexpr size_t kMetricCells = 8;  // a power of two

// A number that only rises. Threads: any; each writes a cell that few others share, so that
// counting costs no cache line transfer.
class MetricCounter {
 public:
  void add(uint64_t count = 1) {
    cells_[metric_cell()].value.fetch_add(count, std::memory_order_relaxed);
  }
  uint64_t value() const;

 private:
  struct alignas(64) Cell {
    std::atomic<uint64_t> value{0};
  };
  std::array<Cell, kMetricCells> cells_;
};

// A number that rises and falls. Threads: any.
class MetricGauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// How often which values occurred. Threads: any, without locks.
class MetricHistogram {
 public:
  // `bounds`: upper inclusive bounds of the buckets, ascending; +Inf follows by itself.
  explicit MetricHistogram(std::vector<double> bounds);
  void observe(double value);

  struct Snapshot {
    std::vector<uint64_t> buckets;  // each for itself, not cumulated; the last is +Inf's
    uint64_t count = 0;
    double sum = 0;
  };
  Snapshot snapshot() const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> buckets_;
  std::atomic<double> sum_{0};
};

// Buckets for times in seconds from 100 us to 10 s.
std::vector<double> latency_bounds_s();

// All metrics of a server by name and labels. The same name and labels give the same metric.
// References stay valid as long as the registry. Names follow Prometheus:
// millstream_<part>_<what>_<unit>, counters end in _total. Label values come from a small,
// fixed set: never partition keys or what users choose freely.
//
// Threads: any. Look a metric up once and keep the reference: the look-up takes a lock.
class MetricRegistry {
 public:
  MetricCounter& counter(std::string name, std::string help, const MetricLabels& labels = {});
  MetricGauge& gauge(std::string name, std::string help, const MetricLabels& labels = {});
  MetricHistogram& histogram(std::string name, std::string help, std::vector<double> bounds,
                             const MetricLabels& labels = {});
  // A gauge whose value is asked for when it is rendered. `read` must not use the registry and
  // must stay callable as long as the registry is rendered.
  void gauge_from(std::string name, std::string help, const MetricLabels& labels,
                  std::function<double()> read);

  // The text exposition format, version 0.0.4 (text/plain; version=0.0.4).
  std::string render() const;

 private:
  enum class Kind : uint8_t { kCounter, kGauge, kHistogram };
  struct Series {
    std::unique_ptr<MetricCounter> counter;
    std::unique_ptr<MetricGauge> gauge;
    std::unique_ptr<MetricHistogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    Kind kind = Kind::kCounter;
    std::string help;
    std::map<std::string, Series> series;  // by rendered labels
  };
  Series& find_or_add(std::string name, std::string help, Kind kind, const MetricLabels& labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

}  // namespace millstream
