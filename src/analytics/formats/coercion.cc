#include "analytics/formats/coercion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analytics/formats/json_scanner.h"

namespace millstream::analytics {
namespace {

struct Range {
  int64_t least;
  int64_t most;
};

template <class T>
constexpr Range range_of() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

Range integer_range(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return range_of<int8_t>();
    case TypeKind::kSmallint:
      return range_of<int16_t>();
    case TypeKind::kInteger:
    case TypeKind::kIntervalMonths:
      return range_of<int32_t>();
    default:
      return range_of<int64_t>();
  }
}

bool is_integral(const Type& type) { return type.is_integer() || type.is_interval(); }

// Of an integral number whose digits fit.
bool to_integer(const NumberParts& number, Range range, int64_t& value) {
  constexpr uint64_t kLowest = uint64_t{1} << 63;
  if (!number.exact || number.digits > (number.negative ? kLowest : kLowest - 1)) return false;
  // Negated unsigned: the least value has no positive counterpart.
  value = static_cast<int64_t>(number.negative ? ~number.digits + 1 : number.digits);
  return value >= range.least && value <= range.most;
}

int64_t floor_days(int64_t micros) {
  constexpr int64_t kMicrosPerDay = 86'400'000'000;
  return micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
}

// X'3F67A23A'
bool parse_binary_literal(std::string_view text, std::string& bytes) {
  if (text.size() < 3 || (text[0] != 'X' && text[0] != 'x') || text[1] != '\'' ||
      !text.ends_with('\'')) {
    return false;
  }
  const std::string_view digits = text.substr(2, text.size() - 3);
  if (digits.size() % 2 != 0) return false;
  bytes.clear();
  const auto value_of = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = value_of(digits[i]);
    const int low = value_of(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high * 16 + low);
  }
  return true;
}

}  // namespace

void Coercion::keep(ColumnWriter& column, size_t row, std::string_view text, Lifetime lifetime,
                    Arena& arena) {
  // Flink leaves values longer than their type as they are; Kinesis cuts them.
  if (is_kinesis()) text = first_characters(text, static_cast<size_t>(column.type().precision));
  column.set_string(row, lifetime == Lifetime::kScratch ? arena.copy(text) : text);
}

bool Coercion::flink_integer(ColumnWriter& column, size_t row, const NumberParts& number) {
  const TypeKind kind = column.type().kind;
  const Range range = integer_range(kind);
  int64_t value = 0;
  if (number.integral) {
    if (!to_integer(number, range, value)) return false;
    column.set_int(row, value);
    return true;
  }
  // Jackson cuts the fraction of numbers, but getByteValue is not used for TINYINT and SMALLINT.
  if (kind == TypeKind::kTinyint || kind == TypeKind::kSmallint) return false;
  const double real = to_double(number, false);
  const auto least = static_cast<double>(range.least);
  const auto most = static_cast<double>(range.most);
  if (!(real >= least && real <= most)) return false;
  // The largest BIGINT as a double is 2^63, one too many.
  column.set_int(row, real >= 0x1p63 ? range.most : static_cast<int64_t>(real));
  return true;
}

bool Coercion::kinesis_integer(ColumnWriter& column, size_t row, const NumberParts& number) {
  Decimal value = 0;
  constexpr int32_t kDigits = 20;
  if (to_decimal(number, kDigits, 0, DecimalFit::kExact, value) != Parsed::kValue) return false;
  const Range range = integer_range(column.type().kind);
  if (value < range.least || value > range.most) return false;
  column.set_int(row, static_cast<int64_t>(value));
  return true;
}

bool Coercion::decimal(ColumnWriter& column, size_t row, const NumberParts& number) {
  const Type& type = column.type();
  const DecimalFit fit = is_kinesis() ? DecimalFit::kExact : DecimalFit::kRound;
  Decimal value = 0;
  switch (to_decimal(number, type.precision, type.scale, fit, value)) {
    case Parsed::kValue:
      column.set_decimal(row, value);
      return true;
    case Parsed::kNull:
      column.set_null(row);
      return true;
    case Parsed::kError:
      break;
  }
  return false;
}

bool Coercion::approximate(ColumnWriter& column, size_t row, const NumberParts& number) {
  const double value = to_double(number, column.type().kind == TypeKind::kFloat);
  if (is_kinesis() && std::isinf(value)) return false;
  column.set_double(row, value);
  return true;
}

bool Coercion::number(ColumnWriter& column, size_t row, const NumberParts& number) {
  const Type& type = column.type();
  if (is_integral(type)) {
    return is_kinesis() ? kinesis_integer(column, row, number) : flink_integer(column, row, number);
  }
  if (type.is_approximate()) return approximate(column, row, number);
  if (type.kind == TypeKind::kDecimal) return decimal(column, row, number);
  if (type.kind == TypeKind::kBoolean) {
    // Flink: Boolean.parseBoolean of the digits.
    column.set_bool(row, is_kinesis() && (number.digits != 0 || !number.exact));
    return true;
  }
  if (!type.is_string()) return false;
  std::string_view text = number.text;
  if (is_kinesis()) text = first_characters(text, static_cast<size_t>(type.precision));
  column.set_string(row, text);
  return true;
}

