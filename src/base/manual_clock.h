// A clock that moves only when a test says so.
#pragma once

#include <atomic>

#include "base/env.h"

namespace millstream {

// Threads: any.
class ManualClock : public Clock {
 public:
  explicit ManualClock(TimeMs now = 1'764'000'000'000) : now_ms_(now) {}

  TimeMs now_ms() override { return now_ms_.load(); }
  std::chrono::nanoseconds monotonic() override {
    return std::chrono::nanoseconds(monotonic_ns_.load());
  }

  // Both clocks, forwards.
  void advance(std::chrono::nanoseconds by) {
    monotonic_ns_ += by.count();
    now_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }
  // The wall clock alone, also backwards.
  void set_wall(TimeMs now) { now_ms_ = now; }

 private:
  std::atomic<TimeMs> now_ms_;
  std::atomic<int64_t> monotonic_ns_{0};
};

}  // namespace millstream
