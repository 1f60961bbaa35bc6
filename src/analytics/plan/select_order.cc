// DISTINCT of whole relations, ORDER BY, LIMIT.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/select_planner.h"

namespace millstream::analytics {
namespace {

class Sorting {
 public:
  Sorting(QueryPlanner& planner, const sql::Query& query, Relation relation,
          const std::vector<int>& columns)
      : planner_(planner), query_(query), relation_(std::move(relation)) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const sql::OrderItem& item = query.order_by[i];
      // NULL is the least value: first when ascending.
      order_.push_back({.column = columns[i],
                        .descending = item.descending,
                        .nulls_first = item.nulls_first.value_or(!item.descending)});
    }
  }

  Result<Relation> plan() {
    if (query_.limit != nullptr) {
      TRY_ASSIGN(limit_, constant_count(planner_.names(), *query_.limit, "LIMIT"));
    }
    if (query_.offset != nullptr) {
      TRY_ASSIGN(offset_, constant_count(planner_.names(), *query_.offset, "OFFSET"));
    }
    if (planner_.context().bounded || order_.empty()) return sorted(std::nullopt);
    return continuous();
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(planner_.names(), position, message);
  }

  Relation sorted(std::optional<int> rowtime) {
    SortNode node{
        .order_by = std::move(order_), .limit = limit_, .offset = offset_, .rowtime = rowtime};
    Schema schema = relation_.plan->schema;
    relation_.plan = make_node(std::move(node), {std::move(relation_.plan)}, std::move(schema));
    return std::move(relation_);
  }

  Result<Relation> continuous() {
    const RankNode::Order first = order_[0];
    const TimeAttribute time = relation_.plan->schema[static_cast<size_t>(first.column)].type.time;
    const bool by_time = time != TimeAttribute::kNone && !first.descending;
    const bool kinesis = planner_.names().dialect == sql::Dialect::kKinesis;
    const sql::Position position = query_.order_by[0].expression->position;
    const bool limited = limit_.has_value() || offset_ > 0;
    // Rows come in the order of ROWTIME, and of processing time, anyway.
    const bool in_order =
        by_time && order_.size() == 1 && !limited && (kinesis || time == TimeAttribute::kProctime);
    if (in_order) return std::move(relation_);
    if (kinesis) {
      return fail_at(position,
                     "ORDER BY over a stream by anything but ROWTIME alone, and LIMIT with it, "
                     "are not yet supported");
    }
    if (by_time && !limited) {
      if (time == TimeAttribute::kRowtime) return sorted(first.column);
      return fail_at(position,
                     "ORDER BY processing time and another column is not yet supported: rows of "
                     "one batch have one processing time");
    }
    if (!limit_) {
      return fail_at(position,
                     "Sort on a non-time-attribute field is not supported. Sort by the time "
                     "attribute first, ascending, or write LIMIT");
    }
    if (offset_ > 0) {
      return fail_at(query_.offset->position,
                     "OFFSET in a continuous query is not yet supported: without it LIMIT works");
    }
    RankNode node;
    node.order_by = std::move(order_);
    node.limit = *limit_;
    Schema schema = without_time_attributes(relation_.plan->schema);
    relation_.plan = make_node(std::move(node), {std::move(relation_.plan)}, std::move(schema));
    return std::move(relation_);
  }

  QueryPlanner& planner_;
  const sql::Query& query_;
  Relation relation_;
  std::vector<RankNode::Order> order_;
  std::optional<int64_t> limit_;
  int64_t offset_ = 0;
};

}  // namespace

Result<Relation> sort_rows(QueryPlanner& planner, const sql::Query& query, Relation relation,
                           const std::vector<int>& columns, bool top_level) {
  const bool limited = query.limit != nullptr || query.offset != nullptr;
  // Inside another query an order without a limit means nothing.
  if (!limited && (columns.empty() || !top_level)) return relation;
  return Sorting(planner, query, std::move(relation), columns).plan();
}

Result<Relation> order_rows(QueryPlanner& planner, const sql::Query& query, Relation relation,
                            bool top_level) {
  std::vector<int> columns;
  for (const sql::OrderItem& item : query.order_by) {
    const sql::Expression& expression = *item.expression;
    if (expression.kind == sql::ExpressionKind::kNumber) {
      TRY_ASSIGN(const int64_t ordinal,
                 constant_count(planner.names(), expression, "the column's number"));
      if (ordinal < 1 || ordinal > static_cast<int64_t>(relation.columns.size())) {
        return error_at(planner.names(), expression.position, "Ordinal out of range");
      }
      columns.push_back(static_cast<int>(ordinal) - 1);
      continue;
    }
    ExpressionBinder binder(planner.names(), relation.columns, relation.plan->schema);
    binder.set_place("in ORDER BY");
    TRY_ASSIGN(const BoundPtr bound, binder.bind(expression));
    if (bound->kind != BoundKind::kColumn) {
      return error_at(planner.names(), expression.position,
                      "ORDER BY of a set operation takes columns of its result");
    }
    columns.push_back(bound->column);
  }
  return sort_rows(planner, query, std::move(relation), columns, top_level);
}

Result<Relation> distinct_rows(QueryPlanner& planner, Relation relation,
                               const sql::Select* select) {
  AggregateRequest request;
  request.select = select;
  request.keys = identity(relation.plan->schema);
  request.key_names = names_of(relation.plan->schema);
  std::vector<ScopeColumn> columns = relation.columns;
  std::vector<std::string> names = request.key_names;
  request.input = std::move(relation);
  TRY_ASSIGN(AggregateResult result, planner.rules().aggregate(std::move(request)));
  std::vector<BoundPtr> expressions;
  for (const int key : result.keys) {
    expressions.push_back(bound_column(key, result.plan->schema[static_cast<size_t>(key)]));
  }
  Relation distinct;
  distinct.plan = make_project(std::move(result.plan), std::move(expressions), std::move(names));
  distinct.columns = std::move(columns);
  return distinct;
}

}  // namespace millstream::analytics
