// One SELECT, and what it shares with other queries: DISTINCT, ORDER BY, LIMIT.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// Each row once.
Result<Relation> distinct_rows(QueryPlanner& planner, Relation relation, const sql::Select* select);
// ORDER BY over the relation's own columns, LIMIT, OFFSET. See QueryPlanner::plan for `top_level`.
Result<Relation> order_rows(QueryPlanner& planner, const sql::Query& query, Relation relation,
                            bool top_level);
// The same, with the columns to sort by found already (query.order_by's, in order).
Result<Relation> sort_rows(QueryPlanner& planner, const sql::Query& query, Relation relation,
                           const std::vector<int>& columns, bool top_level);
// A FROM item that is a join, by itself.
Result<Relation> plan_join_alone(QueryPlanner& planner, const sql::TableReference& reference);

// Whether the select list holds aggregates or OVER.
bool selects_computed_rows(const NameRules& rules, const sql::Select& select);

// A call of the table of functions, its arguments cast. Errors: at the place.
Result<BoundPtr> call_of(const NameRules& rules, sql::Position position, std::string_view function,
                         std::vector<BoundPtr> arguments);

// Threads: one. Life cycle: one SELECT; the planner and the tree outlive it.
//
// Expressions are bound once, over the rows of FROM; aggregates, times of group windows and OVER
// calls stand in them as columns beyond FROM's, and are replaced by their true columns as soon as
// these exist.
class SelectPlanner {
 public:
  SelectPlanner(QueryPlanner& planner, const sql::Select& select)
      : planner_(planner), select_(select) {}

  // query: whose SELECT it is (ORDER BY, LIMIT).
  Result<Relation> plan(const sql::Query& query, bool top_level);

 private:
  struct Item {
    BoundPtr expression;
    std::string name;
    sql::Position position;
  };

  const NameRules& names() const { return planner_.names(); }
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(names(), position, message);
  }
  bool is_kinesis() const { return names().dialect == sql::Dialect::kKinesis; }

  Result<> plan_from();
  // --- Binding: the stand-ins.
  Result<BoundPtr> stand_in(const sql::Expression& expression);
  Result<BoundPtr> aggregate_stand_in(const sql::Expression& expression, const std::string& name);
  Result<BoundPtr> over_stand_in(const sql::Expression& expression, const std::string& name);
  Result<std::optional<BoundPtr>> window_stand_in(const sql::Expression& expression,
                                                  std::string_view name);
  Result<BoundAggregate> bind_aggregate(const sql::Expression& expression, const std::string& name);
  Result<BoundOver> bind_window(const sql::WindowSpecification& window);
  Result<> bind_frame(const sql::WindowSpecification& window, BoundFrame& frame);
  Result<const sql::WindowSpecification*> named_window(const sql::Identifier& name) const;
  BoundPtr property_column(WindowAggregateNode::Property property, Type type);

  Result<> bind_items();
  Result<> add_star(const sql::Expression& star);
  Result<> add_columns(const sql::SelectItem& item, const std::vector<int>& columns);
  Result<> bind_keys();
  Result<GroupWindow> group_window(const sql::Expression& call, std::string_view kind);
  Result<> bind_order(const sql::Query& query);

  // --- Planning.
  bool is_aggregation() const;
  Result<> aggregate();
  Result<> evaluate_over();
  Result<BoundPtr> after_aggregate(const BoundPtr& expression, sql::Position position);
  BoundPtr after_over(const BoundPtr& expression) const;
  Result<> settle(BoundPtr& expression, sql::Position position);
  Result<Relation> project(bool sorted);
  Result<Relation> distinct(std::vector<BoundPtr> expressions, std::vector<ScopeColumn> columns);

  QueryPlanner& planner_;
  const sql::Select& select_;
  Relation input_;                    // FROM and WHERE; then with aggregates, then with OVER
  std::vector<ScopeColumn> columns_;  // of FROM: what names mean
  Schema schema_;
  std::optional<ExpressionBinder> binder_;
  bool inside_aggregate_ = false;
  bool inside_over_ = false;
  bool allows_over_ = true;

  std::vector<Item> items_;
  BoundPtr having_;
  std::vector<BoundPtr> keys_;
  std::vector<std::string> key_names_;
  std::optional<GroupWindow> window_;
  std::vector<BoundAggregate> aggregates_;
  std::vector<WindowAggregateNode::Property> properties_;
  std::vector<OverCall> overs_;
  // ORDER BY: an item, or an expression of its own (behind the items).
  std::vector<size_t> order_;
  std::vector<Item> order_items_;

  std::optional<AggregateResult> aggregate_;
  std::vector<int> over_columns_;
};

}  // namespace millstream::analytics
