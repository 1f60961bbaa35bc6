// One line of a statement's Condition: an operator, a key of the request, values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_pattern.h"
#include "base/result.h"

namespace millstream {

enum class ConditionTest : uint8_t {
  kEquals,
  kEqualsIgnoringCase,
  kLike,
  kArn,
  kBool,
  kIpAddress,
  kDateEquals,
  kDateBefore,
  kDateUpTo,
  kDateAfter,
  kDateFrom,
  kNull,
};

// A block of addresses: all that share the first `prefix` bits.
struct AddressBlock {
  asio::ip::address address;
  unsigned prefix = 0;
};

struct PolicyCondition {
  ConditionTest test = ConditionTest::kEquals;
  bool is_negated = false;  // StringNotEquals, NotIpAddress, …: none of the values
  bool if_exists = false;   // …IfExists: holds where the key is absent
  ConditionKey key = ConditionKey::kPrincipalArn;
  std::vector<PolicyPattern> values;  // the tests of text; Bool and Null: "true", "false"
  std::vector<AddressBlock> blocks;   // kIpAddress
  std::vector<TimeMs> times;          // the tests of dates

  bool holds(const PolicyRequest& request) const;
};

// `operation` as "StringLikeIfExists", `key` as "aws:SourceIp" in any letter case.
// Errors: kInvalidArgument for operators and keys that are not here, for an operator that does not
// fit the key, and for values that are none of its kind. `variables`: the values of tests of text
// may have some.
Result<PolicyCondition> make_condition(std::string_view operation, std::string_view key,
                                       const std::vector<std::string>& values,
                                       bool variables = true);

}  // namespace millstream
