// Arithmetic of DECIMAL values: unscaled 128-bit integers of at most 38 digits, rounded half up
// (away from zero) as java.math.BigDecimal's HALF_UP.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "analytics/data/type.h"

namespace millstream::analytics {

inline constexpr int kMaxPowerOfTen = 38;
Decimal power_of_ten(int exponent);  // 0 to 38

// Whether `value` has at most `precision` digits.
inline bool fits_digits(Decimal value, int precision) {
  const Decimal limit = power_of_ten(precision);
  return value < limit && value > -limit;
}

// `value` of scale `from` at scale `to`. nullopt: more than 38 digits.
std::optional<Decimal> rescale(Decimal value, int from, int to);
// a * b / 10^dropped, rounded once. nullopt: more than 38 digits.
std::optional<Decimal> multiply(Decimal a, Decimal b, int dropped);
// a * 10^shift / b, rounded once (shift may be negative). b is not 0.
std::optional<Decimal> divide(Decimal a, Decimal b, int shift);
// Operands of different scales. Sum at scale `to`; remainder (with the sign of a; b is not 0) at
// the larger of the two; comparison: -1, 0, 1.
std::optional<Decimal> add_decimals(Decimal a, int a_scale, Decimal b, int b_scale, int to);
std::optional<Decimal> decimal_remainder(Decimal a, int a_scale, Decimal b, int b_scale);
int compare_decimals(Decimal a, int a_scale, Decimal b, int b_scale);
// To `digits` behind the point (negative: before it), half up, or towards zero; the value keeps
// its scale.
Decimal round_decimal(Decimal value, int scale, int digits, bool towards_zero = false);

// Plain digits: "-0.05".
void append_decimal(std::string& out, Decimal value, int scale);
// BigDecimal's grammar ("1", "-.5", "1.2E+3"), rounded to `scale`. nullopt: not a number;
// overflow is set when it is one that does not fit into `precision` digits.
std::optional<Decimal> parse_decimal(std::string_view text, int precision, int scale,
                                     bool& overflow);

double decimal_to_double(Decimal value, int scale);  // the nearest
// By way of the shortest digits that denote `value` (BigDecimal.valueOf). nullopt: NaN,
// infinite, or too large.
std::optional<Decimal> double_to_decimal(double value, int precision, int scale);
// Towards zero; what lies outside 64 bits wraps as BigDecimal.longValue().
int64_t decimal_to_integer(Decimal value, int scale);

}  // namespace millstream::analytics
