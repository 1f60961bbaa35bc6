// Items and their attributes: what is checked when one comes in, and how two compare.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "leases/number.h"
#include "wire/generated/dynamodb.h"

namespace millstream::leases {

using AttributeValue = wire::dynamodb::AttributeValue;
using Item = std::map<std::string, AttributeValue>;

// AWS limits (Developer Guide, "Quotas"): names and values of an item together, nested levels.
inline constexpr size_t kMaxItemBytes = size_t{400} << 10;
inline constexpr int kMaxDepth = 32;

enum class ValueType : uint8_t { kNone, kS, kN, kB, kSs, kNs, kBs, kM, kL, kNull, kBool };

ValueType type_of(const AttributeValue& value);  // kNone: no member or more than one is set
std::string_view type_name(ValueType type);      // "S", "BOOL", …

// Checks a value of a request and puts it into the form that is stored: plain numbers, sets
// sorted (their order means nothing). kValidation with DynamoDB's text.
Result<> normalize(AttributeValue& value);
Result<> normalize(Item& item);

// Bytes as they count towards the limit of an item.
size_t size_of(const AttributeValue& value);
size_t size_of(const Item& item);

// Both normalized. Values of different types are never equal and have no order.
bool equal(const AttributeValue& a, const AttributeValue& b);
// Below 0, 0, above 0 for two strings (by bytes), numbers or binaries; nothing for others.
std::optional<int> order(const AttributeValue& a, const AttributeValue& b);

// The bytes of a key's value; their order is that of the values. S, N or B.
std::string key_bytes(const AttributeValue& value);

AttributeValue number_value(const Number& number);

}  // namespace millstream::leases
