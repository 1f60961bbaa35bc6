// Literals, and expressions that must be constants.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/decimal.h"
#include "analytics/functions/function.h"
#include "analytics/functions/time_value.h"
#include "analytics/plan/expression_binder.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;
using sql::TimeUnit;

int32_t characters_of(std::string_view text) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  return static_cast<int32_t>(text.size()) -
         static_cast<int32_t>(std::ranges::count_if(text, continues));
}

Result<BoundPtr> number_literal(const NameRules& rules, const sql::Expression& expression) {
  const std::string& text = expression.text;
  const char* end = text.data() + text.size();
  if (text.find_first_of("eE") != std::string::npos) {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) {
      return error_at(rules, expression.position,
                      fmt::format("the number {} is out of range", text));
    }
    return bound_literal(value, make_type(TypeKind::kDouble, false));
  }
  const size_t point = text.find('.');
  if (point == std::string::npos) {
    int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      const bool small = value <= std::numeric_limits<int32_t>::max();
      return bound_literal(value, make_type(small ? TypeKind::kInteger : TypeKind::kBigint, false));
    }
  }
  const int32_t scale =
      point == std::string::npos ? 0 : static_cast<int32_t>(text.size() - point - 1);
  const size_t first = text.find_first_not_of("0.");
  int32_t digits = 0;
  if (first != std::string::npos) {
    digits = static_cast<int32_t>(text.size() - first);
    if (point != std::string::npos && point > first) --digits;
  }
  const int32_t precision = std::max({digits, scale, 1});
  bool overflow = false;
  const auto value = precision > kMaxDecimalPrecision
                         ? std::nullopt
                         : parse_decimal(text, precision, scale, overflow);
  if (!value || overflow) {
    return error_at(rules, expression.position,
                    fmt::format("the number {} has more than {} digits", text.substr(0, 60),
                                kMaxDecimalPrecision));
  }
  return bound_literal(*value, decimal_type(precision, scale, false));
}

int32_t fraction_digits(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return 0;
  return static_cast<int32_t>(text.size() - point - 1);
}

Result<BoundPtr> time_literal(const NameRules& rules, const sql::Expression& expression) {
  const auto wrong = [&](std::string_view what, std::string_view form) {
    return error_at(rules, expression.position,
                    fmt::format("Illegal {} literal '{}': not in format '{}'", what,
                                expression.text.substr(0, 60), form));
  };
  if (expression.kind == Kind::kDate) {
    const auto days = parse_date(expression.text);
    if (!days || expression.text.find(' ') != std::string::npos) return wrong("DATE", "yyyy-MM-dd");
    return bound_literal(*days, make_type(TypeKind::kDate, false));
  }
  const int32_t digits = std::min(fraction_digits(expression.text), kMaxTimestampPrecision);
  if (expression.kind == Kind::kTime) {
    const auto millis = parse_time(expression.text);
    if (!millis) return wrong("TIME", "HH:mm:ss");
    Type type = make_type(TypeKind::kTime, false);
    type.precision = digits;
    return bound_literal(*millis, std::move(type));
  }
  const auto micros = parse_timestamp(expression.text);
  if (!micros) return wrong("TIMESTAMP", "yyyy-MM-dd HH:mm:ss");
  const bool kinesis = rules.dialect == sql::Dialect::kKinesis;
  Type type = timestamp_type(kinesis ? std::max(digits, 3) : digits);
  type.nullable = false;
  return bound_literal(*micros, std::move(type));
}

// Milliseconds of a unit; months and longer: 0.
int64_t millis_of(TimeUnit unit) {
  return unit == TimeUnit::kWeek ? 7 * kMillisPerDay : unit_micros(unit) / kMicrosPerMilli;
}

int64_t months_of(TimeUnit unit) {
  if (unit == TimeUnit::kMonth) return 1;
  if (unit == TimeUnit::kQuarter) return 3;
  return unit == TimeUnit::kYear ? 12 : 0;
}

constexpr int64_t kMaxIntervalMonths = std::numeric_limits<int32_t>::max();
// So that sums of times and intervals have room.
constexpr int64_t kMaxIntervalMillis = int64_t{1} << 52;

// The units between the first and the last, and what separates their numbers.
constexpr std::array kChain = {TimeUnit::kDay, TimeUnit::kHour, TimeUnit::kMinute,
                               TimeUnit::kSecond};

class IntervalText {
 public:
  explicit IntervalText(std::string_view text) : rest_(text) {}

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool done() const { return rest_.empty(); }
  void skip_blanks() {
    while (take(' ')) {
    }
  }
  std::optional<int64_t> number() {
    int64_t value = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (parsed.ec != std::errc() || value < 0 || value > kMaxIntervalMillis) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(parsed.ptr - rest_.data()));
    return value;
  }
  // ".5" of a second, in milliseconds; digits below are dropped.
  std::optional<int64_t> fraction() {
    if (!take('.')) return 0;
    int64_t millis = 0;
    int64_t weight = 100;
    size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      millis += weight * (rest_.front() - '0');
      weight /= 10;
      ++digits;
      rest_.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    return millis;
  }

 private:
  std::string_view rest_;
};

std::optional<int64_t> parse_months(IntervalText& text, TimeUnit unit,
                                    std::optional<TimeUnit> unit_to) {
  auto value = text.number();
  if (!value || *value > kMaxIntervalMonths) return std::nullopt;
  int64_t months = *value * months_of(unit);
  if (unit_to && *unit_to != unit) {
    if (!text.take('-')) return std::nullopt;
    value = text.number();
    if (!value || *value > 11) return std::nullopt;
    months += *value;
  }
  if (months > kMaxIntervalMonths) return std::nullopt;
  return months;
}

