// Whether an identity may do something: IAM's rules over the policies of both sides.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy.h"
#include "base/result.h"

namespace millstream {

// Whom an access key stands for. Constant.
struct Identity {
  std::string account;  // 12 digits
  std::string user;     // empty: the account itself
  // None: everything in its own account is allowed, the administration too.
  std::optional<std::vector<Policy>> policies;

  std::string arn() const;  // arn:aws:iam::ACCOUNT:user/NAME, or …:root
};

// The account itself, with everything allowed: what a key without a user is.
std::shared_ptr<const Identity> account_identity(std::string account);

inline constexpr std::string_view kAdminAction = "millstream:Admin";

// Explicit denials first. Then in the identity's own account one allowing policy is enough, of the
// identity or of the resource; in another account it takes both, and for an identity without
// policies the resource's. `resource_policy`: nullptr if the resource has none. `request` names the
// identity.
//
// Threads: any. Errors: kAccessDenied with AWS's text.
Result<> authorize(const Identity& identity, const PolicyRequest& request,
                   std::string_view resource_account, const Policy* resource_policy);

}  // namespace millstream
