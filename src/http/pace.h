// Tells a peer that moves from one that only keeps its connection alive.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace millstream {

// The time since a peer last sent or took kLeastBytes: a byte now and then is no progress, or a
// few slow peers could hold the memory of all. Times in seconds of the loop's clock.
class Pace {
 public:
  static constexpr size_t kLeastBytes = 4096;

  explicit Pace(uint32_t now_s) : since_s_(now_s) {}

  void restart(uint32_t now_s) {
    since_s_ = now_s;
    bytes_ = 0;
  }
  void add(size_t bytes, uint32_t now_s) {
    bytes_ += bytes;
    if (bytes_ >= kLeastBytes) restart(now_s);
  }
  bool over(uint32_t now_s, std::chrono::seconds limit) const {
    return std::chrono::seconds(now_s - since_s_) > limit;
  }

 private:
  uint32_t since_s_;
  size_t bytes_ = 0;
};

}  // namespace millstream
