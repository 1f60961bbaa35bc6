// Numbers of attributes: exact decimals of up to 38 digits.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millstream::leases {

// AWS limits of a number (Developer Guide, "Naming rules and data types"): 38 significant digits,
// magnitude from 1E-130 to below 1E+126.
inline constexpr size_t kMaxDigits = 38;

// 0.digits * 10^exponent; zero has no digits. Digits neither begin nor end with '0', so equal
// numbers are equal members: 1, 1.0 and 10E-1 are the same.
class Number {
 public:
  Number() = default;
  // kValidation with DynamoDB's text: no number, too many digits, too big, too small.
  static Result<Number> parse(std::string_view text);

  std::string text() const;  // plain notation: "-12.5", "0", "1000"
  // Bytes whose order is that of the numbers.
  std::string order_key() const;

  // Below 0, 0, above 0.
  friend int compare(const Number& a, const Number& b);
  // kValidation if the result is out of range or needs more than 38 digits.
  friend Result<Number> add(const Number& a, const Number& b);
  Number negated() const;

  friend bool operator==(const Number&, const Number&) = default;

 private:
  static Result<Number> make(bool negative, std::string digits, int exponent);

  bool negative_ = false;
  int exponent_ = 0;
  std::string digits_;
};

}  // namespace millstream::leases
