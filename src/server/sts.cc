#include "server/sts.h"

#include "auth/access.h"
#include "base/hash.h"
#include "wire/generated/sts.h"

namespace millstream::server {
namespace {

namespace sts = wire::sts;

// IAM's ids of users look so. The same for the same user, here and after a restart.
std::string user_id(const Identity& identity) {
  if (identity.user.empty()) return identity.account;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr size_t kLength = 17;
  const Sha256 hash = sha256(identity.arn());
  std::string id = "AIDA";
  for (size_t i = 0; i < kLength; ++i) {
    id += kDigits[static_cast<unsigned char>(hash[i]) % kDigits.size()];
  }
  return id;
}

}  // namespace

void register_sts_operations(wire::OperationTable& table, const CredentialStore& credentials) {
  table.handle<sts::GetCallerIdentity>([&credentials](const wire::RequestContext& context,
                                                      const sts::GetCallerIdentityRequest&)
                                           -> awaitable<Result<sts::GetCallerIdentityResponse>> {
    const Credentials* key = credentials.snapshot().find(context.access_key);
    const auto identity = key && key->identity ? key->identity : account_identity(context.account);
    sts::GetCallerIdentityResponse out;
    out.user_id = user_id(*identity);
    out.account = identity->account;
    out.arn = identity->arn();
    co_return out;
  });
}

}  // namespace millstream::server
