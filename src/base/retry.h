// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/random.h"

namespace millstream {

// Exponential backoff with full jitter: before retry n (from 1), a random time between zero and
// min(longest, first * 2^(n-1)), so that many callers don't come back at once.
struct RetryPolicy {
  int retries = 5;  // after the first attempt; negative: without end
  std::chrono::milliseconds first{100};
  std::chrono::milliseconds longest{20'000};
};

// The retries of one operation. Threads: one.
class Backoff {
 public:
  explicit Backoff(RetryPolicy policy) : policy_(policy) {}

  // The wait before the next retry; nothing once they are used up.
  std::optional<std::chrono::milliseconds> next() {
    if (policy_.retries >= 0 && used_ >= policy_.retries) return std::nullopt;
    const int doublings = std::min(used_, 30);
    if (used_ < INT32_MAX) ++used_;
    const int64_t ceiling = std::min<int64_t>(policy_.longest.count(),
                                              policy_.first.count() * (int64_t{1} << doublings));
    if (ceiling <= 0) return std::chrono::milliseconds(0);
    const uint64_t choices = static_cast<uint64_t>(ceiling) + 1;
    return std::chrono::milliseconds(static_cast<int64_t>(random_u64() % choices));
  }
  // After a success: begins anew.
  void reset() { used_ = 0; }
  int used() const { return used_; }

 private:
  RetryPolicy policy_;
  int used_ = 0;
};

}  // namespace millstream
