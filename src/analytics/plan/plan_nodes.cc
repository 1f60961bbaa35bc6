#include "analytics/plan/plan_nodes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/changelog.h"

namespace millstream::analytics {
namespace {

// Window joins of views over window joins could ask for the same node exponentially often: give
// up (no window columns) after this many.
constexpr int kMaxNodesAsked = 10000;

std::optional<WindowColumns> window_columns(const PlanNode& plan, int& budget);

bool same_window(const WindowSpec& a, const WindowSpec& b) {
  return a.kind == b.kind && a.processing_time == b.processing_time && a.size_ms == b.size_ms &&
         a.slide_ms == b.slide_ms && a.offset_ms == b.offset_ms &&
         a.calendar_unit == b.calendar_unit;
}

WindowColumns through_project(const WindowColumns& below, const ProjectNode& project) {
  WindowColumns result;
  result.window = below.window;
  const auto contains = [](const std::vector<int>& columns, int column) {
    return std::ranges::find(columns, column) != columns.end();
  };
  for (size_t i = 0; i < project.expressions.size(); ++i) {
    const BoundExpression& expression = *project.expressions[i];
    if (expression.kind != BoundKind::kColumn) continue;
    const int at = static_cast<int>(i);
    if (contains(below.start, expression.column)) result.start.push_back(at);
    if (contains(below.end, expression.column)) result.end.push_back(at);
    if (contains(below.time, expression.column)) result.time.push_back(at);
  }
  return result;
}

WindowColumns of_aggregate(const WindowAggregateNode& node, const PlanNode& input, int& budget) {
  WindowColumns result;
  result.window = node.window;
  if (node.window_columns) {
    if (const auto below = window_columns(input, budget)) result.window = below->window;
  }
  int at = static_cast<int>(node.keys.size() + node.aggregates.size());
  for (const auto property : node.properties) {
    switch (property) {
      case WindowAggregateNode::Property::kStart:
        result.start.push_back(at);
        break;
      case WindowAggregateNode::Property::kEnd:
        result.end.push_back(at);
        break;
      case WindowAggregateNode::Property::kTime:
      case WindowAggregateNode::Property::kProctime:
        result.time.push_back(at);
        break;
    }
    ++at;
  }
  return result;
}

void add_shifted(std::vector<int>& to, const std::vector<int>& from, int by) {
  for (const int column : from) to.push_back(column + by);
}

std::optional<WindowColumns> of_join(const PlanNode& plan, int& budget) {
  auto left = window_columns(*plan.inputs[0], budget);
  if (!left) return std::nullopt;
  const auto& join = std::get<WindowJoinNode>(plan.node);
  if (join.kind == sql::JoinKind::kSemi || join.kind == sql::JoinKind::kAnti) return left;
  const auto right = window_columns(*plan.inputs[1], budget);
  if (!right) return std::nullopt;
  const int width = static_cast<int>(plan.inputs[0]->schema.size());
  add_shifted(left->start, right->start, width);
  add_shifted(left->end, right->end, width);
  add_shifted(left->time, right->time, width);
  return left;
}

std::optional<WindowColumns> of_union(const PlanNode& plan, int& budget) {
  std::optional<WindowColumns> result;
  for (const PlanPtr& input : plan.inputs) {
    const auto one = window_columns(*input, budget);
    if (!one) return std::nullopt;
    if (!result) {
      result = one;
    } else if (!same_window(result->window, one->window) || result->start != one->start ||
               result->end != one->end || result->time != one->time) {
      return std::nullopt;
    }
  }
  return result;
}

std::optional<WindowColumns> window_columns(const PlanNode& plan, int& budget) {
  if (--budget < 0) return std::nullopt;
  if (const auto* assign = std::get_if<WindowAssignNode>(&plan.node)) {
    const int at = static_cast<int>(plan.inputs[0]->schema.size());
    return WindowColumns{
        .window = assign->window, .start = {at}, .end = {at + 1}, .time = {at + 2}};
  }
  if (const auto* aggregate = std::get_if<WindowAggregateNode>(&plan.node)) {
    return of_aggregate(*aggregate, *plan.inputs[0], budget);
  }
  if (const auto* project = std::get_if<ProjectNode>(&plan.node)) {
    const auto below = window_columns(*plan.inputs[0], budget);
    if (!below) return std::nullopt;
    return through_project(*below, *project);
  }
  if (std::holds_alternative<FilterNode>(plan.node) ||
      std::holds_alternative<RankNode>(plan.node) ||
      std::holds_alternative<ReferenceJoinNode>(plan.node)) {
    return window_columns(*plan.inputs[0], budget);
  }
  if (std::holds_alternative<WindowJoinNode>(plan.node)) return of_join(plan, budget);
  if (std::holds_alternative<UnionNode>(plan.node)) return of_union(plan, budget);
  return std::nullopt;
}

}  // namespace

PlanPtr make_node(PlanVariant node, std::vector<PlanPtr> inputs, Schema schema) {
  auto result = std::make_shared<PlanNode>();
  result->node = std::move(node);
  result->inputs = std::move(inputs);
  result->schema = std::move(schema);
  set_retractions(*result);
  result->mode = infer_mode(*result);
  return result;
}

PlanPtr make_source(std::shared_ptr<const Table> table) {
  SourceNode source;
  Schema schema = table->schema();
  for (size_t i = 0; i < schema.size(); ++i) source.columns.push_back(static_cast<int>(i));
  source.table = std::move(table);
  return make_node(std::move(source), {}, std::move(schema));
}

PlanPtr make_project(PlanPtr input, std::vector<BoundPtr> expressions,
                     std::vector<std::string> names) {
  MS_ASSERT(expressions.size() == names.size());
  bool is_identity = expressions.size() == input->schema.size();
  Schema schema;
  for (size_t i = 0; i < expressions.size(); ++i) {
    const BoundExpression& expression = *expressions[i];
    is_identity = is_identity && expression.kind == BoundKind::kColumn &&
                  expression.column == static_cast<int>(i) && input->schema[i].name == names[i];
    schema.push_back({std::move(names[i]), expression.type});
  }
  if (is_identity) return input;
  return make_node(ProjectNode{std::move(expressions)}, {std::move(input)}, std::move(schema));
}

PlanPtr make_filter(PlanPtr input, BoundPtr condition) {
  if (condition == nullptr) return input;
  if (condition->kind == BoundKind::kLiteral && condition->literal == Value(true)) return input;
  Schema schema = input->schema;
  return make_node(FilterNode{std::move(condition)}, {std::move(input)}, std::move(schema));
}

PlanPtr make_union(std::vector<PlanPtr> inputs, Schema schema) {
  if (inputs.size() == 1) return inputs[0];
  return make_node(UnionNode{}, std::move(inputs), std::move(schema));
}

PlanPtr make_sink(PlanPtr input, std::shared_ptr<const Table> table, std::string name) {
  Schema schema = input->schema;
  return make_node(SinkNode{std::move(table), std::move(name)}, {std::move(input)},
                   std::move(schema));
}

PlanPtr with_columns(PlanPtr input, const std::vector<BoundPtr>& extra, std::vector<int>& columns) {
  std::vector<BoundPtr> expressions = identity(input->schema);
  std::vector<std::string> names = names_of(input->schema);
  const size_t width = expressions.size();
  columns.clear();
  for (const BoundPtr& expression : extra) {
    if (expression->kind == BoundKind::kColumn) {
      columns.push_back(expression->column);
      continue;
    }
    size_t at = width;
    while (at < expressions.size() && !same(*expressions[at], *expression)) ++at;
    if (at == expressions.size()) {
      expressions.push_back(expression);
      names.push_back(fmt::format("$f{}", at));
    }
    columns.push_back(static_cast<int>(at));
  }
  if (expressions.size() == width) return input;
  return make_project(std::move(input), std::move(expressions), std::move(names));
}

std::vector<BoundPtr> identity(const Schema& schema) {
  std::vector<BoundPtr> expressions;
  for (size_t i = 0; i < schema.size(); ++i) {
    expressions.push_back(bound_column(static_cast<int>(i), schema[i]));
  }
  return expressions;
}

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema) names.push_back(field.name);
  return names;
}

Schema concatenated(const Schema& left, const Schema& right) {
  Schema schema = left;
  schema.insert(schema.end(), right.begin(), right.end());
  return schema;
}

Schema without_time_attributes(Schema schema) {
  for (Field& field : schema) field.type.time = TimeAttribute::kNone;
  return schema;
}

void make_nullable(Schema& schema, size_t from, size_t count) {
  for (size_t i = from; i < from + count; ++i) schema[i].type.nullable = true;
}

std::optional<WindowColumns> window_columns(const PlanNode& plan) {
  int budget = kMaxNodesAsked;
  return window_columns(plan, budget);
}

}  // namespace millstream::analytics
