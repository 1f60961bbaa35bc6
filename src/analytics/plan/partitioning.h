// Which rows of a plan must meet, and walks over plans.
#pragma once

#include <vector>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

// partitioning() itself is declared in plan.h.

// Every node of the plan once, inputs before those that read them; the order depends on the plan
// only. Does not recurse.
std::vector<PlanPtr> nodes_in_order(const std::vector<PlanPtr>& sinks);

// Nodes on the longest way from a sink to a source. Does not recurse.
size_t depth_of(const std::vector<PlanPtr>& sinks);

}  // namespace millstream::analytics
