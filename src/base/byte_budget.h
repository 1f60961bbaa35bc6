// A limit on bytes that several owners share: bodies in flight, waiting batches, buffers.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/result.h"

namespace millstream {

// Life cycle: outlives its Holds.
// Threads:    any. Never blocks: who gets nothing answers with a throttling error.
class ByteBudget {
 public:
  // Bytes taken until it is destroyed. Movable.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Hold() { reset(); }

    size_t bytes() const { return bytes_; }
    // Takes `bytes` more; false (and nothing taken) if they aren't there.
    bool try_grow(size_t bytes) {
      MS_ASSERT(budget_ != nullptr);
      if (!budget_->try_take(bytes)) return false;
      bytes_ += bytes;
      return true;
    }
    void reset() {
      if (budget_) budget_->give(bytes_);
      budget_ = nullptr;
      bytes_ = 0;
    }

   private:
    friend class ByteBudget;
    Hold(ByteBudget* budget, size_t bytes) : budget_(budget), bytes_(bytes) {}
    ByteBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  explicit ByteBudget(size_t limit) : limit_(limit) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  bool try_take(size_t bytes) {
    size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (taken > limit_ || bytes > limit_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_acq_rel,
                                           std::memory_order_relaxed));
    return true;
  }
  // For bytes that exist already: may exceed the limit, so that others get nothing until some are
  // given back.
  void take(size_t bytes) { taken_.fetch_add(bytes, std::memory_order_acq_rel); }
  void give(size_t bytes) {
    const size_t taken = taken_.fetch_sub(bytes, std::memory_order_acq_rel);
    MS_ASSERT(taken >= bytes);
  }
  std::optional<Hold> try_hold(size_t bytes) {
    if (!try_take(bytes)) return std::nullopt;
    return Hold(this, bytes);
  }

  size_t current() const { return taken_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> taken_{0};
};

}  // namespace millstream
