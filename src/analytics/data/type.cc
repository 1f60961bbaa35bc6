#include "analytics/data/type.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/result.h"

namespace millstream::analytics {
namespace {

std::string fields_text(const std::vector<RowField>& fields) {
  std::string text = "ROW<";
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += ", ";
    text += fmt::format("`{}` {}", fields[i].name, type_text(fields[i].type));
  }
  return text + ">";
}

std::string length_text(std::string_view name, std::string_view unbounded, int32_t length) {
  if (length == kMaxLength) return std::string(unbounded);
  return fmt::format("{}({})", name, length);
}

// Without NOT NULL.
std::string base_text(const Type& type) {
  switch (type.kind) {
    case TypeKind::kNull:
      return "NULL";
    case TypeKind::kBoolean:
      return "BOOLEAN";
    case TypeKind::kTinyint:
      return "TINYINT";
    case TypeKind::kSmallint:
      return "SMALLINT";
    case TypeKind::kInteger:
      return "INT";
    case TypeKind::kBigint:
      return "BIGINT";
    case TypeKind::kFloat:
      return "FLOAT";
    case TypeKind::kDouble:
      return "DOUBLE";
    case TypeKind::kDecimal:
      return fmt::format("DECIMAL({}, {})", type.precision, type.scale);
    case TypeKind::kChar:
      return fmt::format("CHAR({})", type.precision);
    case TypeKind::kVarchar:
      return length_text("VARCHAR", "STRING", type.precision);
    case TypeKind::kBinary:
      return fmt::format("BINARY({})", type.precision);
    case TypeKind::kVarbinary:
      return length_text("VARBINARY", "BYTES", type.precision);
    case TypeKind::kDate:
      return "DATE";
    case TypeKind::kTime:
      return fmt::format("TIME({})", type.precision);
    case TypeKind::kTimestamp:
      return fmt::format("TIMESTAMP({})", type.precision);
    case TypeKind::kTimestampLtz:
      return fmt::format("TIMESTAMP_LTZ({})", type.precision);
    case TypeKind::kIntervalMonths:
      return "INTERVAL YEAR TO MONTH";
    case TypeKind::kIntervalMillis:
      return "INTERVAL DAY TO SECOND";
    case TypeKind::kRow:
      return fields_text(type.fields);
  }
  return "?";
}

// A DECIMAL as plain digits.
std::string decimal_text(Decimal value, int32_t scale) {
  const bool negative = value < 0;
  // The magnitude as unsigned: the least value has no positive counterpart.
  unsigned __int128 rest =
      negative ? ~static_cast<unsigned __int128>(value) + 1 : static_cast<unsigned __int128>(value);
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  while (digits.size() <= static_cast<size_t>(std::max(scale, 0))) digits += '0';
  std::ranges::reverse(digits);
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), 1, '.');
  return negative ? "-" + digits : digits;
}

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += c;
  }
  return result + "'";
}

// A point in time as "2026-11-25 01:02:03.004005", trailing groups of zeroes left out.
std::string time_text(int64_t micros) {
  const auto time =
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(micros));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  const int64_t fraction = clock.subseconds().count();
  if (fraction == 0) return text;
  if (fraction % 1000 == 0) return fmt::format("{}.{:03}", text, fraction / 1000);
  return fmt::format("{}.{:06}", text, fraction);
}

std::string integer_text(int64_t value, const Type& type) {
  switch (type.kind) {
    case TypeKind::kDate:
      return fmt::format("DATE '{}'", time_text(value * 86'400'000'000).substr(0, 10));
    case TypeKind::kTime:
      return fmt::format("TIME '{}'", time_text(value * 1000).substr(11));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return fmt::format("TIMESTAMP '{}'", time_text(value));
    case TypeKind::kIntervalMonths:
      return fmt::format("INTERVAL '{}' MONTH", value);
    case TypeKind::kIntervalMillis:
      if (value % 1000 == 0) return fmt::format("INTERVAL '{}' SECOND", value / 1000);
      return fmt::format("INTERVAL '{}.{:03}' SECOND", value / 1000, std::abs(value % 1000));
    default:
      return fmt::format("{}", value);
  }
}

}  // namespace

bool operator==(const RowField& a, const RowField& b) {
  return a.name == b.name && a.type == b.type;
}

bool operator==(const Type& a, const Type& b) {
  return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale &&
         a.nullable == b.nullable && a.time == b.time && a.fields == b.fields;
}

Physical Type::physical() const {
  switch (kind) {
    case TypeKind::kBoolean:
      return Physical::kBool;
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Physical::kDouble;
    case TypeKind::kDecimal:
      return Physical::kDecimal;
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
      return Physical::kString;
    case TypeKind::kRow:
      MS_ASSERT(kind != TypeKind::kRow);
      break;
    default:
      break;
  }
  return Physical::kInt64;
}

Type make_type(TypeKind kind, bool nullable) {
  Type type;
  type.kind = kind;
  type.nullable = nullable;
  if (kind == TypeKind::kVarchar || kind == TypeKind::kVarbinary) type.precision = kMaxLength;
  if (kind == TypeKind::kChar || kind == TypeKind::kBinary) type.precision = 1;
  if (kind == TypeKind::kDecimal) type.precision = 10;  // as both dialects default
  if (type.is_timestamp()) type.precision = 3;
  return type;
}

Type varchar_type(int32_t length, bool nullable) {
  Type type = make_type(TypeKind::kVarchar, nullable);
  type.precision = length;
  return type;
}

Type decimal_type(int32_t precision, int32_t scale, bool nullable) {
  Type type = make_type(TypeKind::kDecimal, nullable);
  type.precision = precision;
  type.scale = scale;
  return type;
}

Type timestamp_type(int32_t precision, TimeAttribute time) {
  Type type = make_type(TypeKind::kTimestamp);
  type.precision = precision;
  type.time = time;
  return type;
}

std::string type_text(const Type& type) {
  std::string text = base_text(type);
  if (type.time == TimeAttribute::kRowtime) text += " *ROWTIME*";
  if (type.time == TimeAttribute::kProctime) text += " *PROCTIME*";
  if (!type.nullable && type.kind != TypeKind::kNull) text += " NOT NULL";
  return text;
}

std::string value_text(const Value& value, const Type& type) {
  if (std::holds_alternative<std::monostate>(value)) return "NULL";
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "TRUE" : "FALSE";
  if (const auto* number = std::get_if<int64_t>(&value)) return integer_text(*number, type);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<Decimal>(&value)) return decimal_text(*number, type.scale);
  return quoted(std::get<std::string>(value));
}

}  // namespace millstream::analytics
