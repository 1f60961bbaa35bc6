#include "analytics/plan/expression_binder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/sql/parser.h"
#include "analytics/sql/unparse.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;

// Views upon views have no such trees; the parser's are at most sql::kMaxTreeHeight high.
constexpr int kMaxBindDepth = 2 * static_cast<int>(sql::kMaxTreeHeight);

BoundPtr logic(BoundKind kind, std::vector<BoundPtr> arguments) {
  auto result = std::make_shared<BoundExpression>();
  result->kind = kind;
  result->type = make_type(TypeKind::kBoolean, false);
  for (const BoundPtr& argument : arguments) result->type.nullable |= argument->type.nullable;
  result->arguments = std::move(arguments);
  return result;
}

// a AND (b AND c): the terms, in order.
void flatten(const sql::Expression& expression, std::string_view word,
             std::vector<const sql::Expression*>& terms) {
  if (expression.kind == Kind::kBinary && expression.text == word) {
    for (const sql::ExpressionPtr& argument : expression.arguments) {
      flatten(*argument, word, terms);
    }
  } else {
    terms.push_back(&expression);
  }
}

BoundPtr with_text(const BoundPtr& value, std::string text) {
  if (value->kind == BoundKind::kColumn || !value->text.empty()) return value;
  auto copy = std::make_shared<BoundExpression>(*value);
  copy->text = std::move(text);
  return copy;
}

std::string untimed_text(Type type) {
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  return type_text(type);
}

}  // namespace

std::unexpected<Error> ExpressionBinder::fail_at(const sql::Expression& expression,
                                                 std::string_view message) const {
  return error_at(rules_, expression.position, message);
}

Result<BoundPtr> ExpressionBinder::bind(const sql::Expression& expression) {
  if (depth_ >= kMaxBindDepth) return fail_at(expression, "the expression is nested too deeply");
  ++depth_;
  auto result = bind_node(expression);
  --depth_;
  if (!result || depth_ > 0) return result;
  return with_text(*result, source_text(rules_, expression));
}

Result<BoundPtr> ExpressionBinder::bind_condition(const sql::Expression& expression,
                                                  std::string_view clause) {
  TRY_ASSIGN(BoundPtr condition, bind(expression));
  if (condition->type.kind == TypeKind::kBoolean) return condition;
  if (condition->type.kind == TypeKind::kNull) {
    return implicit_cast(std::move(condition), make_type(TypeKind::kBoolean));
  }
  return fail_at(expression, fmt::format("{} clause must be a condition, but this is {}", clause,
                                         untimed_text(condition->type)));
}

Result<std::vector<BoundPtr>> ExpressionBinder::bind_all(
    const std::vector<sql::ExpressionPtr>& expressions) {
  std::vector<BoundPtr> all;
  for (const sql::ExpressionPtr& expression : expressions) {
    TRY_ASSIGN(all.emplace_back(), bind(*expression));
  }
  return all;
}

Result<BoundPtr> ExpressionBinder::bind_node(const sql::Expression& expression) {
  if (hook_) {
    TRY_ASSIGN(BoundPtr answer, hook_(expression));
    if (answer != nullptr) return answer;
  }
  switch (expression.kind) {
    case Kind::kNull:
    case Kind::kBoolean:
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp:
      return plain_literal(rules_, expression);
    case Kind::kInterval:
      return interval_literal(rules_, expression);
    case Kind::kName:
      return bind_name(expression);
    case Kind::kBinary:
      return bind_binary(expression);
    case Kind::kBetween:
      return bind_between(expression);
    case Kind::kIn:
      return bind_in(expression);
    case Kind::kCase:
      return bind_case(expression);
    case Kind::kCast:
      return bind_cast(expression);
    case Kind::kCall:
      return bind_call(expression);
    default:
      return bind_special(expression);
  }
}

Result<BoundPtr> ExpressionBinder::bind_name(const sql::Expression& expression) {
  TRY_ASSIGN(const int column, resolve_column(columns_, expression.name, rules_));
  return bound_column(column, schema_[static_cast<size_t>(column)]);
}

