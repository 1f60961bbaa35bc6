#include "server/access_part.h"

#include <optional>

#include "auth/access.h"
#include "auth/policy_document.h"
#include "wire/access.h"
#include "wire/arn.h"

namespace millstream::server {
namespace {

std::shared_ptr<const Identity> identity_of(const Caller& caller) {
  return caller.identity ? caller.identity : account_identity(caller.account);
}

class CallerAccess final : public wire::AccessCheck {
 public:
  CallerAccess(std::shared_ptr<const Identity> identity, const HttpRequest& request, TimeMs now,
               const ResourcePolicies& policies)
      : identity_(std::move(identity)),
        arn_(identity_->arn()),
        source_ip_(request.peer),
        tls_(request.tls),
        now_(now),
        policies_(policies) {}

  Result<> check(const wire::Operation& operation, std::string_view resource) const override {
    // "*", and what is no ARN, which the operation refuses: the caller's own business.
    std::string account = identity_->account;
    if (const auto arn = wire::parse_arn(resource)) account = arn->account;
    const std::string action = wire::action_of(operation);
    std::optional<Policy> of_resource;
    if (const auto json = policies_(resource)) {
      auto policy = parse_policy(*json, PolicyKind::kResource);
      if (policy) {
        of_resource = *std::move(policy);
      } else if (!operation.name.ends_with("ResourcePolicy")) {
        // Stored before this server checked it: nothing but its removal is safe.
        return fail(ErrorCode::kAccessDenied, "The resource policy of {} can't be applied: {}.",
                    resource, policy.error().message);
      }
    }
    return authorize(*identity_, request(action, resource), account,
                     of_resource ? &*of_resource : nullptr);
  }

  Result<> check_administrator() const {
    return authorize(*identity_, request(kAdminAction, "*"), identity_->account, nullptr);
  }

 private:
  PolicyRequest request(std::string_view action, std::string_view resource) const {
    return {.principal_arn = arn_,
            .principal_account = identity_->account,
            .user = identity_->user,
            .action = action,
            .resource = resource,
            .source_ip = source_ip_,
            .secure_transport = tls_,
            .now = now_};
  }

  std::shared_ptr<const Identity> identity_;
  std::string arn_;
  asio::ip::address source_ip_;
  bool tls_;
  TimeMs now_;
  const ResourcePolicies& policies_;
};

}  // namespace

std::shared_ptr<const wire::AccessCheck> access_of(const Caller& caller, const HttpRequest& request,
                                                   TimeMs now, const ResourcePolicies& policies) {
  if (!caller.is_verified) return nullptr;
  return std::make_shared<CallerAccess>(identity_of(caller), request, now, policies);
}

Result<> check_administrator(const Caller& caller, const HttpRequest& request, TimeMs now) {
  if (!caller.is_verified) return {};
  static const ResourcePolicies kNone;
  return CallerAccess(identity_of(caller), request, now, kNone).check_administrator();
}

}  // namespace millstream::server
