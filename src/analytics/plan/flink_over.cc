// OVER of Flink SQL: aggregates over the rows before, and ROW_NUMBER.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/flink_rules.h"
#include "analytics/plan/kinesis_rules.h"

namespace millstream::analytics {
namespace {

using BoundKindOf = sql::FrameBound::Kind;

class FlinkOver {
 public:
  FlinkOver(PlanContext& context, OverRequest request)
      : context_(context), request_(std::move(request)) {}

  Result<OverResult> plan() {
    const OverCall& first = request_.calls[0];
    for (const OverCall& call : request_.calls) {
      if (!same(call.window, first.window)) {
        return fail_at(call.window.position,
                       "Over Agg: Unsupported use of OVER windows. All aggregates must be computed "
                       "on the same window.");
      }
      if (call.rank_function.empty() != first.rank_function.empty()) {
        return fail_at(call.aggregate.position,
                       "ROW_NUMBER beside other aggregates with OVER is not yet supported");
      }
    }
    return first.rank_function.empty() ? aggregates(first.window) : rank(first);
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(context_.names, position, message);
  }

  Result<OverResult> aggregates(const BoundOver& window) {
    OverNode node;
    TRY(set_order(window, node));
    TRY(set_frame(window, node));
    for (const OverCall& call : request_.calls) {
      if (call.aggregate.distinct) {
        return fail_at(call.aggregate.position, "DISTINCT with OVER is not yet supported");
      }
    }
    PlanPtr input = with_columns(request_.input.plan, window.partition_by, node.partition_by);
    std::vector<BoundAggregate> aggregates;
    for (const OverCall& call : request_.calls) aggregates.push_back(call.aggregate);
    node.aggregates = lower_aggregates(input, aggregates);
    OverResult result;
    Schema schema = input->schema;
    for (size_t i = 0; i < node.aggregates.size(); ++i) {
      result.columns.push_back(static_cast<int>(schema.size()));
      schema.push_back({.name = fmt::format("$w{}", i), .type = node.aggregates[i].type});
    }
    result.plan = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return result;
  }

  Result<> set_order(const BoundOver& window, OverNode& node) const {
    const bool by_time = window.order_by.size() == 1 &&
                         window.order_by[0].expression->kind == BoundKind::kColumn &&
                         window.order_by[0].expression->type.time != TimeAttribute::kNone;
    if (!by_time) {
      return fail_at(window.position,
                     "OVER windows' ordering in stream mode must be defined on a time attribute.");
    }
    if (window.order_by[0].descending) {
      return fail_at(window.position,
                     "Over Agg: Unsupported use of OVER windows. The window can only be ordered in "
                     "ASCENDING mode.");
    }
    node.order_column = window.order_by[0].expression->column;
    node.processing_time = window.order_by[0].expression->type.time == TimeAttribute::kProctime;
    return {};
  }

  Result<> set_frame(const BoundOver& window, OverNode& node) const {
    const BoundFrame& frame = window.frame;
    if (!frame.has_frame) return {};  // RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    if (frame.end_kind != BoundKindOf::kCurrentRow) {
      return fail_at(window.position,
                     "OVER RANGE FOLLOWING windows are not supported yet: windows end with the "
                     "current row.");
    }
    node.rows = frame.rows;
    switch (frame.start_kind) {
      case BoundKindOf::kUnboundedPreceding:
        return {};
      case BoundKindOf::kCurrentRow:
        node.preceding = 0;
        return {};
      case BoundKindOf::kPreceding:
        node.preceding = frame.start_offset.value_or(0);
        return {};
      default:
        return fail_at(window.position, "the window starts after the current row, where it ends");
    }
  }

