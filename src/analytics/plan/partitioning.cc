#include "analytics/plan/partitioning.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace millstream::analytics {
namespace {

using Columns = std::optional<std::vector<int>>;
using Inputs = std::vector<Columns>;

// With a window's end among the keys, rows of a window still meet by the other keys alone: the
// same place then sees all windows of a key, and an exchange that a window aggregation below
// needed for its keys serves here, too.
std::vector<int> without(std::vector<int> columns, int column) {
  std::erase(columns, column);
  return columns;
}

struct Partitioning {
  const PlanNode& plan;

  size_t inputs() const { return plan.inputs.size(); }
  Inputs anywhere() const { return Inputs(inputs()); }

  Inputs operator()(const SourceNode&) const { return anywhere(); }
  Inputs operator()(const ProjectNode&) const { return anywhere(); }
  Inputs operator()(const FilterNode&) const { return anywhere(); }
  Inputs operator()(const UnionNode&) const { return anywhere(); }
  Inputs operator()(const ValuesNode&) const { return anywhere(); }
  Inputs operator()(const ReferenceJoinNode&) const { return anywhere(); }
  // Changes of one key leave in order: a sink stands where its rows were made.
  Inputs operator()(const SinkNode&) const { return anywhere(); }

  // Only sessions know rows of the same key from others.
  Inputs operator()(const WindowAssignNode& node) const {
    const bool keyed =
        node.window.kind == WindowKind::kSession || node.window.kind == WindowKind::kStagger;
    if (!keyed) return anywhere();
    return {node.window.partition_by};
  }
  Inputs operator()(const WindowAggregateNode& node) const { return {node.keys}; }
  Inputs operator()(const GroupAggregateNode& node) const { return {node.keys}; }
  Inputs operator()(const OverNode& node) const { return {node.partition_by}; }
  Inputs operator()(const JoinNode& node) const { return {node.left_keys, node.right_keys}; }
  Inputs operator()(const IntervalJoinNode& node) const {
    // A window by rows is over its whole input.
    if (node.left_rows > 0 || node.right_rows > 0) return {std::vector<int>(), std::vector<int>()};
    return {node.left_keys, node.right_keys};
  }
  Inputs operator()(const WindowJoinNode& node) const { return {node.left_keys, node.right_keys}; }
  Inputs operator()(const RankNode& node) const {
    if (!node.window_end) return {node.partition_by};
    return {without(node.partition_by, *node.window_end)};
  }
  Inputs operator()(const SortNode&) const { return {std::vector<int>()}; }
};

}  // namespace

std::vector<std::optional<std::vector<int>>> partitioning(const PlanNode& node) {
  return std::visit(Partitioning{node}, node.node);
}

std::vector<PlanPtr> nodes_in_order(const std::vector<PlanPtr>& sinks) {
  std::vector<PlanPtr> order;
  std::unordered_set<const PlanNode*> seen;
  // What is under way, and which of its inputs comes next.
  std::vector<std::pair<PlanPtr, size_t>> path;
  for (const PlanPtr& sink : sinks) {
    if (seen.insert(sink.get()).second) path.emplace_back(sink, 0);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == node->inputs.size()) {
        order.push_back(node);
        path.pop_back();
        continue;
      }
      const PlanPtr input = node->inputs[next++];
      if (seen.insert(input.get()).second) path.emplace_back(input, 0);
    }
  }
  return order;
}

size_t PlanDepths::of(const PlanPtr& plan) {
  std::vector<std::pair<PlanPtr, size_t>> path;
  path.emplace_back(plan, 0);
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (next == 0 && depths_.contains(node)) {
      path.pop_back();
      continue;
    }
    if (next < node->inputs.size()) {
      const PlanPtr input = node->inputs[next++];
      path.emplace_back(input, 0);
      continue;
    }
    size_t depth = 0;
    for (const PlanPtr& input : node->inputs) depth = std::max(depth, depths_.at(input));
    depths_[node] = depth + 1;
    path.pop_back();
  }
  return depths_.at(plan);
}

}  // namespace millstream::analytics
