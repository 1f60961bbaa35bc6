// ORDER BY as bytes: comparing the bytes compares the rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/plan/plan.h"

namespace millstream::analytics {

// Numbers by value (-0.0 equals 0.0, NaN is the greatest), strings by bytes, FALSE before TRUE;
// NULLs as the order says. Part of the stored format.
//
// Threads: any; keeps nothing.
class OrderKey {
 public:
  explicit OrderKey(std::vector<RankNode::Order> order) : order_(std::move(order)) {}
  // Appends the key of row `row` to `out`.
  void encode(const Batch& batch, size_t row, std::string& out) const;

 private:
  std::vector<RankNode::Order> order_;
};

// The first 8 bytes as a number that compares alike (shorter keys: as if zeros followed).
uint64_t order_prefix(std::string_view key);

}  // namespace millstream::analytics
