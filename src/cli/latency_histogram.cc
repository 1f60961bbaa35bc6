#include "cli/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millstream::cli {

size_t LatencyHistogram::bucket_of(uint64_t ns) {
  if (ns < (uint64_t{1} << kSubBits)) return ns;
  const int exponent = static_cast<int>(std::bit_width(ns)) - 1;  // at least kSubBits
  const uint64_t mantissa = (ns >> (exponent - kSubBits)) - (uint64_t{1} << kSubBits);
  return (static_cast<size_t>(exponent - kSubBits + 1) << kSubBits) + mantissa;
}

uint64_t LatencyHistogram::upper_bound_of(size_t bucket) {
  if (bucket < (size_t{1} << kSubBits)) return bucket;
  const size_t shift = (bucket >> kSubBits) - 1;
  const uint64_t mantissa = (bucket & ((size_t{1} << kSubBits) - 1)) + (uint64_t{1} << kSubBits);
  return ((mantissa + 1) << shift) - 1;
}

void LatencyHistogram::record(std::chrono::nanoseconds latency) {
  const auto ns = static_cast<uint64_t>(std::max<int64_t>(latency.count(), 0));
  ++buckets_[bucket_of(ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

double LatencyHistogram::percentile_us(double percent) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= std::max<uint64_t>(wanted, 1)) {
      return static_cast<double>(std::min(upper_bound_of(i), max_ns_)) / 1000;
    }
  }
  return max_us();
}

}  // namespace millstream::cli
