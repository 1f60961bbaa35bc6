// Latencies in buckets of constant relative width (below 1 %), for percentiles.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace millstream::cli {

class LatencyHistogram {
 public:
  void record(std::chrono::nanoseconds latency);
  void merge(const LatencyHistogram& other);
  uint64_t count() const { return count_; }
  // The latency that `percent` of all do not exceed, in microseconds; 0 if there are none.
  double percentile_us(double percent) const;
  double max_us() const { return static_cast<double>(max_ns_) / 1000; }

 private:
  // Values below 2^7 ns have a bucket each; above, each power of two has 2^7.
  static constexpr int kSubBits = 7;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static size_t bucket_of(uint64_t ns);
  static uint64_t upper_bound_of(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ns_ = 0;
};

}  // namespace millstream::cli
