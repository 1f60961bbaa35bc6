#include "server/config_values.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace millstream {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
// From the largest: format_size() takes the first that divides.
constexpr Unit kBinaryUnits[] = {{"TiB", uint64_t{1} << 40},
                                 {"GiB", uint64_t{1} << 30},
                                 {"MiB", uint64_t{1} << 20},
                                 {"KiB", uint64_t{1} << 10}};
constexpr Unit kSizeUnits[] = {{"", 1},
                               {"B", 1},
                               {"KB", 1'000},
                               {"MB", 1'000'000},
                               {"GB", 1'000'000'000},
                               {"TB", 1'000'000'000'000},
                               {"KiB", uint64_t{1} << 10},
                               {"MiB", uint64_t{1} << 20},
                               {"GiB", uint64_t{1} << 30},
                               {"TiB", uint64_t{1} << 40}};
constexpr Unit kDurationUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

// A whole number and its unit.
std::optional<uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  text = trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer<uint64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view name = trim(text.substr(digits));
  for (const Unit& unit : units) {
    if (to_lower(name) != to_lower(unit.name)) continue;
    if (*number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / unit.factor) {
      return std::nullopt;
    }
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse_with_unit(text, kSizeUnits);
  if (!bytes) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is no size; write a whole number with a unit, such as 64MiB or 1GiB", text);
  }
  return *bytes;
}

std::string format_size(uint64_t bytes) {
  for (const Unit& unit : kBinaryUnits) {
    if (bytes != 0 && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (trim(text) == "0") return std::chrono::milliseconds(0);
  const auto ms = parse_with_unit(text, kDurationUnits);
  if (!ms) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is no duration; write a whole number with a unit, such as 250ms, 30s, 5m or "
                "2h",
                text);
  }
  return std::chrono::milliseconds(static_cast<int64_t>(*ms));
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = static_cast<uint64_t>(duration.count());
  for (const Unit& unit : kDurationUnits) {
    if (ms != 0 && ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.name);
  }
  return "0";
}

Result<bool> parse_switch(std::string_view text) {
  const std::string word = to_lower(trim(text));
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return fail(ErrorCode::kInvalidArgument, "'{}' is neither true nor false", text);
}

Result<int64_t> parse_count(std::string_view text, int64_t min, int64_t max) {
  const auto number = parse_integer<int64_t>(trim(text));
  if (!number || *number < min || *number > max) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is no whole number from {} to {}", text, min,
                max);
  }
  return *number;
}

Result<Fields> parse_fields(std::string_view text) {
  Fields fields;
  for (std::string_view piece : split(text, ',')) {
    const size_t equals = piece.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not of the form name=value,name=value",
                  text);
    }
    fields.emplace_back(trim(piece.substr(0, equals)), trim(piece.substr(equals + 1)));
  }
  return fields;
}

std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string_view>& known) {
  if (const auto near = nearest_word(name, known)) {
    return fmt::format("unknown {} '{}'; did you mean '{}'?", what, name, *near);
  }
  return fmt::format("unknown {} '{}'; known are: {}", what, name, fmt::join(known, ", "));
}

}  // namespace millstream