  // The limit comes from a filter above: flink_filter().
  Result<OverResult> rank(const OverCall& call) {
    if (call.rank_function != "ROW_NUMBER") {
      return fail_at(
          call.aggregate.position,
          fmt::format("{}() on streaming table is not supported currently", call.rank_function));
    }
    if (call.window.order_by.empty()) {
      return fail_at(call.window.position, "ROW_NUMBER needs ORDER BY in its OVER");
    }
    if (call.window.frame.has_frame) {
      return fail_at(call.window.position, "ROW_NUMBER takes no frame (ROWS or RANGE)");
    }
    RankNode node;
    node.output_rank = true;
    std::vector<BoundPtr> expressions = call.window.partition_by;
    for (const BoundOrder& order : call.window.order_by) expressions.push_back(order.expression);
    std::vector<int> columns;
    PlanPtr input = with_columns(request_.input.plan, expressions, columns);
    const size_t keys = call.window.partition_by.size();
    node.partition_by.assign(columns.begin(), columns.begin() + static_cast<ptrdiff_t>(keys));
    for (size_t i = 0; i < call.window.order_by.size(); ++i) {
      node.order_by.push_back({.column = columns[keys + i],
                               .descending = call.window.order_by[i].descending,
                               .nulls_first = call.window.order_by[i].nulls_first});
    }
    const Type& order = input->schema[static_cast<size_t>(columns[keys])].type;
    if (node.order_by.size() == 1 && order.time != TimeAttribute::kNone) {
      node.order_time = columns[keys];
    }
    // The engine ends windows of ranks by watermarks.
    const auto windows = window_columns(*input);
    const bool of_windows =
        windows && windows->complete() &&
        std::ranges::find_first_of(node.partition_by, windows->end) != node.partition_by.end();
    if (of_windows && windows->window.processing_time) {
      return fail_at(call.aggregate.position, "Processing time Window TopN is not supported yet.");
    }
    Schema schema = input->schema;
    OverResult result;
    result.columns.assign(request_.calls.size(), static_cast<int>(schema.size()));
    schema.push_back({.name = "$rank", .type = make_type(TypeKind::kBigint, false)});
    result.plan = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return result;
  }