std::optional<int64_t> parse_millis(IntervalText& text, TimeUnit unit,
                                    std::optional<TimeUnit> unit_to) {
  auto value = text.number();
  if (!value || *value > kMaxIntervalMillis / std::max<int64_t>(millis_of(unit), 1)) {
    return std::nullopt;
  }
  int64_t millis = *value * millis_of(unit);
  TimeUnit last = unit;
  const auto first = std::ranges::find(kChain, unit);
  for (auto at = first; unit_to && last != *unit_to && at != kChain.end();) {
    const char separator = *at == TimeUnit::kDay ? ' ' : ':';
    if (++at == kChain.end() || !text.take(separator)) return std::nullopt;
    value = text.number();
    const int64_t limit = *at == TimeUnit::kHour ? 24 : 60;
    if (!value || *value >= limit) return std::nullopt;
    millis += *value * millis_of(*at);
    last = *at;
  }
  if (last == TimeUnit::kSecond) {
    const auto fraction = text.fraction();
    if (!fraction) return std::nullopt;
    millis += *fraction;
  }
  return millis;
}

Result<Value> constant_of(const NameRules& rules, const sql::Expression& expression,
                          std::string_view what, Type& type) {
  static const std::vector<ScopeColumn> kNoColumns;
  static const Schema kNoSchema;
  ExpressionBinder binder(rules, kNoColumns, kNoSchema);
  auto bound = binder.bind(expression);
  if (!bound || !is_deterministic(**bound)) {
    return error_at(rules, expression.position, fmt::format("{} must be a constant", what));
  }
  type = (*bound)->type;
  if ((*bound)->kind == BoundKind::kLiteral) return (*bound)->literal;
  auto value = evaluate_constant(**bound, rules.dialect);
  if (!value) return error_at(rules, expression.position, value.error());
  return value;
}

}  // namespace

Result<BoundPtr> plain_literal(const NameRules& rules, const sql::Expression& expression) {
  switch (expression.kind) {
    case Kind::kNull:
      return bound_literal(std::monostate(), make_type(TypeKind::kNull));
    case Kind::kBoolean:
      if (expression.text == "UNKNOWN") {
        return bound_literal(std::monostate(), make_type(TypeKind::kBoolean));
      }
      return bound_literal(expression.text == "TRUE", make_type(TypeKind::kBoolean, false));
    case Kind::kNumber:
      return number_literal(rules, expression);
    case Kind::kString: {
      Type type = make_type(TypeKind::kChar, false);
      type.precision = characters_of(expression.text);
      return bound_literal(expression.text, std::move(type));
    }
    default:
      return time_literal(rules, expression);
  }
}

BoundPtr implicit_cast(BoundPtr value, const Type& type) {
  if (value->kind != BoundKind::kLiteral) return bound_cast(std::move(value), type);
  const Type& from = value->type;
  const bool is_null = std::holds_alternative<std::monostate>(value->literal);
  const bool widened = from.is_integer() && type.is_integer() && from.kind <= type.kind;
  const bool varying =
      from.is_string() && type.kind == TypeKind::kVarchar && from.precision <= type.precision;
  if (type.kind == TypeKind::kNull || !(is_null || widened || varying)) {
    return bound_cast(std::move(value), type);
  }
  Type plain = type;
  plain.time = TimeAttribute::kNone;
  plain.nullable = is_null;
  return bound_literal(value->literal, std::move(plain));
}

Result<BoundPtr> interval_literal(const NameRules& rules, const sql::Expression& expression) {
  IntervalText text(expression.text);
  text.skip_blanks();
  bool negative = text.take('-');
  if (text.take('-')) negative = !negative;
  text.take('+');
  text.skip_blanks();
  const bool by_months = months_of(expression.unit) > 0;
  const auto value = by_months ? parse_months(text, expression.unit, expression.unit_to)
                               : parse_millis(text, expression.unit, expression.unit_to);
  text.skip_blanks();
  if (!value || !text.done()) {
    std::string unit(time_unit_name(expression.unit));
    if (expression.unit_to) unit += fmt::format(" TO {}", time_unit_name(*expression.unit_to));
    return error_at(rules, expression.position,
                    fmt::format("Illegal interval literal format '{}' for INTERVAL {}",
                                expression.text.substr(0, 60), unit));
  }
  Type type = make_type(by_months ? TypeKind::kIntervalMonths : TypeKind::kIntervalMillis, false);
  return bound_literal(negative ? -*value : *value, std::move(type));
}

Result<int64_t> constant_millis(const NameRules& rules, const sql::Expression& expression,
                                std::string_view what) {
  Type type;
  TRY_ASSIGN(const Value value, constant_of(rules, expression, what, type));
  if (type.kind == TypeKind::kIntervalMonths) {
    return error_at(rules, expression.position,
                    fmt::format("{} must be an interval of days or shorter units: months differ in "
                                "length",
                                what));
  }
  const auto* millis = std::get_if<int64_t>(&value);
  if (type.kind != TypeKind::kIntervalMillis || millis == nullptr) {
    return error_at(rules, expression.position,
                    fmt::format("{} must be an interval, as in INTERVAL '1' MINUTE", what));
  }
  return *millis;
}

Result<int64_t> constant_count(const NameRules& rules, const sql::Expression& expression,
                               std::string_view what) {
  Type type;
  TRY_ASSIGN(const Value value, constant_of(rules, expression, what, type));
  const auto* count = std::get_if<int64_t>(&value);
  if (!type.is_integer() || count == nullptr || *count < 0) {
    return error_at(rules, expression.position,
                    fmt::format("{} must be a whole number that is not negative", what));
  }
  return *count;
}

}  // namespace millstream::analytics
