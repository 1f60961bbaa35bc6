// Expressions of the syntax tree → bound expressions: names, types, functions, implicit casts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/functions/expression.h"
#include "analytics/plan/scope.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// Binds expressions over the columns of one relation.
//
// Threads: one. The columns and the schema outlive it.
// Errors:  kInvalidArgument at the place of the expression that is wrong (sql::error_at).
class ExpressionBinder {
 public:
  // Asked before anything else about every node of an expression: null means "not mine, bind it
  // as usual". Aggregates, OVER, group keys and sub-queries come in through this.
  using Hook = std::function<Result<BoundPtr>(const sql::Expression& expression)>;

  ExpressionBinder(const NameRules& rules, const std::vector<ScopeColumn>& columns,
                   const Schema& schema)
      : rules_(rules), columns_(columns), schema_(schema) {}

  void set_hook(Hook hook) { hook_ = std::move(hook); }
  // For the error of a sub-query or aggregate that no hook took: "in WHERE", "in a computed
  // column".
  void set_place(std::string_view place) { place_ = place; }

  Result<BoundPtr> bind(const sql::Expression& expression);
  // As BOOLEAN; the error names `clause` ("WHERE").
  Result<BoundPtr> bind_condition(const sql::Expression& expression, std::string_view clause);
  // As many bound as written.
  Result<std::vector<BoundPtr>> bind_all(const std::vector<sql::ExpressionPtr>& expressions);

  const NameRules& rules() const { return rules_; }
  const std::vector<ScopeColumn>& columns() const { return columns_; }
  const Schema& schema() const { return schema_; }

 private:
  Result<BoundPtr> bind_node(const sql::Expression& expression);
  Result<BoundPtr> bind_name(const sql::Expression& expression);
  Result<BoundPtr> bind_binary(const sql::Expression& expression);
  Result<BoundPtr> bind_logic(const sql::Expression& expression, BoundKind kind);
  Result<BoundPtr> bind_between(const sql::Expression& expression);
  Result<BoundPtr> bind_in(const sql::Expression& expression);
  Result<BoundPtr> bind_case(const sql::Expression& expression);
  Result<BoundPtr> bind_cast(const sql::Expression& expression);
  Result<BoundPtr> bind_call(const sql::Expression& expression);
  // JSON_VALUE, JSON_QUERY, JSON_EXISTS with their clauses.
  Result<BoundPtr> bind_json(const sql::Expression& expression, std::string_view name);
  Result<BoundPtr> bind_special(const sql::Expression& expression);
  // PROCTIME(), CURRENT_TIMESTAMP and kin: what is no row of the table of functions.
  Result<std::optional<BoundPtr>> bind_clock(const sql::Expression& expression,
                                             std::string_view name);
  Result<BoundPtr> negated_if(const sql::Expression& expression, bool negated, BoundPtr value);
  std::unexpected<Error> fail_at(const sql::Expression& expression, std::string_view message) const;
  Result<BoundPtr> resolve(const sql::Expression& expression, std::string_view function,
                           std::vector<BoundPtr> arguments);

  NameRules rules_;
  const std::vector<ScopeColumn>& columns_;
  const Schema& schema_;
  Hook hook_;
  std::string place_;
  int depth_ = 0;
};

// The text of an expression as written, blanks as they are, without comments' change.
std::string source_text(const NameRules& rules, const sql::Expression& expression);
std::unexpected<Error> error_at(const NameRules& rules, sql::Position position,
                                std::string_view message);
// An error of another part, put at its place in the script.
std::unexpected<Error> error_at(const NameRules& rules, sql::Position position, const Error& error);

// Numbers, strings, TRUE, NULL, DATE '…', TIME '…', TIMESTAMP '…'. Errors: malformed.
Result<BoundPtr> plain_literal(const NameRules& rules, const sql::Expression& expression);
// The literal of an INTERVAL '…' unit. Errors: malformed.
Result<BoundPtr> interval_literal(const NameRules& rules, const sql::Expression& expression);
// A constant expression of type INTERVAL … SECOND (or finer), in milliseconds; `what` for the
// error: "the size of the window".
Result<int64_t> constant_millis(const NameRules& rules, const sql::Expression& expression,
                                std::string_view what);
// A constant non-negative whole number.
Result<int64_t> constant_count(const NameRules& rules, const sql::Expression& expression,
                               std::string_view what);

// The column's name if nobody gave one: the last part of a name; else nothing (the select list
// then counts: EXPR$0).
std::optional<std::string> implied_name(const NameRules& rules, const sql::Expression& expression);

// bound_cast; literals become literals of the type where that changes no value.
BoundPtr implicit_cast(BoundPtr value, const Type& type);

// The function's name as the table of functions has it.
std::string function_name(const sql::QualifiedName& name);

// The terms of a AND b AND c.
std::vector<BoundPtr> conjuncts_of(const BoundPtr& condition);
// Null if there are none.
BoundPtr conjunction(std::vector<BoundPtr> conjuncts);
BoundPtr shifted(const BoundPtr& expression, int by);  // every column i becomes i + by

}  // namespace millstream::analytics
