// What a rate allows at one moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace millstream::streams {

// Holds what a rate gives in one second at most, full at first. Exact to the nanosecond: tokens
// are counted together with the nanoseconds that they take, so that nothing is rounded. A clock
// that goes back fills nothing, and again only when it has passed where it was.
//
// Threads: one at a time.
class TokenBucket {
 public:
  // To be called before the others, with the same `rate` (tokens a second) each time.
  void fill(std::chrono::nanoseconds now, uint64_t rate) {
    credit_ = credit_at(now, rate);
    if (!filled_ || now > *filled_) filled_ = now;
  }
  bool has(uint64_t tokens) const { return credit_ >= Credit{tokens} * kSecond; }
  bool is_in_debt() const { return credit_ < 0; }
  // Whether it would be full: then it is as good as a new one.
  bool is_full_at(std::chrono::nanoseconds now, uint64_t rate) const {
    return credit_at(now, rate) == full(rate);
  }
  // May leave a debt, which time pays.
  void take(uint64_t tokens) { credit_ -= Credit{tokens} * kSecond; }
  // What was saved up is given up; a debt stays.
  void empty() { credit_ = std::min(credit_, Credit{0}); }

 private:
  // Wide enough for 292 years at any rate below 2^63.
  using Credit = __int128;
  static constexpr Credit kSecond = 1'000'000'000;

  static Credit full(uint64_t rate) { return Credit{rate} * kSecond; }
  Credit credit_at(std::chrono::nanoseconds now, uint64_t rate) const {
    if (!filled_) return full(rate);
    if (now <= *filled_) return credit_;
    return std::min(full(rate), credit_ + Credit{(now - *filled_).count()} * Credit{rate});
  }

  Credit credit_ = 0;  // token-nanoseconds
  std::optional<std::chrono::nanoseconds> filled_;
};

}  // namespace millstream::streams
