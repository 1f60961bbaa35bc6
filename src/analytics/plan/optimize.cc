#include <unordered_set>
#include <utility>

#include "analytics/plan/optimize_parts.h"
#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

std::vector<PlanPtr> nodes_below(const std::vector<PlanPtr>& sinks) {
  std::vector<PlanPtr> order;
  std::unordered_set<const PlanNode*> seen;
  struct Visit {
    PlanPtr node;
    size_t next_input = 0;
  };
  std::vector<Visit> open;
  const auto enter = [&](const PlanPtr& node) {
    if (seen.insert(node.get()).second) open.push_back({node});
  };
  for (const PlanPtr& sink : sinks) {
    enter(sink);
    while (!open.empty()) {
      Visit& top = open.back();
      if (top.next_input < top.node->inputs.size()) {
        const PlanPtr input = top.node->inputs[top.next_input++];
        enter(input);
      } else {
        order.push_back(std::move(top.node));
        open.pop_back();
      }
    }
  }
  return order;
}

void optimize(Plan& plan) {
  plan.sinks = merge_nodes(plan.sinks);
  plan.sinks = prune_columns(plan.sinks);
  // What pruning put between may meet a projection.
  plan.sinks = merge_nodes(plan.sinks);
}

}  // namespace millstream::analytics
