// Which rows of a plan must meet, and walks over plans.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

// partitioning() itself is declared in plan.h.

// Every node of the plan once, inputs before those that read them; the order depends on the plan
// only. Does not recurse.
std::vector<PlanPtr> nodes_in_order(const std::vector<PlanPtr>& sinks);

// Nodes on the longest way from a plan's top to a source. Remembers what it has seen, so that
// asking for every view of a script costs no more than asking for the last one. Does not recurse.
class PlanDepths {
 public:
  size_t of(const PlanPtr& plan);

 private:
  std::unordered_map<PlanPtr, size_t> depths_;
};

}  // namespace millstream::analytics
