// What the zero-copy codecs of puts take for regular values of members, narrower than the model:
// anything else is left to wire/, which knows AWS's rules and errors.
#pragma once

#include <cstddef>
#include <string_view>

namespace millstream::streams {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline bool is_stream_name(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text) {
    if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' &&
        c != '.' && c != '-') {
      return false;
    }
  }
  return true;
}

// arn:aws:kinesis:REGION:123456789012:stream/NAME, the usual spelling only.
inline bool is_stream_arn(std::string_view text) {
  constexpr std::string_view kStart = "arn:aws:kinesis:";
  if (!text.starts_with(kStart)) return false;
  text.remove_prefix(kStart.size());
  const size_t region_end = text.find(':');
  if (region_end == std::string_view::npos || !is_stream_name(text.substr(0, region_end))) {
    return false;
  }
  text.remove_prefix(region_end + 1);
  constexpr size_t kAccountDigits = 12;
  if (text.size() < kAccountDigits) return false;
  for (size_t i = 0; i < kAccountDigits; ++i) {
    if (!is_digit(text[i])) return false;
  }
  text.remove_prefix(kAccountDigits);
  constexpr std::string_view kStream = ":stream/";
  return text.starts_with(kStream) && is_stream_name(text.substr(kStream.size()));
}

inline bool is_decimal(std::string_view text, size_t max_digits) {
  if (text.empty() || text.size() > max_digits) return false;
  if (text[0] == '0') return text.size() == 1;
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return true;
}

}  // namespace millstream::streams