bool Coercion::boolean(ColumnWriter& column, size_t row, bool value, Arena& arena) {
  const Type& type = column.type();
  if (type.kind == TypeKind::kBoolean) {
    column.set_bool(row, value);
    return true;
  }
  if (type.is_string()) {
    keep(column, row, value ? "true" : "false", Lifetime::kRecord, arena);
    return true;
  }
  if (!is_kinesis()) return false;
  if (type.is_numeric()) {
    NumberParts number;
    number.digits = value ? 1 : 0;
    number.text = value ? "1" : "0";
    return this->number(column, row, number);
  }
  if (!type.is_binary()) return false;
  scratch_.assign(type.kind == TypeKind::kBinary ? static_cast<size_t>(type.precision) : 1, '\0');
  if (value && !scratch_.empty()) scratch_.back() = '\1';
  column.set_string(row, arena.copy(scratch_));
  return true;
}

bool Coercion::container(ColumnWriter& column, size_t row, std::string_view text, Arena& arena) {
  if (!column.type().is_string()) return false;
  scratch_.clear();
  append_compact(scratch_, text);
  keep(column, row, scratch_, Lifetime::kScratch, arena);
  return true;
}

bool Coercion::text_as_number(ColumnWriter& column, size_t row, std::string_view text) {
  const Type& type = column.type();
  if (is_kinesis()) {
    NumberParts parts;
    return scan_java_number(trim_java(text), parts) && number(column, row, parts);
  }
  if (is_integral(type)) {
    const Range range = integer_range(type.kind);
    int64_t value = 0;
    if (!parse_java_long(trim_java(text), value) || value < range.least || value > range.most) {
      return false;
    }
    column.set_int(row, value);
    return true;
  }
  if (type.is_approximate()) {
    double value = 0;
    if (!parse_java_double(trim_java(text), type.kind == TypeKind::kFloat, value)) return false;
    column.set_double(row, value);
    return true;
  }
  NumberParts parts;
  // flink-csv hands the text to BigDecimal as it is.
  const std::string_view digits = rules_ == CoercionRules::kFlinkCsv ? text : trim_java(text);
  return scan_java_number(digits, parts) && decimal(column, row, parts);
}

bool Coercion::text_as_time(ColumnWriter& column, size_t row, std::string_view text) {
  const Type& type = column.type();
  const bool csv = rules_ == CoercionRules::kFlinkCsv;
  int64_t value = 0;
  bool ok = false;
  switch (type.kind) {
    case TypeKind::kDate:
      if (is_kinesis()) {
        ok = parse_timestamp(trim_java(text), TimeSyntax::kLenient, false, 0, value);
        value = floor_days(value);
      } else {
        ok = parse_date(text, csv, value);
      }
      break;
    case TypeKind::kTime:
      ok = parse_time(is_kinesis() ? trim_java(text) : text, rules_ == CoercionRules::kFlinkJson,
                      type.precision, value);
      break;
    default:
      ok = parse_timestamp(csv || is_kinesis() ? trim_java(text) : text, timestamps_,
                           type.kind == TypeKind::kTimestampLtz, type.precision, value);
  }
  if (ok) column.set_int(row, value);
  return ok;
}

bool Coercion::text_as_bytes(ColumnWriter& column, size_t row, std::string_view text,
                             Arena& arena) {
  const bool ok = is_kinesis() ? parse_binary_literal(trim_java(text), scratch_)
                               : decode_base64_lenient(text, scratch_);
  if (!ok) return false;
  std::string_view bytes = scratch_;
  if (is_kinesis()) bytes = bytes.substr(0, static_cast<size_t>(column.type().precision));
  column.set_string(row, arena.copy(bytes));
  return true;
}

bool Coercion::text(ColumnWriter& column, size_t row, std::string_view text, Lifetime lifetime,
                    Arena& arena) {
  const Type& type = column.type();
  if (type.is_string()) {
    keep(column, row, text, lifetime, arena);
    return true;
  }
  if (type.is_numeric() || type.is_interval()) return text_as_number(column, row, text);
  if (type.is_datetime()) return text_as_time(column, row, text);
  if (type.is_binary()) return text_as_bytes(column, row, text, arena);
  if (type.kind != TypeKind::kBoolean) return false;
  column.set_bool(row, equals_ignoring_case(trim_java(text), "true"));
  return true;
}

std::string conversion_error(const ColumnWriter& column, std::string_view value) {
  Type type = column.type();
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  return fmt::format("column {}: '{}' is no {}", column.name(), excerpt(value), type_text(type));
}

}  // namespace millstream::analytics
