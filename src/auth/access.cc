#include "auth/access.h"

#include <algorithm>

namespace millstream {
namespace {

std::unexpected<Error> denied(const PolicyRequest& request, std::string_view why) {
  return fail(ErrorCode::kAccessDenied,
              "User: {} is not authorized to perform: {} on resource: {} {}", request.principal_arn,
              request.action, request.resource, why);
}

std::unexpected<Error> not_allowed(const PolicyRequest& request, std::string_view kind) {
  return denied(request,
                fmt::format("because no {} policy allows the {} action", kind, request.action));
}

PolicyEffect identity_effect(const Identity& identity, const PolicyRequest& request) {
  if (!identity.policies) return PolicyEffect::kAllows;
  PolicyEffect strongest = PolicyEffect::kNone;
  for (const Policy& policy : *identity.policies) {
    strongest = std::max(strongest, policy.effect(request));
  }
  return strongest;
}

}  // namespace

std::string Identity::arn() const {
  return user.empty() ? fmt::format("arn:aws:iam::{}:root", account)
                      : fmt::format("arn:aws:iam::{}:user/{}", account, user);
}

std::shared_ptr<const Identity> account_identity(std::string account) {
  auto identity = std::make_shared<Identity>();
  identity->account = std::move(account);
  return identity;
}

Result<> authorize(const Identity& identity, const PolicyRequest& request,
                   std::string_view resource_account, const Policy* resource_policy) {
  const PolicyEffect own = identity_effect(identity, request);
  if (own == PolicyEffect::kDenies) {
    return denied(request, "with an explicit deny in an identity-based policy");
  }
  const PolicyEffect of_resource =
      resource_policy ? resource_policy->effect(request) : PolicyEffect::kNone;
  if (of_resource == PolicyEffect::kDenies) {
    return denied(request, "with an explicit deny in a resource-based policy");
  }
  const bool own_allows = own == PolicyEffect::kAllows;
  if (resource_account == identity.account) {
    if (own_allows || of_resource == PolicyEffect::kAllows) return {};
    return not_allowed(request, "identity-based");
  }
  if (!own_allows) return not_allowed(request, "identity-based");
  if (of_resource == PolicyEffect::kNone) return not_allowed(request, "resource-based");
  return {};
}

}  // namespace millstream
