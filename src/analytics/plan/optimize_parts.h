// The passes of optimize(): each makes a new plan of the nodes below `sinks`.
#pragma once

#include <unordered_map>
#include <vector>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

// All nodes, each once, inputs before those that read them.
std::vector<PlanPtr> nodes_below(const std::vector<PlanPtr>& sinks);

// Projections of projections become one, filters move below projections and into one another.
// Nodes that several read stay: what they compute is computed once.
std::vector<PlanPtr> merge_nodes(const std::vector<PlanPtr>& sinks);

// Columns that nobody needs leave the plan: from sources' lists, projections, and the rows that
// joins and other nodes with state keep.
std::vector<PlanPtr> prune_columns(const std::vector<PlanPtr>& sinks);

}  // namespace millstream::analytics