  PlanContext& context_;
  OverRequest request_;
};

// --- WHERE number <= n.

// A RankNode without a limit below projections; `column`: of its number in the rows above.
struct OpenRank {
  std::vector<PlanPtr> projections;  // the topmost first
  PlanPtr rank;
  int column = -1;
};

std::optional<OpenRank> open_rank(const PlanPtr& plan) {
  OpenRank found;
  found.rank = plan;
  while (std::holds_alternative<ProjectNode>(found.rank->node)) {
    found.projections.push_back(found.rank);
    found.rank = PlanPtr(found.rank->inputs[0]);
  }
  const auto* rank = std::get_if<RankNode>(&found.rank->node);
  if (rank == nullptr || rank->limit != 0) return std::nullopt;
  int column = static_cast<int>(found.rank->schema.size()) - 1;
  for (size_t i = found.projections.size(); i-- > 0;) {
    const auto& project = std::get<ProjectNode>(found.projections[i]->node);
    const auto at = std::ranges::find_if(project.expressions, [&](const BoundPtr& expression) {
      return expression->kind == BoundKind::kColumn && expression->column == column;
    });
    if (at == project.expressions.end()) return std::nullopt;
    column = static_cast<int>(at - project.expressions.begin());
  }
  found.column = column;
  return found;
}

struct Comparison {
  std::string_view sign;  // number sign value
  int64_t value = 0;
};

std::string_view turned(std::string_view sign) {
  if (sign == "<") return ">";
  if (sign == "<=") return ">=";
  if (sign == ">") return "<";
  if (sign == ">=") return "<=";
  return sign;
}

// number < 4, 4 > number …
std::optional<Comparison> comparison_of(const BoundExpression& term, int column) {
  if (term.kind != BoundKind::kCall || term.arguments.size() != 2) return std::nullopt;
  const auto is_number = [&](const BoundPtr& side) {
    const BoundExpression* at = side.get();
    while (at->kind == BoundKind::kCast) at = at->arguments[0].get();
    return at->kind == BoundKind::kColumn && at->column == column;
  };
  const bool first = is_number(term.arguments[0]);
  const BoundPtr& other = term.arguments[first ? 1 : 0];
  if (!first && !is_number(term.arguments[1])) return std::nullopt;
  if (!columns_of(*other).empty() || !is_deterministic(*other)) return std::nullopt;
  if (!other->type.is_integer()) return std::nullopt;
  const auto value = evaluate_constant(*other, sql::Dialect::kFlink);
  if (!value || !std::holds_alternative<int64_t>(*value)) return std::nullopt;
  const std::string_view sign = term.function->name;
  return Comparison{first ? sign : turned(sign), std::get<int64_t>(*value)};
}

PlanPtr with_limit(const PlanPtr& plan, int64_t limit) {
  RankNode node = std::get<RankNode>(plan->node);
  node.limit = limit;
  if (const auto windows = window_columns(*plan->inputs[0]); windows && windows->complete()) {
    const auto partitioned_by = [&](const std::vector<int>& columns) -> std::optional<int> {
      for (const int column : columns) {
        if (std::ranges::find(node.partition_by, column) != node.partition_by.end()) return column;
      }
      return std::nullopt;
    };
    if (partitioned_by(windows->start)) node.window_end = partitioned_by(windows->end);
    if (node.window_end) node.order_time.reset();
  }
  if (limit > 1) return make_node(std::move(node), plan->inputs, plan->schema);
  // The number is 1: it needs no state, and deduplication is seen as such.
  node.output_rank = false;
  Schema schema = plan->schema;
  const Field number = schema.back();
  schema.pop_back();
  PlanPtr first = make_node(std::move(node), plan->inputs, std::move(schema));
  std::vector<BoundPtr> expressions = identity(first->schema);
  std::vector<std::string> names = names_of(first->schema);
  expressions.push_back(bound_literal(Value(int64_t{1}), number.type));
  names.push_back(number.name);
  return make_project(std::move(first), std::move(expressions), std::move(names));
}

}  // namespace

Result<OverResult> flink_over(PlanContext& context, OverRequest request) {
  return FlinkOver(context, std::move(request)).plan();
}

Result<PlanPtr> flink_filter(PlanContext& context, PlanPtr input, BoundPtr condition,
                             sql::Position position) {
  const auto open = open_rank(input);
  if (!open) return make_filter(std::move(input), std::move(condition));
  std::optional<int64_t> limit;
  std::vector<BoundPtr> rest;
  for (BoundPtr& term : conjuncts_of(condition)) {
    const auto comparison = comparison_of(*term, open->column);
    const bool from_first = comparison && ((comparison->sign == ">=" && comparison->value <= 1) ||
                                           (comparison->sign == ">" && comparison->value <= 0));
    if (from_first) continue;
    std::optional<int64_t> upper;
    if (comparison && comparison->sign == "<=") upper = comparison->value;
    if (comparison && comparison->sign == "<") upper = comparison->value - 1;
    if (comparison && comparison->sign == "=" && comparison->value == 1) upper = 1;
    if (!upper) {
      rest.push_back(std::move(term));
      continue;
    }
    limit = std::min(limit.value_or(*upper), *upper);
  }
  if (!limit || *limit < 1) {
    return error_at(context.names, position,
                    "the number of ROW_NUMBER() needs an upper bound to be kept up to date: WHERE "
                    "number <= 10 (a lower bound alone is not yet supported)");
  }
  PlanPtr plan = with_limit(open->rank, *limit);
  for (size_t i = open->projections.size(); i-- > 0;) {
    plan = make_node(open->projections[i]->node, {std::move(plan)}, open->projections[i]->schema);
  }
  return make_filter(std::move(plan), conjunction(std::move(rest)));
}

}  // namespace millstream::analytics
