#include <algorithm>
#include <unordered_map>
#include <utility>

#include "analytics/plan/optimize_parts.h"
#include "analytics/plan/plan_nodes.h"
#include "analytics/plan/query_planner.h"

namespace millstream::analytics {
namespace {

// Expressions that grow by merging stay walkable: projections over projections of views could
// make them as deep as the plan.
constexpr int kMaxHeight = 300;

bool is_trivial(const BoundExpression& expression) {
  return expression.kind == BoundKind::kColumn || expression.kind == BoundKind::kLiteral;
}

class Merger {
 public:
  explicit Merger(const std::vector<PlanPtr>& order) {
    for (const PlanPtr& node : order) {
      for (const PlanPtr& input : node->inputs) ++readers_[input.get()];
    }
  }

  PlanPtr merged(const PlanPtr& node) {
    std::vector<PlanPtr> inputs;
    bool changed = false;
    for (const PlanPtr& input : node->inputs) {
      inputs.push_back(done_.at(input.get()));
      changed = changed || inputs.back() != input;
    }
    PlanPtr result;
    const bool alone = node->inputs.size() == 1 && readers_[node->inputs[0].get()] == 1;
    if (const auto* project = std::get_if<ProjectNode>(&node->node)) {
      result = projected(inputs[0], project->expressions, names_of(node->schema), alone);
    } else if (const auto* filter = std::get_if<FilterNode>(&node->node)) {
      result = filtered(inputs[0], filter->condition, alone);
    } else {
      result = changed ? make_node(node->node, std::move(inputs), node->schema) : node;
    }
    done_[node.get()] = result;
    return result;
  }

 private:
  int height(const BoundExpression& expression) {
    if (const auto known = heights_.find(&expression); known != heights_.end()) {
      return known->second;
    }
    int highest = 0;
    for (const BoundPtr& argument : expression.arguments) {
      highest = std::max(highest, height(*argument));
    }
    kept_.push_back(expression.arguments);
    heights_[&expression] = highest + 1;
    return highest + 1;
  }
  int height(const std::vector<BoundPtr>& expressions) {
    int highest = 0;
    for (const BoundPtr& expression : expressions) {
      kept_.push_back({expression});
      highest = std::max(highest, height(*expression));
    }
    return highest;
  }

  // Whether expressions over a projection's output may be computed over its input instead:
  // nothing is computed twice that is not free, and nothing that differs each time.
  bool may_inline(const std::vector<BoundPtr>& outer, const std::vector<BoundPtr>& inner) {
    if (height(outer) + height(inner) > kMaxHeight) return false;
    std::vector<int> uses(inner.size());
    for (const BoundPtr& expression : outer) {
      for (const int column : columns_of(*expression)) ++uses[static_cast<size_t>(column)];
    }
    for (size_t i = 0; i < inner.size(); ++i) {
      if (is_trivial(*inner[i])) continue;
      if (uses[i] > 1 || (uses[i] == 1 && !is_deterministic(*inner[i]))) return false;
    }
    return true;
  }

  PlanPtr projected(const PlanPtr& input, std::vector<BoundPtr> expressions,
                    std::vector<std::string> names, bool alone) {
    const auto* below = std::get_if<ProjectNode>(&input->node);
    if (below == nullptr || !alone || !may_inline(expressions, below->expressions)) {
      return make_project(input, std::move(expressions), std::move(names));
    }
    for (BoundPtr& expression : expressions) {
      expression = substitute(expression, below->expressions);
    }
    return make_project(input->inputs[0], std::move(expressions), std::move(names));
  }

  PlanPtr filtered(const PlanPtr& input, const BoundPtr& condition, bool alone) {
    if (!alone) return make_filter(input, condition);
    if (const auto* filter = std::get_if<FilterNode>(&input->node)) {
      std::vector<BoundPtr> terms = conjuncts_of(filter->condition);
      std::ranges::move(conjuncts_of(condition), std::back_inserter(terms));
      return make_filter(input->inputs[0], conjunction(std::move(terms)));
    }
    const auto* project = std::get_if<ProjectNode>(&input->node);
    if (project == nullptr || !passes(condition, *project)) return make_filter(input, condition);
    PlanPtr below = filtered(input->inputs[0], substitute(condition, project->expressions), false);
    return make_project(std::move(below), project->expressions, names_of(input->schema));
  }

  // A filter moves below a projection if it needs nothing that the projection computes (else that
  // would be computed twice), and the projection has no numbers that differ each time.
  bool passes(const BoundPtr& condition, const ProjectNode& project) {
    const auto columns = columns_of(*condition);
    return std::ranges::all_of(
               columns,
               [&](int column) {
                 return is_trivial(*project.expressions[static_cast<size_t>(column)]);
               }) &&
           std::ranges::all_of(project.expressions, [](const BoundPtr& expression) {
             return is_deterministic(*expression) || expression->kind == BoundKind::kProctime;
           });
  }

  std::unordered_map<const PlanNode*, int> readers_;
  std::unordered_map<const PlanNode*, PlanPtr> done_;
  std::unordered_map<const BoundExpression*, int> heights_;
  std::vector<std::vector<BoundPtr>> kept_;  // addresses in heights_ stay theirs
};

}  // namespace

std::vector<PlanPtr> merge_nodes(const std::vector<PlanPtr>& sinks) {
  const std::vector<PlanPtr> order = nodes_below(sinks);
  Merger merger(order);
  std::unordered_map<const PlanNode*, PlanPtr> merged;
  for (const PlanPtr& node : order) merged[node.get()] = merger.merged(node);
  std::vector<PlanPtr> result;
  for (const PlanPtr& sink : sinks) result.push_back(merged.at(sink.get()));
  return result;
}

}  // namespace millstream::analytics
