// What policies can ask of a request: condition keys, which are variables too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/policy_request.h"

namespace millstream {

enum class ConditionKey : uint8_t {
  kSecureTransport,   // aws:SecureTransport
  kSourceIp,          // aws:SourceIp
  kCurrentTime,       // aws:CurrentTime
  kPrincipalArn,      // aws:PrincipalArn
  kPrincipalAccount,  // aws:PrincipalAccount
  kUserName,          // aws:username; absent when the account itself calls
  kUserId,            // aws:userid; of the account itself: its number
};

// By name, in any letter case; nothing: there is no such key.
std::optional<ConditionKey> find_condition_key(std::string_view name);
std::string_view name_of(ConditionKey key);
// All, with commas between.
std::string condition_key_names();

// The request's value as text; nothing: the request has none.
std::optional<std::string> value_of(ConditionKey key, const PolicyRequest& request);

// An IPv4 address in IPv6's clothes is the IPv4 address.
asio::ip::address unmapped(const asio::ip::address& address);

// What IAM's ids of users look like. The same for the same user, here and after a restart.
std::string user_id(std::string_view user_arn);

}  // namespace millstream
