#include "auth/policy_key.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "base/hash.h"
#include "base/text.h"

namespace millstream {
namespace {

struct Key {
  std::string_view name;
  ConditionKey key;
};
constexpr Key kKeys[] = {
    {"aws:SecureTransport", ConditionKey::kSecureTransport},
    {"aws:SourceIp", ConditionKey::kSourceIp},
    {"aws:CurrentTime", ConditionKey::kCurrentTime},
    {"aws:PrincipalArn", ConditionKey::kPrincipalArn},
    {"aws:PrincipalAccount", ConditionKey::kPrincipalAccount},
    {"aws:username", ConditionKey::kUserName},
    {"aws:userid", ConditionKey::kUserId},
};

}  // namespace

std::optional<ConditionKey> find_condition_key(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kKeys, [name](const Key& known) { return to_lower(known.name) == to_lower(name); });
  if (found == std::end(kKeys)) return std::nullopt;
  return found->key;
}

std::string_view name_of(ConditionKey key) {
  return std::ranges::find(kKeys, key, &Key::key)->name;
}

std::string condition_key_names() {
  std::vector<std::string_view> names;
  for (const Key& known : kKeys) names.push_back(known.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<std::string> value_of(ConditionKey key, const PolicyRequest& request) {
  switch (key) {
    case ConditionKey::kSecureTransport:
      return request.secure_transport ? "true" : "false";
    case ConditionKey::kSourceIp:
      return unmapped(request.source_ip).to_string();
    case ConditionKey::kCurrentTime:
      return format_time(request.now);
    case ConditionKey::kPrincipalArn:
      return std::string(request.principal_arn);
    case ConditionKey::kPrincipalAccount:
      return std::string(request.principal_account);
    case ConditionKey::kUserName:
      if (request.user.empty()) return std::nullopt;
      return std::string(request.user);
    case ConditionKey::kUserId:
      return request.user.empty() ? std::string(request.principal_account)
                                  : user_id(request.principal_arn);
  }
  return std::nullopt;
}

asio::ip::address unmapped(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::string user_id(std::string_view user_arn) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr size_t kLength = 17;
  const Sha256 hash = sha256(user_arn);
  std::string id = "AIDA";
  for (size_t i = 0; i < kLength; ++i) {
    id += kDigits[static_cast<unsigned char>(hash[i]) % kDigits.size()];
  }
  return id;
}

}  // namespace millstream
