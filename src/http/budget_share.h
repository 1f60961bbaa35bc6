// What one connection or stream holds of a budget that all share.
#pragma once

#include <cstddef>
#include <utility>

#include "base/byte_budget.h"

namespace millstream {

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
