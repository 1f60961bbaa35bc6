#include "server/sts.h"

#include "auth/access.h"
#include "auth/policy_key.h"
#include "wire/generated/sts.h"

namespace millstream::server {
namespace {

namespace sts = wire::sts;

std::string id_of(const Identity& identity) {
  return identity.user.empty() ? identity.account : user_id(identity.arn());
}

}  // namespace

void register_sts_operations(wire::OperationTable& table, const CredentialStore& credentials) {
  table.handle<sts::GetCallerIdentity>([&credentials](const wire::RequestContext& context,
                                                      const sts::GetCallerIdentityRequest&)
                                           -> awaitable<Result<sts::GetCallerIdentityResponse>> {
    const Credentials* key = credentials.snapshot().find(context.access_key);
    const auto identity = key && key->identity ? key->identity : account_identity(context.account);
    sts::GetCallerIdentityResponse out;
    out.user_id = id_of(*identity);
    out.account = identity->account;
    out.arn = identity->arn();
    co_return out;
  });
}

}  // namespace millstream::server
