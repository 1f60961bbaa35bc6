// What values of options look like.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "analytics/plan/option_tables.h"
#include "analytics/plan/options.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

using Kind = OptionKind;

bool is_number(std::string_view value) {
  double number = 0;
  const char* end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, number);
  return result.ec == std::errc() && result.ptr == end;
}

// One character, or an escape for one ("\t").
bool is_character(std::string_view value) {
  return value.size() == 1 || value == "\\t" || value == "\\n" || value == "\\r" ||
         value == "\\\\" || (value.size() == 6 && value.starts_with("\\u"));
}
// What the value of such an option must be, if it isn't; "" if it is.
std::string problem_of(const Option& option, std::string_view value) {
  switch (option.kind) {
    case Kind::kText:
      return value.empty() ? "a text that is not empty" : "";
    case Kind::kBoolean:
      return is_choice(value, "true|false") ? "" : "true or false";
    case Kind::kCount: {
      const auto number = parse_integer<int64_t>(value);
      return number && *number >= 1 ? "" : "a whole number, at least 1";
    }
    case Kind::kInteger:
      return parse_integer<int64_t>(value) ? "" : "a whole number";
    case Kind::kNumber:
      return is_number(value) ? "" : "a number";
    case Kind::kDuration:
      return parse_duration_ms(value) ? "" : "a duration, as in '10 s', '5 min' or '500 ms'";
    case Kind::kSize:
      return parse_size_bytes(value) ? "" : "a size, as in '128 mb' or '1 gb'";
    case Kind::kChoice: {
      if (is_choice(value, option.choices)) return "";
      const auto choices = split(option.choices, '|');
      return choices.size() == 1 ? std::string(choices[0]) : "one of " + comma_separated(choices);
    }
    case Kind::kCharacter:
      return is_character(value) ? "" : "a single character";
    case Kind::kIgnored:
    case Kind::kNotYet:
      break;
  }
  return "";
}
struct Unit {
  std::string_view names;  // "s|sec|second"
  int64_t factor;
};
constexpr std::array kDurations = std::to_array<Unit>({
    {"d|day|days", 86'400'000},
    {"h|hour|hours", 3'600'000},
    {"m|min|minute|minutes", 60'000},
    {"s|sec|secs|second|seconds", 1'000},
    {"ms|milli|millis|millisecond|milliseconds|", 1},
});
constexpr std::array kSizes = std::to_array<Unit>({
    {"b|bytes|", 1},
    {"k|kb|kibibytes", int64_t{1} << 10},
    {"m|mb|mebibytes", int64_t{1} << 20},
    {"g|gb|gibibytes", int64_t{1} << 30},
    {"t|tb|tebibytes", int64_t{1} << 40},
});

std::optional<int64_t> parse_units(std::string_view text, std::span<const Unit> units) {
  text = trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer<int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string name = to_lower(trim(text.substr(digits)));
  for (const Unit& unit : units) {
    const auto names = split(unit.names, '|');
    if (std::ranges::find(names, name) == names.end()) continue;
    if (*number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

bool is_choice(std::string_view value, std::string_view choices) {
  const std::string wanted = to_lower(value);
  return std::ranges::any_of(split(choices, '|'),
                             [&](std::string_view choice) { return to_lower(choice) == wanted; });
}
std::string comma_separated(std::span<const std::string_view> words) {
  std::string text;
  for (std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}
Result<> check_value(const Option& option, std::string_view key, std::string_view value) {
  if (option.kind == Kind::kNotYet) {
    return fail(ErrorCode::kInvalidArgument, "option '{}' is not yet supported", key);
  }
  const std::string problem = problem_of(option, value);
  if (problem.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "Invalid value for option '{}': '{}' must be {}.", key,
              value, problem);
}
std::optional<int64_t> parse_duration_ms(std::string_view text) {
  return parse_units(text, kDurations);
}

std::optional<int64_t> parse_size_bytes(std::string_view text) { return parse_units(text, kSizes); }

}  // namespace millstream::analytics
