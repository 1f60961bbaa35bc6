// Policies in the language of AWS's IAM: what they say about one request.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. Policies come
// from JSON (policy_document.h); deciding with several of them is access.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_condition.h"
#include "auth/policy_pattern.h"
#include "auth/policy_request.h"

namespace millstream {

// What a policy says about a request. The values rise in strength: the strongest one counts.
enum class PolicyEffect : uint8_t {
  kNone,  // nothing: an implicit deny
  // A resource's policy that allows the caller's account, not the caller: the account's own
  // policies decide.
  kAllowsAccount,
  kAllows,
  kDenies,
};

// Patterns, or all that they don't match.
struct PolicyActions {
  std::vector<std::string> patterns;
  bool is_negated = false;  // NotAction
};
struct PolicyResources {
  std::vector<PolicyPattern> patterns;
  bool is_negated = false;  // NotResource
};

struct PolicyPrincipals {
  bool is_negated = false;  // NotPrincipal
  bool anyone = false;      // "*"
  std::vector<std::string> accounts;
  std::vector<std::string> arns;  // of users and roles, without wildcards
};

struct PolicyStatement {
  bool allows = false;
  PolicyActions actions;                       // letter case does not count
  PolicyResources resources;                   // letter case counts
  std::optional<PolicyPrincipals> principals;  // of resources' policies only
  std::vector<PolicyCondition> conditions;     // all must hold
};

// Threads: any; constant.
struct Policy {
  std::vector<PolicyStatement> statements;
  PolicyEffect effect(const PolicyRequest& request) const;
};

}  // namespace millstream
