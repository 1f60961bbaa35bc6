// Small work on text: numbers, times, percent-encoding, suggestions. ASCII rules, no locale.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"

namespace millstream {

std::string to_lower(std::string_view text);
// The pieces between separators, empty ones too: n separators give n + 1 pieces, which point
// into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  // blanks, tabs and line ends at both sides

enum class Slash : uint8_t { kEncode, kKeep };
// RFC 3986: everything but the unreserved characters (letters, digits, -._~) becomes %XX.
std::string percent_encode(std::string_view text, Slash slash = Slash::kEncode);
// Nothing if a '%' is not followed by two hexadecimal digits. `plus_is_blank`: as in forms.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

// The whole of `text` as a decimal number of that type: no blanks, no '+', no overflow.
template <std::integral T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

// Times of ISO 8601, always in UTC.
std::string format_basic_time(TimeMs time);  // 20261124T100000Z (milliseconds are cut)
std::string format_basic_date(TimeMs time);  // 20261124
std::string format_time(TimeMs time);        // 2026-11-24T10:00:00Z, or …00.123Z if there are ms
std::optional<TimeMs> parse_basic_time(std::string_view text);
// "2026-11-24T10:00:00[.fff…](Z|+hh:mm|-hh:mm)"; digits after the third are cut.
std::optional<TimeMs> parse_time(std::string_view text);

// The number of characters inserted, removed or replaced to get from one to the other.
size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to a mistyped word, for "did you mean"; nothing if none is near.
std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::span<const std::string_view> candidates);

}  // namespace millstream
