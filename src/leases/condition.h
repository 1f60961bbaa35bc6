// Conditions on an item: parsed from expressions, built from the legacy parameters.
#pragma once

#include <memory>

#include "leases/expression.h"

namespace millstream::leases {

// A path into the item, a constant, or the size() of what a path leads to.
struct Operand {
  Path path;  // empty: a constant
  AttributeValue constant;
  bool size = false;
};

enum class Comparison : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };

struct Condition {
  enum class Kind : uint8_t {
    kAnd,  // of `children`; without any it is true
    kOr,
    kNot,
    kCompare,  // of `operands`, as the following
    kBetween,
    kIn,
    kExists,
    kNotExists,
    kType,
    kBeginsWith,
    kContains,
  };
  Kind kind = Kind::kAnd;
  Comparison comparison = Comparison::kEq;
  std::vector<Operand> operands;
  std::vector<Condition> children;
};

// `label` names the parameter in messages: "ConditionExpression".
Result<Condition> parse_condition(std::string_view label, std::string_view text,
                                  Placeholders& placeholders);
// An item that isn't there is an empty one.
bool holds(const Condition& condition, const Item& item);

// Top-level attributes that it looks at.
void collect_attributes(const Condition& condition, std::set<std::string>& names);

}  // namespace millstream::leases
