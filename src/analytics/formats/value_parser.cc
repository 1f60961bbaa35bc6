#include "analytics/formats/value_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <simdjson.h>

#include "base/base64.h"

namespace millstream::analytics {
namespace {

constexpr int32_t kMaxExponent = 100'000;
constexpr int kMaxExactDigits = 19;  // 10^19 - 1 < 2^64

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits at `p`, added to the number's.
const char* take_digits(const char* p, const char* end, NumberParts& parts, int& significant) {
  uint64_t digits = parts.digits;
  int count = significant;
  for (; p != end && is_digit(*p); ++p) {
    const auto digit = static_cast<uint64_t>(*p - '0');
    count += (count > 0 || digit != 0) ? 1 : 0;
    if (count > kMaxExactDigits) {
      parts.exact = false;
    } else {
      digits = digits * 10 + digit;
    }
  }
  parts.digits = digits;
  significant = count;
  return p;
}

// The exponent after 'e', or nullptr if there are no digits.
const char* take_exponent(const char* p, const char* end, int32_t& exponent) {
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  if (p == end || !is_digit(*p)) return nullptr;
  int32_t value = 0;
  for (; p != end && is_digit(*p); ++p) {
    if (value < kMaxExponent) value = value * 10 + (*p - '0');
  }
  value = std::min(value, kMaxExponent);
  exponent += negative ? -value : value;
  return p;
}

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int32_t kMaxExactPower = 22;

Decimal power_of_ten(int32_t exponent) {
  Decimal value = 1;
  for (int32_t i = 0; i < exponent; ++i) value *= 10;
  return value;
}

// The digits of a number with more than 19 of them, scaled; only what DECIMAL(38) needs.
struct LongDigits {
  std::string digits;  // no leading zeroes
  int64_t exponent = 0;
};

LongDigits long_digits(const NumberParts& number) {
  LongDigits result;
  result.exponent = number.exponent;
  // number.exponent already counts the digits behind the point.
  for (const char c : number.text) {
    if (c == 'e' || c == 'E') break;
    if (is_digit(c) && (c != '0' || !result.digits.empty())) result.digits += c;
  }
  return result;
}

Parsed long_to_decimal(const NumberParts& number, int32_t precision, int32_t scale, DecimalFit fit,
                       Decimal& value) {
  LongDigits parts = long_digits(number);
  const Parsed too_large = fit == DecimalFit::kRound ? Parsed::kNull : Parsed::kError;
  // Digits that stand before the last one of the scale.
  const int64_t kept = static_cast<int64_t>(parts.digits.size()) + parts.exponent + scale;
  if (kept > precision) return too_large;
  bool round_up = false;
  if (kept < static_cast<int64_t>(parts.digits.size())) {
    const std::string_view rest =
        std::string_view(parts.digits).substr(static_cast<size_t>(std::max<int64_t>(kept, 0)));
    if (fit == DecimalFit::kExact && rest.find_first_not_of('0') != std::string_view::npos) {
      return Parsed::kError;
    }
    round_up = kept >= 0 && rest.front() >= '5';
    parts.digits.resize(static_cast<size_t>(std::max<int64_t>(kept, 0)));
  } else {
    parts.digits.append(static_cast<size_t>(kept) - parts.digits.size(), '0');
  }
  Decimal result = 0;
  for (const char c : parts.digits) result = result * 10 + (c - '0');
  if (round_up) ++result;
  if (result >= power_of_ten(precision)) return too_large;
  value = number.negative ? -result : result;
  return Parsed::kValue;
}

}  // namespace

bool scan_json_number(std::string_view text, NumberParts& parts) {
  const char* p = text.data();
  const char* const end = p + text.size();
  parts = {};
  if (p != end && *p == '-') {
    parts.negative = true;
    ++p;
  }
  if (p == end || !is_digit(*p)) return false;
  int significant = 0;
  if (*p == '0') {
    ++p;
    if (p != end && is_digit(*p)) return false;
  } else {
    p = take_digits(p, end, parts, significant);
  }
  if (p != end && *p == '.') {
    parts.integral = false;
    const char* const from = ++p;
    p = take_digits(p, end, parts, significant);
    if (p == from) return false;
    parts.exponent = -static_cast<int32_t>(std::min<ptrdiff_t>(p - from, kMaxExponent));
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    parts.integral = false;
    p = take_exponent(p + 1, end, parts.exponent);
    if (p == nullptr) return false;
  }
  parts.text = text.substr(0, static_cast<size_t>(p - text.data()));
  return true;
}

bool scan_java_number(std::string_view text, NumberParts& parts) {
  const char* p = text.data();
  const char* const end = p + text.size();
  parts = {};
  if (p != end && (*p == '-' || *p == '+')) parts.negative = *p++ == '-';
  int significant = 0;
  const char* const whole = p;
  p = take_digits(p, end, parts, significant);
  ptrdiff_t count = p - whole;
  if (p != end && *p == '.') {
    parts.integral = false;
    const char* const from = ++p;
    p = take_digits(p, end, parts, significant);
    parts.exponent = -static_cast<int32_t>(std::min<ptrdiff_t>(p - from, kMaxExponent));
    count += p - from;
  }
  if (count == 0) return false;
  if (p != end && (*p == 'e' || *p == 'E')) {
    parts.integral = false;
    p = take_exponent(p + 1, end, parts.exponent);
    if (p == nullptr) return false;
  }
  parts.text = text;
  return p == end;
}

double to_double(const NumberParts& number, bool single) {
  constexpr uint64_t kExactDigits = uint64_t{1} << 53;
  if (!single && number.exact && number.digits <= kExactDigits &&
      std::abs(number.exponent) <= kMaxExactPower) {
    // Both factors are exact, so one rounding remains: the right one.
    auto value = static_cast<double>(number.digits);
    value = number.exponent < 0 ? value / kPowersOfTen[-number.exponent]
                                : value * kPowersOfTen[number.exponent];
    return number.negative ? -value : value;
  }
  std::string_view text = number.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  double value = 0;
  std::from_chars_result result{};
  if (single) {
    float narrow = 0;
    result = std::from_chars(text.data(), end, narrow);
    value = narrow;
  } else {
    result = std::from_chars(text.data(), end, value);
  }
  if (result.ec == std::errc::result_out_of_range) {
    // from_chars leaves the value alone: tell overflow from underflow by the magnitude.
    const LongDigits parts = long_digits(number);
    const int64_t magnitude = static_cast<int64_t>(parts.digits.size()) + parts.exponent;
    value = magnitude > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return number.negative ? -value : value;
  }
  return value;
}

Parsed to_decimal(const NumberParts& number, int32_t precision, int32_t scale, DecimalFit fit,
                  Decimal& value) {
  const int32_t shift = number.exponent + scale;
  // 19 digits and up to 19 zeroes stay below 2^127.
  if (!number.exact || shift > kMaxExactDigits) {
    return long_to_decimal(number, precision, scale, fit, value);
  }
  auto digits = static_cast<Decimal>(number.digits);
  if (shift >= 0) {
    digits *= power_of_ten(shift);
  } else if (shift < -kMaxExactDigits - 1) {
    if (fit == DecimalFit::kExact && digits != 0) return Parsed::kError;
    digits = 0;
  } else {
    const Decimal divisor = power_of_ten(-shift);
    const Decimal rest = digits % divisor;
    if (fit == DecimalFit::kExact && rest != 0) return Parsed::kError;
    digits = digits / divisor + (rest * 2 >= divisor ? 1 : 0);
  }
  if (digits >= power_of_ten(precision)) {
    return fit == DecimalFit::kRound ? Parsed::kNull : Parsed::kError;
  }
  value = number.negative ? -digits : digits;
  return Parsed::kValue;
}

bool parse_java_long(std::string_view text, int64_t& value) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

bool parse_java_double(std::string_view text, bool single, double& value) {
  std::string_view magnitude = text;
  if (magnitude.starts_with('-') || magnitude.starts_with('+')) magnitude.remove_prefix(1);
  if (magnitude == "NaN" || magnitude == "Infinity") {
    value = magnitude == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                               : std::numeric_limits<double>::infinity();
    if (text.starts_with('-')) value = -value;
    return true;
  }
  if (!text.empty() && std::string_view("fFdD").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  NumberParts parts;
  if (!scan_java_number(text, parts)) return false;
  value = to_double(parts, single);
  return true;
}

std::string_view trim_java(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::string_view first_characters(std::string_view text, size_t characters) {
  if (text.size() <= characters) return text;
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (starts && count++ == characters) return text.substr(0, i);
  }
  return text;
}

bool decode_base64_lenient(std::string_view text, std::string& bytes) {
  std::string compact;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ') {
      if (compact.size() % 4 != 0) return false;
    } else {
      compact += c;
    }
  }
  if (compact.size() % 4 != 0) return false;
  auto decoded = base64_decode(compact);
  if (!decoded) return false;
  bytes = *std::move(decoded);
  return true;
}

std::string excerpt(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string result(first_characters(text, kMost));
  if (result.size() < text.size()) result += "…";
  if (!simdjson::validate_utf8(result)) {
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  std::ranges::replace_if(result, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return result;
}

}  // namespace millstream::analytics
