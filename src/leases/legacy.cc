#include "leases/legacy.h"

#include <algorithm>

namespace millstream::leases {
namespace {

using Kind = Condition::Kind;

Operand attribute(const std::string& name) { return {.path = {{name, {}}}, .constant = {}}; }
Operand constant(AttributeValue value) { return {.path = {}, .constant = std::move(value)}; }

struct LegacyOperator {
  std::string_view name;
  Kind kind;
  Comparison comparison;
  size_t min_values;
  size_t max_values;
  bool negated = false;
};
constexpr LegacyOperator kOperators[] = {
    {"EQ", Kind::kCompare, Comparison::kEq, 1, 1},
    {"NE", Kind::kCompare, Comparison::kNe, 1, 1},
    {"LT", Kind::kCompare, Comparison::kLt, 1, 1},
    {"LE", Kind::kCompare, Comparison::kLe, 1, 1},
    {"GT", Kind::kCompare, Comparison::kGt, 1, 1},
    {"GE", Kind::kCompare, Comparison::kGe, 1, 1},
    {"BETWEEN", Kind::kBetween, Comparison::kEq, 2, 2},
    {"IN", Kind::kIn, Comparison::kEq, 1, 100},
    {"NOT_NULL", Kind::kExists, Comparison::kEq, 0, 0},
    {"NULL", Kind::kNotExists, Comparison::kEq, 0, 0},
    {"BEGINS_WITH", Kind::kBeginsWith, Comparison::kEq, 1, 1},
    {"CONTAINS", Kind::kContains, Comparison::kEq, 1, 1},
    {"NOT_CONTAINS", Kind::kContains, Comparison::kEq, 1, 1, true},
};

Result<Condition> test_of(const std::string& name, std::string_view operator_name,
                          std::vector<AttributeValue> values) {
  const auto known = std::ranges::find(kOperators, operator_name, &LegacyOperator::name);
  if (known == std::end(kOperators) || values.size() < known->min_values ||
      values.size() > known->max_values) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: Invalid number of argument(s) for the "
                "{} ComparisonOperator",
                operator_name);
  }
  Condition condition;
  condition.kind = known->kind;
  condition.comparison = known->comparison;
  condition.operands.push_back(attribute(name));
  for (AttributeValue& value : values) {
    TRY(normalize(value));
    condition.operands.push_back(constant(std::move(value)));
  }
  if (!known->negated) return condition;
  Condition negated;
  negated.kind = Kind::kNot;
  negated.children.push_back(std::move(condition));
  return negated;
}

Condition joined(const std::optional<std::string>& conditional_operator, size_t count) {
  Condition all;
  // Without any test, OR too is true.
  all.kind = conditional_operator == "OR" && count > 0 ? Kind::kOr : Kind::kAnd;
  return all;
}

std::unexpected<Error> bad_expectation(std::string_view what, const std::string& name) {
  return fail(ErrorCode::kValidation,
              "One or more parameter values were invalid: {} for Attribute: {}", what, name);
}

Result<Condition> test_of(const std::string& name,
                          wire::dynamodb::ExpectedAttributeValue& expected) {
  if (expected.comparison_operator) {
    if (expected.exists) {
      return bad_expectation("Exists and ComparisonOperator cannot be used together", name);
    }
    std::vector<AttributeValue> values =
        std::move(expected.attribute_value_list).value_or(std::vector<AttributeValue>());
    if (expected.value) {
      if (!values.empty()) {
        return bad_expectation("Value and AttributeValueList cannot be used together", name);
      }
      values.push_back(*std::move(expected.value));
    }
    return test_of(name, *expected.comparison_operator, std::move(values));
  }
  if (expected.attribute_value_list) {
    return bad_expectation("AttributeValueList can only be used with a ComparisonOperator", name);
  }
  if (expected.exists.value_or(true)) {
    if (!expected.value) return bad_expectation("Value must be provided when Exists is true", name);
    return test_of(name, "EQ", {*std::move(expected.value)});
  }
  if (expected.value) {
    return bad_expectation("Value cannot be used when Exists is set to false", name);
  }
  return test_of(name, "NULL", {});
}

std::unexpected<Error> type_mismatch() {
  return fail(ErrorCode::kValidation, "Type mismatch for attribute to update");
}

