// The parameters from before expressions (KCL 1.x to 3.x renew leases with them).
#pragma once

#include "leases/condition.h"

namespace millstream::leases {

using Expected = std::map<std::string, wire::dynamodb::ExpectedAttributeValue>;
using AttributeUpdates = std::map<std::string, wire::dynamodb::AttributeValueUpdate>;
using Conditions = std::map<std::string, wire::dynamodb::Condition>;

// Expected: Value and Exists, or ComparisonOperator and AttributeValueList.
Result<Condition> condition_of(Expected expected,
                               const std::optional<std::string>& conditional_operator);
// ScanFilter, QueryFilter, KeyConditions.
Result<Condition> condition_of(Conditions conditions,
                               const std::optional<std::string>& conditional_operator);
// Checks and normalizes the values; kValidation for an action that its value doesn't allow.
Result<> check(AttributeUpdates& updates);
// PUT, ADD, DELETE. kValidation if an attribute has another type than its update needs.
Result<> apply(const AttributeUpdates& updates, Item& item);

// ADD: `old` (nullptr: none) plus a number, or with the elements of a set.
Result<AttributeValue> added(const AttributeValue* old, const AttributeValue& value);
// DELETE: a set without the elements of `value`; nothing if none remains.
Result<std::optional<AttributeValue>> without(const AttributeValue& old,
                                              const AttributeValue& value);

}  // namespace millstream::leases
