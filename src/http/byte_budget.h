// A limit on bytes that many connections hold together.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace millstream {

// Threads: any.
class ByteBudget {
 public:
  explicit ByteBudget(size_t limit) : limit_(limit) {}

  bool try_take(size_t bytes) {
    if (in_use_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    in_use_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  // For bytes that exist already (a response): may exceed the limit, so that new requests wait.
  void take(size_t bytes) { in_use_.fetch_add(bytes, std::memory_order_relaxed); }
  void give(size_t bytes) { in_use_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  size_t limit_;
  std::atomic<size_t> in_use_ = 0;
};

// Bytes taken from a budget, given back by the destructor. Threads: one at a time.
class BudgetShare {
 public:
  explicit BudgetShare(ByteBudget& budget) : budget_(&budget) {}
  ~BudgetShare() { clear(); }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;

  bool try_take(size_t bytes) {
    if (!budget_->try_take(bytes)) return false;
    held_ += bytes;
    return true;
  }
  void take(size_t bytes) {
    budget_->take(bytes);
    held_ += bytes;
  }
  void give(size_t bytes) {
    budget_->give(bytes);
    held_ -= bytes;
  }
  void clear() {
    if (held_ != 0) budget_->give(std::exchange(held_, 0));
  }

 private:
  ByteBudget* budget_;
  size_t held_ = 0;
};

}  // namespace millstream
