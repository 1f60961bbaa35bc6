#include "auth/policy.h"

#include <algorithm>

namespace millstream {
namespace {

bool applies_to_action(const PolicyActions& actions, std::string_view action) {
  return actions.is_negated !=
         std::ranges::any_of(actions.patterns, [action](const std::string& pattern) {
           return matches_wildcards_ignoring_case(pattern, action);
         });
}

bool applies_to_resource(const PolicyResources& resources, const PolicyRequest& request) {
  return resources.is_negated !=
         std::ranges::any_of(resources.patterns, [&request](const PolicyPattern& pattern) {
           return pattern.is_like(request.resource, request);
         });
}

enum class PrincipalMatch : uint8_t { kNone, kAccount, kCaller };

PrincipalMatch match_principal(const PolicyPrincipals& principals, const PolicyRequest& request) {
  if (principals.anyone) return PrincipalMatch::kCaller;
  if (std::ranges::find(principals.arns, request.principal_arn) != principals.arns.end()) {
    return PrincipalMatch::kCaller;
  }
  if (std::ranges::find(principals.accounts, request.principal_account) !=
      principals.accounts.end()) {
    // The account itself needs nobody's leave but the resource's.
    return request.user.empty() ? PrincipalMatch::kCaller : PrincipalMatch::kAccount;
  }
  return PrincipalMatch::kNone;
}

PolicyEffect effect_of(const PolicyStatement& statement, const PolicyRequest& request) {
  if (!applies_to_action(statement.actions, request.action) ||
      !applies_to_resource(statement.resources, request)) {
    return PolicyEffect::kNone;
  }
  PolicyEffect allowing = PolicyEffect::kAllows;
  if (statement.principals) {
    const PrincipalMatch match = match_principal(*statement.principals, request);
    // NotPrincipal stands in denials only. It spares a user only if it names the user's account
    // as well as the user on AWS; here naming either is enough.
    if ((match == PrincipalMatch::kNone) != statement.principals->is_negated) {
      return PolicyEffect::kNone;
    }
    if (match == PrincipalMatch::kAccount) allowing = PolicyEffect::kAllowsAccount;
  }
  const bool holds = std::ranges::all_of(
      statement.conditions,
      [&request](const PolicyCondition& condition) { return condition.holds(request); });
  if (!holds) return PolicyEffect::kNone;
  return statement.allows ? allowing : PolicyEffect::kDenies;
}

}  // namespace

PolicyEffect Policy::effect(const PolicyRequest& request) const {
  PolicyEffect strongest = PolicyEffect::kNone;
  for (const PolicyStatement& statement : statements) {
    strongest = std::max(strongest, effect_of(statement, request));
  }
  return strongest;
}

}  // namespace millstream
