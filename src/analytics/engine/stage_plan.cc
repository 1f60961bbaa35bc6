#include "analytics/engine/stage_plan.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace millstream::analytics {
namespace {

using Columns = std::optional<std::vector<int>>;

std::vector<int> first_columns(size_t count) {
  std::vector<int> columns(count);
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

// Where the columns of a projection's input stand in its output; nullopt if one is dropped.
Columns through(const ProjectNode& project, const Columns& columns) {
  if (!columns) return std::nullopt;
  std::vector<int> mapped;
  for (const int column : *columns) {
    const auto found = std::ranges::find_if(project.expressions, [&](const BoundPtr& expression) {
      return expression->kind == BoundKind::kColumn && expression->column == column;
    });
    if (found == project.expressions.end()) return std::nullopt;
    mapped.push_back(static_cast<int>(found - project.expressions.begin()));
  }
  return mapped;
}

// By the keys of the side whose rows are never padded with NULLs.
template <class Join>
Columns of_join(const Join& join, size_t left_columns) {
  if (join.left_keys.empty()) return std::nullopt;
  switch (join.kind) {
    case sql::JoinKind::kRight: {
      std::vector<int> columns;
      for (const int key : join.right_keys) columns.push_back(key + static_cast<int>(left_columns));
      return columns;
    }
    case sql::JoinKind::kFull:
      return std::nullopt;
    default:
      return join.left_keys;
  }
}

// How the rows lie that arrive at `input` of `node`.
Columns arriving(const StagePlan& plan, const StageInput& input) {
  if (input.route == Route::kHash) return input.columns;
  if (input.route == Route::kSingle) return std::nullopt;
  return plan.nodes[input.node].spread_by;
}

Columns spread_of(const StagePlan& plan, const StageNode& node) {
  if (node.single || node.inputs.empty()) return std::nullopt;
  const Columns first = arriving(plan, node.inputs.front());
  const size_t left_columns = plan.nodes[node.inputs.front().node].plan->schema.size();
  struct Visit {
    const StagePlan& plan;
    const StageNode& node;
    const Columns& first;
    size_t left_columns;
    Columns operator()(const SourceNode&) const { return std::nullopt; }
    Columns operator()(const ValuesNode&) const { return std::nullopt; }
    Columns operator()(const ProjectNode& project) const { return through(project, first); }
    Columns operator()(const FilterNode&) const { return first; }
    Columns operator()(const WindowAssignNode&) const { return first; }
    Columns operator()(const OverNode&) const { return first; }
    Columns operator()(const RankNode&) const { return first; }
    Columns operator()(const SortNode&) const { return first; }
    Columns operator()(const ReferenceJoinNode&) const { return first; }
    Columns operator()(const SinkNode&) const { return first; }
    Columns operator()(const WindowAggregateNode& window) const {
      if (first != window.keys) return std::nullopt;
      return first_columns(window.keys.size());
    }
    Columns operator()(const GroupAggregateNode& group) const {
      if (first != group.keys) return std::nullopt;
      return first_columns(group.keys.size());
    }
    Columns operator()(const JoinNode& join) const { return of_join(join, left_columns); }
    Columns operator()(const IntervalJoinNode& join) const { return of_join(join, left_columns); }
    Columns operator()(const WindowJoinNode& join) const { return of_join(join, left_columns); }
    Columns operator()(const UnionNode&) const {
      for (const StageInput& input : node.inputs) {
        if (arriving(plan, input) != first) return std::nullopt;
      }
      return first;
    }
  };
  return std::visit(Visit{plan, node, first, left_columns}, node.plan->node);
}

void route(StagePlan& plan, StageNode& node) {
  auto wanted = partitioning(*node.plan);
  // Objects are written by one writer.
  const auto* sink = std::get_if<SinkNode>(&node.plan->node);
  if (sink != nullptr && sink->table->connector == Connector::kFilesystem) {
    wanted.assign(node.inputs.size(), std::vector<int>{});
  }
  MS_ASSERT(wanted.size() == node.inputs.size());
  const bool is_values = std::holds_alternative<ValuesNode>(node.plan->node);
  const bool is_source = std::holds_alternative<SourceNode>(node.plan->node);
  node.single = is_values;
  if (!is_source && !is_values) {
    node.single = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool comes_single = !wanted[i] && plan.nodes[node.inputs[i].node].single;
      if (!comes_single && !(wanted[i] && wanted[i]->empty())) node.single = false;
    }
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    StageInput& input = node.inputs[i];
    const StageNode& producer = plan.nodes[input.node];
    if (wanted[i] && wanted[i]->empty()) {
      input.route = producer.single ? Route::kLocal : Route::kSingle;
    } else if (wanted[i] && (producer.single || producer.spread_by != *wanted[i])) {
      input.route = Route::kHash;
      input.columns = *wanted[i];
    }
    node.stage =
        std::max(node.stage, producer.stage + (input.route == Route::kLocal ? size_t{0} : 1));
  }
  node.spread_by = spread_of(plan, node);
  plan.stages = std::max(plan.stages, node.stage + 1);
}

}  // namespace

Result<StagePlan> make_stage_plan(const Plan& plan) {
  StagePlan result;
  std::unordered_map<const PlanNode*, size_t> places;
  // A walk with a stack of its own: plans may be deep chains.
  struct Visit {
    PlanPtr node;
    size_t next_input = 0;
  };
  std::vector<Visit> stack;
  for (const PlanPtr& sink : plan.sinks) {
    if (!places.contains(sink.get())) stack.push_back({sink});
    while (!stack.empty()) {
      Visit& visit = stack.back();
      if (visit.next_input < visit.node->inputs.size()) {
        const PlanPtr& input = visit.node->inputs[visit.next_input++];
        if (!places.contains(input.get())) stack.push_back({input});
        continue;
      }
      const PlanPtr done = visit.node;
      stack.pop_back();
      if (places.contains(done.get())) continue;
      StageNode node;
      node.plan = done;
      for (const PlanPtr& input : done->inputs) {
        node.inputs.push_back({.node = places.at(input.get()), .columns = {}});
      }
      route(result, node);
      places.emplace(done.get(), result.nodes.size());
      result.nodes.push_back(std::move(node));
      if (result.nodes.size() > kMaxPlanNodes) {
        return fail(ErrorCode::kInvalidArgument,
                    "the application has more than {} operators; split it into several",
                    kMaxPlanNodes);
      }
    }
  }
  return result;
}

}  // namespace millstream::analytics
