#include "analytics/functions/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace millstream::analytics {
namespace {

template <class T>
void append_approximate(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  value = std::fabs(value);
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  if (value == 0) {
    out += "0.0";
    return;
  }
  // d.dddde[+-]xx: the shortest digits, rearranged below.
  std::array<char, 48> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  std::string_view shortest(text.data(), static_cast<size_t>(end.ptr - text.data()));
  const size_t mark = shortest.find('e');
  int exponent = 0;
  const char* exponent_text = shortest.data() + mark + 1;
  if (*exponent_text == '+') ++exponent_text;
  std::from_chars(exponent_text, shortest.data() + shortest.size(), exponent);
  std::string digits(1, shortest[0]);
  if (mark > 2) digits += shortest.substr(2, mark - 2);

  // Java: plain from 10^-3 to below 10^7.
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0) {
      out += "0.";
      out.append(static_cast<size_t>(-exponent - 1), '0');
      out += digits;
      return;
    }
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    out += digits.substr(0, whole);
    out += '.';
    out += digits.size() > whole ? digits.substr(whole) : "0";
    return;
  }
  out += digits[0];
  out += '.';
  out += digits.size() > 1 ? digits.substr(1) : "0";
  out += 'E';
  append_integer(out, exponent);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

void append_integer(std::string& out, int64_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end.ptr);
}

void append_double(std::string& out, double value) { append_approximate(out, value); }
void append_float(std::string& out, float value) { append_approximate(out, value); }

std::string_view trim_space(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t lowest, int64_t highest) {
  size_t i = 0;
  bool negative = false;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';
  if (i == text.size()) return std::nullopt;
  int64_t value = 0;  // negative: the least value has no positive counterpart
  for (; i < text.size() && text[i] != '.'; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
        __builtin_sub_overflow(value, int64_t{text[i] - '0'}, &value)) {
      return std::nullopt;
    }
  }
  for (++i; i < text.size(); ++i) {
    if (!is_digit(text[i])) return std::nullopt;
  }
  if (!negative && __builtin_sub_overflow(int64_t{0}, value, &value)) return std::nullopt;
  if (value < lowest || value > highest) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text) {
  text = trim_space(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return negative ? -HUGE_VAL : HUGE_VAL;
  if (text.empty() || (!is_digit(text[0]) && text[0] != '.')) return std::nullopt;
  if (const char last = lower(text.back()); last == 'd' || last == 'f') text.remove_suffix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    // Too large or too small; what stands before the exponent's sign tells which.
    const size_t mark = text.find_first_of("eE");
    const bool tiny =
        mark != std::string_view::npos && mark + 1 < text.size() && text[mark + 1] == '-';
    value = tiny || text.starts_with("0.") ? 0 : HUGE_VAL;
  } else if (code != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  std::string word;
  for (const char c : text) word += lower(c);
  if (word == "t" || word == "true" || word == "y" || word == "yes" || word == "1") return true;
  if (word == "f" || word == "false" || word == "n" || word == "no" || word == "0") return false;
  return std::nullopt;
}

}  // namespace millstream::analytics
