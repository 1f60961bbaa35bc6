// Errors whose answers have more members than a message: DynamoDB's, which show the item that a
// condition refused or why a transaction was cancelled.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace millstream::wire {

// Between the message and the members. No text of ours has it, and only errors of fixed text
// carry members, so no caller can bring it in.
inline constexpr char kMembersFollow = '\x1e';

// `members`: a JSON object, or empty.
inline std::string with_members(std::string message, std::string_view members) {
  if (members.empty()) return message;
  message += kMembersFollow;
  message += members.substr(1, members.size() - 2);
  return message;
}

// The message, and the members without their braces.
inline std::pair<std::string_view, std::string_view> split_members(std::string_view message) {
  const size_t at = message.find(kMembersFollow);
  if (at == std::string_view::npos) return {message, {}};
  return {message.substr(0, at), message.substr(at + 1)};
}

}  // namespace millstream::wire