Result<BoundPtr> ExpressionBinder::bind_binary(const sql::Expression& expression) {
  if (expression.text == "AND") return bind_logic(expression, BoundKind::kAnd);
  if (expression.text == "OR") return bind_logic(expression, BoundKind::kOr);
  TRY_ASSIGN(std::vector<BoundPtr> sides, bind_all(expression.arguments));
  return resolve(expression, expression.text, std::move(sides));
}

Result<BoundPtr> ExpressionBinder::bind_logic(const sql::Expression& expression, BoundKind kind) {
  std::vector<const sql::Expression*> terms;
  flatten(expression, expression.text, terms);
  std::vector<BoundPtr> bound;
  for (const sql::Expression* term : terms) {
    TRY_ASSIGN(BoundPtr value, bind(*term));
    if (value->type.kind == TypeKind::kNull) {
      value = implicit_cast(std::move(value), make_type(TypeKind::kBoolean));
    }
    if (value->type.kind != TypeKind::kBoolean) {
      return fail_at(*term, fmt::format("{} takes conditions, but this is {}", expression.text,
                                        untimed_text(value->type)));
    }
    bound.push_back(std::move(value));
  }
  return logic(kind, std::move(bound));
}

Result<BoundPtr> ExpressionBinder::negated_if(const sql::Expression& expression, bool negated,
                                              BoundPtr value) {
  if (!negated) return value;
  return resolve(expression, "NOT", {std::move(value)});
}

Result<BoundPtr> ExpressionBinder::bind_between(const sql::Expression& expression) {
  TRY_ASSIGN(const std::vector<BoundPtr> bound, bind_all(expression.arguments));
  const auto within = [&](const BoundPtr& low, const BoundPtr& high) -> Result<BoundPtr> {
    TRY_ASSIGN(BoundPtr above, resolve(expression, ">=", {bound[0], low}));
    TRY_ASSIGN(BoundPtr below, resolve(expression, "<=", {bound[0], high}));
    return logic(BoundKind::kAnd, {std::move(above), std::move(below)});
  };
  TRY_ASSIGN(BoundPtr result, within(bound[1], bound[2]));
  if (expression.text == "SYMMETRIC") {
    TRY_ASSIGN(BoundPtr other, within(bound[2], bound[1]));
    result = logic(BoundKind::kOr, {std::move(result), std::move(other)});
  }
  return negated_if(expression, expression.negated, std::move(result));
}

Result<BoundPtr> ExpressionBinder::bind_in(const sql::Expression& expression) {
  if (expression.query != nullptr) {
    return fail_at(expression, fmt::format("IN with a query {} is not yet supported: in WHERE it "
                                           "may stand by itself or between ANDs",
                                           place_.empty() ? "here" : place_));
  }
  for (const sql::ExpressionPtr& argument : expression.arguments) {
    if (argument->kind == Kind::kRow) {
      return fail_at(*argument,
                     "IN with several columns is not yet supported: write a = 1 AND b = "
                     "2 OR …");
    }
  }
  TRY_ASSIGN(std::vector<BoundPtr> bound, bind_all(expression.arguments));
  TRY_ASSIGN(BoundPtr result,
             resolve(expression, bound.size() == 2 ? "=" : "IN", std::move(bound)));
  return negated_if(expression, expression.negated, std::move(result));
}

