#include "leases/number.h"

#include <algorithm>
#include <charconv>

namespace millstream::leases {
namespace {

constexpr int kMaxExponent = 126;   // 0.d * 10^126 < 1E+126
constexpr int kMinExponent = -129;  // 0.1 * 10^-129 = 1E-130
constexpr size_t kMaxText = 1000;   // longer texts are refused unread

std::unexpected<Error> no_number(std::string_view text) {
  return fail(ErrorCode::kValidation, "The parameter cannot be converted to a numeric value: {}",
              text.substr(0, kMaxText));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// |a| against |b|.
int compare_magnitude(std::string_view a, int a_exponent, std::string_view b, int b_exponent) {
  if (a.empty() || b.empty()) return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
  if (a_exponent != b_exponent) return a_exponent < b_exponent ? -1 : 1;
  return a.compare(b);
}

// Digits of `number` as a whole number of units of 10^unit.
std::string in_units(std::string_view digits, int exponent, int unit) {
  std::string text(digits);
  text.append(static_cast<size_t>(exponent - static_cast<int>(digits.size()) - unit), '0');
  return text;
}

// a + b and a - b (a >= b) of whole numbers as digits.
std::string sum(std::string a, std::string_view b) {
  if (a.size() < b.size()) a.insert(0, b.size() - a.size(), '0');
  int carry = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    char& digit = a[a.size() - 1 - i];
    const int value = digit - '0' + carry + (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
    digit = static_cast<char>('0' + value % 10);
    carry = value / 10;
  }
  if (carry > 0) a.insert(a.begin(), '1');
  return a;
}

std::string difference(std::string a, std::string_view b) {
  int borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    char& digit = a[a.size() - 1 - i];
    int value = digit - '0' - borrow - (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
    borrow = value < 0 ? 1 : 0;
    if (value < 0) value += 10;
    digit = static_cast<char>('0' + value);
  }
  return a;
}

}  // namespace

Result<Number> Number::make(bool negative, std::string digits, int exponent) {
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, first);
  exponent -= static_cast<int>(first);
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  if (digits.empty()) return Number();
  if (digits.size() > kMaxDigits) {
    return fail(ErrorCode::kValidation,
                "Attempting to store more than 38 significant digits in a Number");
  }
  if (exponent > kMaxExponent) {
    return fail(ErrorCode::kValidation,
                "Number overflow. Attempting to store a number with magnitude larger than "
                "supported range");
  }
  if (exponent < kMinExponent) {
    return fail(ErrorCode::kValidation,
                "Number underflow. Attempting to store a number with magnitude smaller than "
                "supported range");
  }
  Number number;
  number.negative_ = negative;
  number.exponent_ = exponent;
  number.digits_ = std::move(digits);
  return number;
}

Result<Number> Number::parse(std::string_view text) {
  const std::string_view whole = text;
  if (text.size() > kMaxText) return no_number(whole);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::string digits;
  int point = -1;
  while (!text.empty() && (is_digit(text.front()) || (text.front() == '.' && point < 0))) {
    if (text.front() == '.') {
      point = static_cast<int>(digits.size());
    } else {
      digits += text.front();
    }
    text.remove_prefix(1);
  }
  if (digits.empty()) return no_number(whole);
  int exponent = point < 0 ? static_cast<int>(digits.size()) : point;
  if (!text.empty()) {
    if (text.front() != 'e' && text.front() != 'E') return no_number(whole);
    text.remove_prefix(1);
    if (text.starts_with('+')) {
      text.remove_prefix(1);
      if (text.starts_with('-')) return no_number(whole);
    }
    int power = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), power);
    if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
      return no_number(whole);
    }
    if (error == std::errc::result_out_of_range) {
      power = text.starts_with('-') ? -1'000'000 : 1'000'000;
    }
    exponent += std::clamp(power, -1'000'000, 1'000'000);
  }
  return make(negative, std::move(digits), exponent);
}

std::string Number::text() const {
  if (digits_.empty()) return "0";
  std::string text = negative_ ? "-" : "";
  const auto count = static_cast<int>(digits_.size());
  if (exponent_ <= 0) {
    text += "0.";
    text.append(static_cast<size_t>(-exponent_), '0');
    text += digits_;
  } else if (exponent_ >= count) {
    text += digits_;
    text.append(static_cast<size_t>(exponent_ - count), '0');
  } else {
    text.append(digits_, 0, static_cast<size_t>(exponent_));
    text += '.';
    text.append(digits_, static_cast<size_t>(exponent_));
  }
  return text;
}

std::string Number::order_key() const {
  if (digits_.empty()) return "\x01";
  // Positive: 2, exponent, digits. Negative: 0 and the complement of that, ended by a byte above
  // every complemented digit, since the longer of two negative numbers is the smaller one.
  std::string key(1, negative_ ? '\0' : '\x02');
  key += static_cast<char>(exponent_ + 129);
  key += digits_;
  if (negative_) {
    for (size_t i = 1; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
    key += '\xff';
  }
  return key;
}

int compare(const Number& a, const Number& b) {
  const bool a_below = a.negative_;
  const bool b_below = b.negative_;
  if (a_below != b_below) return a_below ? -1 : 1;
  const int order = compare_magnitude(a.digits_, a.exponent_, b.digits_, b.exponent_);
  return a_below ? -order : order;
}

Result<Number> add(const Number& a, const Number& b) {
  if (a.digits_.empty()) return b;
  if (b.digits_.empty()) return a;
  const int unit = std::min(a.exponent_ - static_cast<int>(a.digits_.size()),
                            b.exponent_ - static_cast<int>(b.digits_.size()));
  std::string left = in_units(a.digits_, a.exponent_, unit);
  std::string right = in_units(b.digits_, b.exponent_, unit);
  bool negative = a.negative_;
  std::string digits;
  if (a.negative_ == b.negative_) {
    digits = sum(std::move(left), right);
  } else if (compare_magnitude(a.digits_, a.exponent_, b.digits_, b.exponent_) >= 0) {
    digits = difference(std::move(left), right);
  } else {
    digits = difference(std::move(right), left);
    negative = b.negative_;
  }
  const int exponent = unit + static_cast<int>(digits.size());
  return Number::make(negative, std::move(digits), exponent);
}

Number Number::negated() const {
  Number number = *this;
  number.negative_ = !negative_ && !digits_.empty();
  return number;
}

}  // namespace millstream::leases