std::optional<std::vector<std::string>>* set_of(AttributeValue& value) {
  if (value.ss) return &value.ss;
  if (value.ns) return &value.ns;
  return value.bs ? &value.bs : nullptr;
}

}  // namespace

Result<Condition> condition_of(Expected expected,
                               const std::optional<std::string>& conditional_operator) {
  Condition all = joined(conditional_operator, expected.size());
  for (auto& [name, test] : expected) {
    TRY_ASSIGN(Condition condition, test_of(name, test));
    all.children.push_back(std::move(condition));
  }
  return all;
}

Result<Condition> condition_of(Conditions conditions,
                               const std::optional<std::string>& conditional_operator) {
  Condition all = joined(conditional_operator, conditions.size());
  for (auto& [name, test] : conditions) {
    TRY_ASSIGN(
        Condition condition,
        test_of(name, test.comparison_operator,
                std::move(test.attribute_value_list).value_or(std::vector<AttributeValue>())));
    all.children.push_back(std::move(condition));
  }
  return all;
}

Result<> check(AttributeUpdates& updates) {
  for (auto& [name, update] : updates) {
    const std::string action = update.action.value_or("PUT");
    if (!update.value) {
      if (action == "DELETE") continue;
      return fail(ErrorCode::kValidation,
                  "One or more parameter values were invalid: Only DELETE action is allowed when "
                  "no attribute value is specified");
    }
    TRY(normalize(*update.value));
    const ValueType type = type_of(*update.value);
    const bool is_set = set_of(*update.value) != nullptr;
    const bool allowed = action == "PUT" || is_set ||
                         (action == "ADD" && (type == ValueType::kN || type == ValueType::kL));
    if (!allowed) {
      return fail(ErrorCode::kValidation,
                  "One or more parameter values were invalid: {} action is not supported for the "
                  "type {}",
                  action, type_name(type));
    }
  }
  return {};
}

Result<> apply(const AttributeUpdates& updates, Item& item) {
  for (const auto& [name, update] : updates) {
    const std::string action = update.action.value_or("PUT");
    const auto old = item.find(name);
    if (action == "PUT") {
      item[name] = *update.value;
    } else if (action == "ADD") {
      TRY_ASSIGN(AttributeValue sum,
                 added(old == item.end() ? nullptr : &old->second, *update.value));
      item[name] = std::move(sum);
    } else if (old != item.end()) {
      std::optional<AttributeValue> rest;
      if (update.value) {
        TRY_ASSIGN(rest, without(old->second, *update.value));
      }
      if (rest) {
        old->second = *std::move(rest);
      } else {
        item.erase(old);
      }
    }
  }
  return {};
}

Result<AttributeValue> added(const AttributeValue* old, const AttributeValue& value) {
  if (old == nullptr) return value;
  AttributeValue sum = *old;
  if (type_of(*old) != type_of(value)) return type_mismatch();
  if (value.n) {
    TRY_ASSIGN(const Number left, Number::parse(*old->n));
    TRY_ASSIGN(const Number right, Number::parse(*value.n));
    TRY_ASSIGN(const Number total, add(left, right));
    return number_value(total);
  }
  if (value.l) {
    sum.l->insert(sum.l->end(), value.l->begin(), value.l->end());
    return sum;
  }
  auto* set = set_of(sum);
  if (set == nullptr) return type_mismatch();
  AttributeValue more = value;
  (*set)->insert((*set)->end(), (*set_of(more))->begin(), (*set_of(more))->end());
  std::ranges::sort(**set);
  const auto repeated = std::ranges::unique(**set);
  (*set)->erase(repeated.begin(), repeated.end());
  return sum;
}

Result<std::optional<AttributeValue>> without(const AttributeValue& old,
                                              const AttributeValue& value) {
  std::optional<AttributeValue> rest = old;
  auto* set = set_of(*rest);
  if (set == nullptr || type_of(old) != type_of(value)) return type_mismatch();
  AttributeValue less = value;
  const auto& gone = **set_of(less);
  std::erase_if(
      **set, [&](const auto& element) { return std::ranges::find(gone, element) != gone.end(); });
  if ((*set)->empty()) rest.reset();
  return rest;
}

}  // namespace millstream::leases