Result<BoundPtr> ExpressionBinder::bind_case(const sql::Expression& expression) {
  TRY_ASSIGN(const std::vector<BoundPtr> bound, bind_all(expression.arguments));
  size_t at = 0;
  const BoundPtr operand = expression.has_operand ? bound[at++] : nullptr;
  const size_t pairs_end = bound.size() - (expression.has_else ? 1 : 0);
  std::vector<BoundPtr> arguments;
  std::vector<Type> types;
  for (; at + 1 < pairs_end; at += 2) {
    BoundPtr condition = bound[at];
    if (operand != nullptr) {
      TRY_ASSIGN(condition, resolve(*expression.arguments[at], "=", {operand, bound[at]}));
    } else if (condition->type.kind == TypeKind::kNull) {
      condition = implicit_cast(std::move(condition), make_type(TypeKind::kBoolean));
    } else if (condition->type.kind != TypeKind::kBoolean) {
      return fail_at(
          *expression.arguments[at],
          fmt::format("WHEN takes a condition, but this is {}", untimed_text(condition->type)));
    }
    arguments.push_back(std::move(condition));
    arguments.push_back(bound[at + 1]);
    types.push_back(bound[at + 1]->type);
  }
  arguments.push_back(expression.has_else
                          ? bound.back()
                          : bound_literal(std::monostate(), make_type(TypeKind::kNull)));
  types.push_back(arguments.back()->type);
  auto type = common_type(types, rules_.dialect);
  if (!type) return error_at(rules_, expression.position, type.error());
  type->time = TimeAttribute::kNone;
  for (size_t i = 1; i < arguments.size(); i += 2)
    arguments[i] = implicit_cast(arguments[i], *type);
  arguments.back() = implicit_cast(arguments.back(), *type);
  auto result = std::make_shared<BoundExpression>();
  result->kind = BoundKind::kCase;
  result->type = *std::move(type);
  result->arguments = std::move(arguments);
  return result;
}

Result<BoundPtr> ExpressionBinder::resolve(const sql::Expression& expression,
                                           std::string_view function,
                                           std::vector<BoundPtr> arguments) {
  auto call = resolve_function(function, rules_.dialect, arguments);
  if (!call) return error_at(rules_, expression.position, call.error());
  MS_ASSERT(call->argument_types.size() == arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    arguments[i] = implicit_cast(std::move(arguments[i]), call->argument_types[i]);
  }
  // What is computed of a time attribute is a time like others.
  call->type.time = TimeAttribute::kNone;
  return bound_call(*call->function, std::move(arguments), std::move(call->type));
}

std::string source_text(const NameRules& rules, const sql::Expression& expression) {
  return sql::expression_source(expression, rules.script);
}

std::unexpected<Error> error_at(const NameRules& rules, sql::Position position,
                                std::string_view message) {
  return std::unexpected(sql::error_at(rules.script, position, message));
}

std::unexpected<Error> error_at(const NameRules& rules, sql::Position position,
                                const Error& error) {
  Error placed = sql::error_at(rules.script, position, error.message);
  placed.code = error.code;
  return std::unexpected(std::move(placed));
}

std::optional<std::string> implied_name(const NameRules& rules, const sql::Expression& expression) {
  if (expression.kind != Kind::kName || expression.name.empty()) return std::nullopt;
  return rules.name(expression.name.back());
}

std::vector<BoundPtr> conjuncts_of(const BoundPtr& condition) {
  if (condition == nullptr) return {};
  if (condition->kind != BoundKind::kAnd) return {condition};
  std::vector<BoundPtr> terms;
  for (const BoundPtr& argument : condition->arguments) {
    for (BoundPtr& term : conjuncts_of(argument)) terms.push_back(std::move(term));
  }
  return terms;
}

BoundPtr conjunction(std::vector<BoundPtr> conjuncts) {
  if (conjuncts.empty()) return nullptr;
  if (conjuncts.size() == 1) return std::move(conjuncts[0]);
  return logic(BoundKind::kAnd, std::move(conjuncts));
}

BoundPtr shifted(const BoundPtr& expression, int by) {
  if (by == 0) return expression;
  const std::vector<int> columns = columns_of(*expression);
  if (columns.empty()) return expression;
  std::vector<int> map(static_cast<size_t>(columns.back()) + 1);
  for (size_t i = 0; i < map.size(); ++i) map[i] = static_cast<int>(i) + by;
  return remap(expression, map);
}

}  // namespace millstream::analytics
