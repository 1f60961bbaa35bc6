// Policies from their JSON documents.
#pragma once

#include <cstddef>
#include <string_view>

#include "auth/policy.h"
#include "base/result.h"

namespace millstream {

enum class PolicyKind : uint8_t {
  kIdentity,  // of a user: no Principal
  kResource,  // of a stream or consumer: every statement has Principal or NotPrincipal
};

// AWS limit: 20 KB for a stream's policy (PutResourcePolicy); those of users are smaller there.
inline constexpr size_t kMaxPolicyBytes = 20 * 1024;

// Strict: what is not understood is refused, as leaving it out could allow more than was meant.
// Not supported: condition keys (which are variables, too) and operators other than those in
// policy_key.cc and policy_condition.cc. Variables count in documents of Version 2012-10-17, in
// Resource and in conditions on texts and ARNs.
// Errors: kInvalidArgument, saying which statement and why.
Result<Policy> parse_policy(std::string_view json, PolicyKind kind);

}  // namespace millstream
