#include "analytics/formats/format_options.h"

#include "analytics/formats/value_parser.h"

namespace millstream::analytics {

Result<bool> FormatOptions::flag(const std::string& name, bool otherwise) const {
  const auto found = table_.options.find(name);
  if (found == table_.options.end()) return otherwise;
  if (equals_ignoring_case(found->second, "true")) return true;
  if (equals_ignoring_case(found->second, "false")) return false;
  return fail(ErrorCode::kInvalidArgument,
              "Option '{}' of table {} is '{}'; it must be 'true' or 'false'.", name, table_.name,
              found->second);
}

Result<char> FormatOptions::character(const std::string& name, char otherwise) const {
  const auto found = table_.options.find(name);
  if (found == table_.options.end()) return otherwise;
  const std::string& text = found->second;
  if (text.size() == 1 && static_cast<signed char>(text[0]) >= 0) return text[0];
  if (text.size() == 2 && text[0] == '\\') {
    constexpr std::string_view kNames = "tnrbf\\'\"0";
    constexpr std::string_view kMeant("\t\n\r\b\f\\'\"\0", 9);
    if (const size_t at = kNames.find(text[1]); at != std::string_view::npos) return kMeant[at];
  }
  return fail(ErrorCode::kInvalidArgument,
              "Option '{}' of table {} is '{}'; it must be one ASCII character.", name, table_.name,
              text);
}

std::string FormatOptions::text(const std::string& name, std::string_view otherwise) const {
  const auto found = table_.options.find(name);
  return found == table_.options.end() ? std::string(otherwise) : found->second;
}

}  // namespace millstream::analytics
