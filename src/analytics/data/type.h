// The types of SQL values, of both dialects, and how each is held in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millstream::analytics {

enum class TypeKind : uint8_t {
  kNull,  // of an untyped NULL; coerces to everything
  kBoolean,
  kTinyint,
  kSmallint,
  kInteger,
  kBigint,
  kFloat,   // 32 bits ("REAL" in the Kinesis dialect)
  kDouble,  // 64 bits (also FLOAT in the Kinesis dialect)
  kDecimal,
  kChar,
  kVarchar,
  kBinary,
  kVarbinary,
  kDate,
  kTime,
  kTimestamp,     // without time zone
  kTimestampLtz,  // a point in time, shown in the session's time zone
  kIntervalMonths,
  kIntervalMillis,
  kRow,  // nested columns of a source: the planner takes them apart into their leaves
};

// How values of a type lie in a column.
enum class Physical : uint8_t {
  kBool,     // uint8_t, 0 or 1
  kInt64,    // the integers; DATE: days since 1970-01-01; TIME: milliseconds of the day;
             // TIMESTAMP(_LTZ): MICROSECONDS since 1970-01-01 00:00 (UTC);
             // intervals: months, or milliseconds
  kDouble,   // FLOAT too, rounded to 32 bits after each operation
  kDecimal,  // Decimal: unscaled value; the scale is the type's
  kString,   // std::string_view: CHAR, VARCHAR (UTF-8), BINARY, VARBINARY
};

using Decimal = __int128;  // 38 digits

// Whether a column can drive windows, and which.
enum class TimeAttribute : uint8_t {
  kNone,
  kRowtime,   // event time: has a watermark (ROWTIME of the Kinesis dialect is one, too)
  kProctime,  // processing time, read when the row passes
};

struct RowField;

struct Type {
  TypeKind kind = TypeKind::kNull;
  // CHAR/VARCHAR/BINARY/VARBINARY: length (kMaxLength for STRING and BYTES); DECIMAL: digits;
  // TIME/TIMESTAMP: digits of the second (0 to 6; more are "not yet supported").
  int32_t precision = 0;
  int32_t scale = 0;  // DECIMAL
  bool nullable = true;
  TimeAttribute time = TimeAttribute::kNone;
  std::vector<RowField> fields;  // kRow

  friend bool operator==(const Type&, const Type&);

  Physical physical() const;  // not of kRow
  bool is_integer() const { return kind >= TypeKind::kTinyint && kind <= TypeKind::kBigint; }
  bool is_approximate() const { return kind == TypeKind::kFloat || kind == TypeKind::kDouble; }
  bool is_numeric() const { return kind >= TypeKind::kTinyint && kind <= TypeKind::kDecimal; }
  bool is_string() const { return kind == TypeKind::kChar || kind == TypeKind::kVarchar; }
  bool is_binary() const { return kind == TypeKind::kBinary || kind == TypeKind::kVarbinary; }
  bool is_timestamp() const {
    return kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampLtz;
  }
  bool is_datetime() const { return kind >= TypeKind::kDate && kind <= TypeKind::kTimestampLtz; }
  bool is_interval() const {
    return kind == TypeKind::kIntervalMonths || kind == TypeKind::kIntervalMillis;
  }
};

struct RowField {
  std::string name;
  Type type;
};

bool operator==(const RowField& a, const RowField& b);

inline constexpr int32_t kMaxLength = 2147483647;  // Flink: STRING is VARCHAR(2147483647)
inline constexpr int32_t kMaxDecimalPrecision = 38;
inline constexpr int32_t kMaxTimestampPrecision = 6;

Type make_type(TypeKind kind, bool nullable = true);
Type varchar_type(int32_t length = kMaxLength, bool nullable = true);
Type decimal_type(int32_t precision, int32_t scale, bool nullable = true);
Type timestamp_type(int32_t precision = 3, TimeAttribute time = TimeAttribute::kNone);

// As both dialects spell it: "DECIMAL(10, 2) NOT NULL", "TIMESTAMP(3) *ROWTIME*", "STRING".
std::string type_text(const Type& type);

// A constant. Which alternative: by the type's Physical; monostate is NULL.
using Value = std::variant<std::monostate, bool, int64_t, double, Decimal, std::string>;
// As a person reads it in EXPLAIN and errors; strings quoted.
std::string value_text(const Value& value, const Type& type);

struct Field {
  std::string name;
  Type type;
  friend bool operator==(const Field&, const Field&) = default;
};

// The columns of a table, stream or operator's output.
using Schema = std::vector<Field>;

}  // namespace millstream::analytics
