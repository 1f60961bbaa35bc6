// Access control of a running server: who calls, against the policies of users and resources.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "auth/sigv4.h"
#include "base/env.h"
#include "base/http_message.h"
#include "wire/operation.h"

namespace millstream::server {

// The JSON of the policy that a resource has, by the ARN as the server writes it; nullptr: none.
// Threads: any.
using ResourcePolicies = std::function<std::shared_ptr<const std::string>(std::string_view arn)>;

// What the caller of `request` may do; nullptr where any credentials are accepted, as everybody
// could be anybody. It refers to `policies` only, which outlives it.
std::shared_ptr<const wire::AccessCheck> access_of(const Caller& caller, const HttpRequest& request,
                                                   TimeMs now, const ResourcePolicies& policies);

// kAccessDenied unless the caller is an administrator of this server: an identity without policies,
// or one that may millstream:Admin on *.
Result<> check_administrator(const Caller& caller, const HttpRequest& request, TimeMs now);

}  // namespace millstream::server
