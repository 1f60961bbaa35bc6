#include "analytics/functions/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <boost/multiprecision/cpp_int.hpp>

#include "base/result.h"

namespace millstream::analytics {
namespace {

using Wide = boost::multiprecision::int512_t;  // products of two decimals and a power of ten

constexpr auto kPowers = [] {
  std::array<Decimal, kMaxPowerOfTen + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

Decimal divide_half_up(Decimal value, Decimal divisor) {
  const Decimal quotient = value / divisor;
  const Decimal rest = value % divisor;
  const Decimal magnitude = rest < 0 ? -rest : rest;
  const Decimal size = divisor < 0 ? -divisor : divisor;
  if (magnitude < size - magnitude) return quotient;
  return (value < 0) == (divisor < 0) ? quotient + 1 : quotient - 1;
}

Wide wide_power(int exponent) {
  return boost::multiprecision::pow(Wide(10), static_cast<unsigned>(exponent));
}

std::optional<Decimal> narrow(const Wide& value) {
  const Wide limit(kPowers[kMaxPowerOfTen]);
  if (value >= limit || value <= -limit) return std::nullopt;
  return static_cast<Decimal>(value);
}

Wide divide_half_up(const Wide& value, const Wide& divisor) {
  Wide quotient = value / divisor;
  const Wide rest = abs(value % divisor);
  if (rest * 2 >= abs(divisor)) quotient += (value < 0) == (divisor < 0) ? 1 : -1;
  return quotient;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A decimal text taken apart: digits without leading zeroes, and the exponent of the last.
struct Digits {
  bool negative = false;
  std::string text;
  int64_t exponent = 0;
};

std::optional<Digits> split_digits(std::string_view text) {
  Digits result;
  size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) result.negative = text[i++] == '-';
  bool point = false;
  bool any = false;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (point) --result.exponent;
    if (text[i] != '0' || !result.text.empty()) result.text += text[i];
  }
  if (!any) return std::nullopt;
  if (i == text.size()) return result;
  if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
  ++i;
  if (i < text.size() && text[i] == '+') ++i;
  int64_t exponent = 0;
  const auto [end, code] = std::from_chars(text.data() + i, text.data() + text.size(), exponent);
  if (code != std::errc() || end != text.data() + text.size() || std::abs(exponent) > 1'000'000) {
    return std::nullopt;
  }
  result.exponent += exponent;
  return result;
}

}  // namespace

Decimal power_of_ten(int exponent) {
  MS_ASSERT(exponent >= 0 && exponent <= kMaxPowerOfTen);
  return kPowers[static_cast<size_t>(exponent)];
}

std::optional<Decimal> rescale(Decimal value, int from, int to) {
  if (from == to || value == 0) return value;
  if (to > from) {
    const int up = to - from;
    if (up > kMaxPowerOfTen) return std::nullopt;
    Decimal result = 0;
    if (__builtin_mul_overflow(value, power_of_ten(up), &result) ||
        !fits_digits(result, kMaxPowerOfTen)) {
      return std::nullopt;
    }
    return result;
  }
  if (from - to > kMaxPowerOfTen) return 0;
  return divide_half_up(value, power_of_ten(from - to));
}

std::optional<Decimal> multiply(Decimal a, Decimal b, int dropped) {
  Decimal product = 0;
  if (!__builtin_mul_overflow(a, b, &product) && dropped <= kMaxPowerOfTen) {
    if (dropped > 0) product = divide_half_up(product, power_of_ten(dropped));
    if (!fits_digits(product, kMaxPowerOfTen)) return std::nullopt;
    return product;
  }
  return narrow(divide_half_up(Wide(a) * Wide(b), wide_power(dropped)));
}

std::optional<Decimal> divide(Decimal a, Decimal b, int shift) {
  Decimal scaled = 0;
  if (shift >= 0 && shift <= kMaxPowerOfTen &&
      !__builtin_mul_overflow(a, power_of_ten(shift), &scaled)) {
    const Decimal quotient = divide_half_up(scaled, b);
    if (!fits_digits(quotient, kMaxPowerOfTen)) return std::nullopt;
    return quotient;
  }
  if (shift >= 0) return narrow(divide_half_up(Wide(a) * wide_power(shift), Wide(b)));
  return narrow(divide_half_up(Wide(a), Wide(b) * wide_power(-shift)));
}

std::optional<Decimal> add_decimals(Decimal a, int a_scale, Decimal b, int b_scale, int to) {
  const int common = std::max(a_scale, b_scale);
  Decimal left = a;
  Decimal right = b;
  Decimal sum = 0;
  if (!__builtin_mul_overflow(a, power_of_ten(common - a_scale), &left) &&
      !__builtin_mul_overflow(b, power_of_ten(common - b_scale), &right) &&
      !__builtin_add_overflow(left, right, &sum)) {
    if (to < common) sum = divide_half_up(sum, power_of_ten(common - to));
    if (!fits_digits(sum, kMaxPowerOfTen)) return std::nullopt;
    return sum;
  }
  const Wide wide = Wide(a) * wide_power(common - a_scale) + Wide(b) * wide_power(common - b_scale);
  return narrow(to < common ? divide_half_up(wide, wide_power(common - to)) : wide);
}

std::optional<Decimal> decimal_remainder(Decimal a, int a_scale, Decimal b, int b_scale) {
  const int common = std::max(a_scale, b_scale);
  Decimal left = a;
  Decimal right = b;
  if (!__builtin_mul_overflow(a, power_of_ten(common - a_scale), &left) &&
      !__builtin_mul_overflow(b, power_of_ten(common - b_scale), &right)) {
    return left % right;
  }
  return narrow(Wide(a) * wide_power(common - a_scale) % (Wide(b) * wide_power(common - b_scale)));
}

int compare_decimals(Decimal a, int a_scale, Decimal b, int b_scale) {
  const int common = std::max(a_scale, b_scale);
  Decimal left = 0;
  Decimal right = 0;
  // What is too large at the other's scale is larger than all of that scale.
  if (__builtin_mul_overflow(a, power_of_ten(common - a_scale), &left)) return a < 0 ? -1 : 1;
  if (__builtin_mul_overflow(b, power_of_ten(common - b_scale), &right)) return b < 0 ? 1 : -1;
  return left < right ? -1 : static_cast<int>(left > right);
}

Decimal round_decimal(Decimal value, int scale, int digits, bool towards_zero) {
  const int dropped = scale - digits;
  if (dropped <= 0) return value;
  if (dropped > kMaxPowerOfTen) return 0;
  const Decimal unit = power_of_ten(dropped);
  const Decimal kept = towards_zero ? value / unit : divide_half_up(value, unit);
  Decimal result = 0;
  // Rounding up 38 nines can leave the range; what comes out then has too many digits.
  if (__builtin_mul_overflow(kept, unit, &result)) return value;
  return result;
}

void append_decimal(std::string& out, Decimal value, int scale) {
  auto rest = static_cast<unsigned __int128>(value);
  if (value < 0) {
    out += '-';
    rest = ~rest + 1;
  }
  std::array<char, 48> digits{};
  size_t count = 0;
  while (rest != 0 || count <= static_cast<size_t>(scale)) {
    digits[count++] = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  }
  while (count > 0) {
    if (count == static_cast<size_t>(scale)) out += '.';
    out += digits[--count];
  }
}

std::optional<Decimal> parse_decimal(std::string_view text, int precision, int scale,
                                     bool& overflow) {
  overflow = false;
  const auto digits = split_digits(text);
  if (!digits) return std::nullopt;
  if (digits->text.empty()) return 0;
  // Digits to keep so that the last one has the weight 10^-scale.
  const int64_t keep =
      static_cast<int64_t>(digits->text.size()) + digits->exponent + static_cast<int64_t>(scale);
  if (keep < 0) return 0;
  if (keep > precision) {
    overflow = true;
    return std::nullopt;
  }
  Decimal value = 0;
  for (int64_t i = 0; i < keep; ++i) {
    const auto at = static_cast<size_t>(i);
    value = value * 10 + (at < digits->text.size() ? digits->text[at] - '0' : 0);
  }
  const auto next = static_cast<size_t>(keep);
  if (next < digits->text.size() && digits->text[next] >= '5') ++value;
  if (!fits_digits(value, precision)) {
    overflow = true;
    return std::nullopt;
  }
  return digits->negative ? -value : value;
}

double decimal_to_double(Decimal value, int scale) {
  constexpr Decimal kExact = Decimal{1} << 53;
  if (value < kExact && value > -kExact && scale <= 22) {
    // Both are exact doubles, so the quotient is rounded once.
    return static_cast<double>(value) / static_cast<double>(power_of_ten(scale));
  }
  std::string text;
  append_decimal(text, value, scale);
  double result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

std::optional<Decimal> double_to_decimal(double value, int precision, int scale) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 40> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  bool overflow = false;
  return parse_decimal({text.data(), static_cast<size_t>(end.ptr - text.data())}, precision, scale,
                       overflow);
}

int64_t decimal_to_integer(Decimal value, int scale) {
  return static_cast<int64_t>(static_cast<uint64_t>(value / power_of_ten(scale)));
}

}  // namespace millstream::analytics
