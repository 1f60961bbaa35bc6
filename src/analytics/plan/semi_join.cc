#include "analytics/plan/semi_join.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/select_planner.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;

// NOT NOT e: the innermost, and whether it is negated.
const sql::Expression& without_not(const sql::Expression& expression, bool& negated) {
  const sql::Expression* inner = &expression;
  while (inner->kind == Kind::kUnary && inner->text == "NOT") {
    negated = !negated;
    inner = inner->arguments[0].get();
  }
  if (inner->negated) negated = !negated;
  return *inner;
}

// One whose WHERE may refer to the rows around it.
bool is_plain(const sql::Query& query) {
  if (query.kind != sql::Query::Kind::kSelect || !query.with.empty() || query.limit != nullptr ||
      query.offset != nullptr) {
    return false;
  }
  const sql::Select& select = *query.select;
  return select.from != nullptr && select.group_by.empty() && select.having == nullptr &&
         select.windowed_by == nullptr;
}

class SemiJoin {
 public:
  SemiJoin(QueryPlanner& planner, Relation outer, const sql::Expression& expression)
      : planner_(planner), outer_(std::move(outer)), expression_(expression) {}

  Result<Relation> plan() {
    bool negated = false;
    const sql::Expression& inner = without_not(expression_, negated);
    is_in_ = inner.kind == Kind::kIn;
    width_ = static_cast<int>(outer_.plan->schema.size());
    TRY(plan_inner(*inner.query));
    if (is_in_) TRY(compare(inner, negated));
    JoinRequest request;
    request.kind = negated ? sql::JoinKind::kAnti : sql::JoinKind::kSemi;
    const std::vector<ScopeColumn> columns = outer_.columns;
    request.left.relation = std::move(outer_);
    request.right.relation = std::move(inner_);
    request.conjuncts = std::move(conjuncts_);
    request.position = inner.position;
    auto joined = planner_.rules().join(std::move(request));
    if (!joined) return std::unexpected(planner_.placed(inner.position, joined.error()));
    std::ranges::copy(columns, joined->columns.begin());
    return joined;
  }

 private:
  Result<> plan_inner(const sql::Query& query) {
    if (!is_plain(query) || (is_in_ && selects_computed_rows(planner_.names(), *query.select))) {
      TRY_ASSIGN(inner_, planner_.plan(query));
      std::vector<int> visible;
      for (size_t i = 0; i < inner_.columns.size(); ++i) {
        if (inner_.columns[i].visibility != Visibility::kHidden) {
          visible.push_back(static_cast<int>(i));
        }
      }
      if (!is_in_) return {};
      if (visible.size() != 1) return one_column(query.position);
      value_ = bound_column(visible[0], inner_.plan->schema[static_cast<size_t>(visible[0])]);
      return {};
    }
    if (!is_in_ && selects_computed_rows(planner_.names(), *query.select)) {
      return error_at(planner_.names(), query.position,
                      "EXISTS of a query with aggregates is not yet supported");
    }
    const sql::Select& select = *query.select;
    FromPlanner from(planner_, &select);
    const OuterScope outer{outer_.columns, outer_.plan->schema};
    TRY_ASSIGN(inner_, from.plan(*select.from, select.where.get(), &outer));
    conjuncts_ = from.take_correlated();
    if (!is_in_) return {};
    if (select.items.size() != 1) return one_column(query.position);
    const sql::Expression& item = *select.items[0].expression;
    ExpressionBinder binder(planner_.names(), inner_.columns, inner_.plan->schema);
    binder.set_place("in a sub-query");
    if (item.kind == Kind::kStar) {
      TRY_ASSIGN(const std::vector<int> columns,
                 resolve_star(inner_.columns, item.name, planner_.names(), item.position));
      if (columns.size() != 1) return one_column(query.position);
      value_ = bound_column(columns[0], inner_.plan->schema[static_cast<size_t>(columns[0])]);
      return {};
    }
    TRY_ASSIGN(value_, binder.bind(item));
    return {};
  }

  std::unexpected<Error> one_column(sql::Position position) const {
    return error_at(planner_.names(), position, "the query of IN must have one column");
  }

  // x = y; of NOT IN, where NULL on any side makes the answer unknown: x = y OR x IS NULL OR y IS
  // NULL.
  Result<> compare(const sql::Expression& in, bool negated) {
    ExpressionBinder binder(planner_.names(), outer_.columns, outer_.plan->schema);
    binder.set_place("in WHERE");
    if (in.arguments[0]->kind == Kind::kRow) {
      return error_at(planner_.names(), in.position,
                      "IN with several columns is not yet supported: write EXISTS");
    }
    TRY_ASSIGN(const BoundPtr left, binder.bind(*in.arguments[0]));
    const BoundPtr right = shifted(value_, width_);
    TRY_ASSIGN(BoundPtr equal, call_of(planner_.names(), in.position, "=", {left, right}));
    if (negated && (left->type.nullable || right->type.nullable)) {
      auto either = std::make_shared<BoundExpression>();
      either->kind = BoundKind::kOr;
      either->type = equal->type;
      either->arguments.push_back(std::move(equal));
      for (const BoundPtr& side : {left, right}) {
        if (!side->type.nullable) continue;
        TRY_ASSIGN(BoundPtr missing, call_of(planner_.names(), in.position, "IS NULL", {side}));
        either->arguments.push_back(std::move(missing));
      }
      equal = std::move(either);
    }
    conjuncts_.push_back(std::move(equal));
    return {};
  }

  QueryPlanner& planner_;
  Relation outer_;
  const sql::Expression& expression_;
  bool is_in_ = false;
  int width_ = 0;
  Relation inner_;
  BoundPtr value_;  // of IN's query, over inner_
  std::vector<BoundPtr> conjuncts_;
};

}  // namespace

bool is_semi_join(const sql::Expression& expression) {
  bool negated = false;
  const sql::Expression& inner = without_not(expression, negated);
  return inner.query != nullptr && (inner.kind == Kind::kIn || inner.kind == Kind::kExists);
}

Result<Relation> plan_semi_join(QueryPlanner& planner, Relation relation,
                                const sql::Expression& expression) {
  return SemiJoin(planner, std::move(relation), expression).plan();
}

Result<BoundPtr> bind_correlated(const NameRules& rules, const OuterScope& outer,
                                 const Relation& inner, const sql::Expression& expression) {
  const int width = static_cast<int>(outer.schema.size());
  std::vector<ScopeColumn> columns = outer.columns;
  columns.insert(columns.end(), inner.columns.begin(), inner.columns.end());
  const Schema schema = concatenated(outer.schema, inner.plan->schema);
  ExpressionBinder binder(rules, columns, schema);
  binder.set_place("in a sub-query");
  binder.set_hook([&](const sql::Expression& each) -> Result<BoundPtr> {
    if (each.kind != Kind::kName) return nullptr;
    if (const auto own = resolve_column(inner.columns, each.name, rules)) {
      return bound_column(width + *own, inner.plan->schema[static_cast<size_t>(*own)]);
    }
    TRY_ASSIGN(const int around, resolve_column(outer.columns, each.name, rules));
    return bound_column(around, outer.schema[static_cast<size_t>(around)]);
  });
  return binder.bind_condition(expression, "WHERE");
}

}  // namespace millstream::analytics
