#include "auth/policy.h"

#include <algorithm>

namespace millstream {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

template <class Equal>
bool matches(std::string_view pattern, std::string_view text, Equal equal) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // of the last * seen
  size_t resume = 0;                     // where the text goes on behind it
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || equal(pattern[p], text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;  // the * takes one character more
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool applies_to_action(const PolicyPatterns& actions, std::string_view action) {
  return actions.is_negated !=
         std::ranges::any_of(actions.patterns, [action](const std::string& pattern) {
           return matches_wildcards_ignoring_case(pattern, action);
         });
}

bool applies_to_resource(const PolicyPatterns& resources, std::string_view resource) {
  return resources.is_negated !=
         std::ranges::any_of(resources.patterns, [resource](const std::string& pattern) {
           return matches_wildcards(pattern, resource);
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
      !applies_to_resource(statement.resources, request.resource)) {
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

bool matches_wildcards(std::string_view pattern, std::string_view text) {
  return matches(pattern, text, [](char a, char b) { return a == b; });
}

bool matches_wildcards_ignoring_case(std::string_view pattern, std::string_view text) {
  return matches(pattern, text, [](char a, char b) { return lower(a) == lower(b); });
}

bool matches_arn(std::string_view pattern, std::string_view arn) {
  constexpr int kParts = 6;
  for (int part = 1; part < kParts; ++part) {
    const size_t pattern_end = pattern.find(':');
    const size_t arn_end = arn.find(':');
    if (pattern_end == std::string_view::npos || arn_end == std::string_view::npos) return false;
    if (!matches_wildcards(pattern.substr(0, pattern_end), arn.substr(0, arn_end))) return false;
    pattern.remove_prefix(pattern_end + 1);
    arn.remove_prefix(arn_end + 1);
  }
  return matches_wildcards(pattern, arn);
}

PolicyEffect Policy::effect(const PolicyRequest& request) const {
  PolicyEffect strongest = PolicyEffect::kNone;
  for (const PolicyStatement& statement : statements) {
    strongest = std::max(strongest, effect_of(statement, request));
  }
  return strongest;
}

}  // namespace millstream
