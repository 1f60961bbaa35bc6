#include "analytics/plan/type_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "analytics/sql/parser.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

// How the numbers in parentheses are read.
enum class Arguments : uint8_t { kNone, kLength, kDecimal, kFraction };

struct NamedType {
  std::string_view name;
  TypeKind kind;
  Arguments arguments = Arguments::kNone;
  int32_t standard = 0;  // length or digits if none are written
};

// Flink: docs/dev/table/types. CHAR and VARCHAR without a length have length 1, TIME 0 digits,
// TIMESTAMP 6, DECIMAL (10, 0).
constexpr std::array kFlinkTypes = std::to_array<NamedType>({
    {"BIGINT", TypeKind::kBigint},
    {"BINARY", TypeKind::kBinary, Arguments::kLength, 1},
    {"BOOLEAN", TypeKind::kBoolean},
    {"BYTES", TypeKind::kVarbinary, Arguments::kNone, kMaxLength},
    {"CHAR", TypeKind::kChar, Arguments::kLength, 1},
    {"CHARACTER", TypeKind::kChar, Arguments::kLength, 1},
    {"DATE", TypeKind::kDate},
    {"DEC", TypeKind::kDecimal, Arguments::kDecimal, 10},
    {"DECIMAL", TypeKind::kDecimal, Arguments::kDecimal, 10},
    {"DOUBLE PRECISION", TypeKind::kDouble},
    {"DOUBLE", TypeKind::kDouble},
    {"FLOAT", TypeKind::kFloat},
    {"INT", TypeKind::kInteger},
    {"INTEGER", TypeKind::kInteger},
    {"NUMERIC", TypeKind::kDecimal, Arguments::kDecimal, 10},
    {"SMALLINT", TypeKind::kSmallint},
    {"STRING", TypeKind::kVarchar, Arguments::kNone, kMaxLength},
    {"TIME WITHOUT TIME ZONE", TypeKind::kTime, Arguments::kFraction, 0},
    {"TIME", TypeKind::kTime, Arguments::kFraction, 0},
    {"TIMESTAMP WITH LOCAL TIME ZONE", TypeKind::kTimestampLtz, Arguments::kFraction, 6},
    {"TIMESTAMP WITHOUT TIME ZONE", TypeKind::kTimestamp, Arguments::kFraction, 6},
    {"TIMESTAMP", TypeKind::kTimestamp, Arguments::kFraction, 6},
    {"TIMESTAMP_LTZ", TypeKind::kTimestampLtz, Arguments::kFraction, 6},
    {"TINYINT", TypeKind::kTinyint},
    {"VARBINARY", TypeKind::kVarbinary, Arguments::kLength, 1},
    {"VARCHAR", TypeKind::kVarchar, Arguments::kLength, 1},
    {"CHARACTER VARYING", TypeKind::kVarchar, Arguments::kLength, 1},
});

// Kinesis dialect: SQL reference, "Data Types". FLOAT and DOUBLE have 64 bits, REAL 32;
// TIMESTAMP counts milliseconds.
constexpr std::array kKinesisTypes = std::to_array<NamedType>({
    {"BIGINT", TypeKind::kBigint},
    {"BINARY", TypeKind::kBinary, Arguments::kLength, 1},
    {"BOOLEAN", TypeKind::kBoolean},
    {"CHAR", TypeKind::kChar, Arguments::kLength, 1},
    {"CHARACTER VARYING", TypeKind::kVarchar, Arguments::kLength, 1},
    {"CHARACTER", TypeKind::kChar, Arguments::kLength, 1},
    {"DATE", TypeKind::kDate},
    {"DEC", TypeKind::kDecimal, Arguments::kDecimal, 19},
    {"DECIMAL", TypeKind::kDecimal, Arguments::kDecimal, 19},
    {"DOUBLE PRECISION", TypeKind::kDouble},
    {"DOUBLE", TypeKind::kDouble},
    {"FLOAT", TypeKind::kDouble},
    {"INT", TypeKind::kInteger},
    {"INTEGER", TypeKind::kInteger},
    {"NUMERIC", TypeKind::kDecimal, Arguments::kDecimal, 19},
    {"REAL", TypeKind::kFloat},
    {"SMALLINT", TypeKind::kSmallint},
    {"TIME", TypeKind::kTime, Arguments::kFraction, 0},
    {"TIMESTAMP", TypeKind::kTimestamp, Arguments::kFraction, 3},
    {"TINYINT", TypeKind::kTinyint},
    {"VARBINARY", TypeKind::kVarbinary, Arguments::kLength, 1},
    {"VARCHAR", TypeKind::kVarchar, Arguments::kLength, 1},
});

// Types that a dialect has and columns here can't have yet.
constexpr std::array<std::string_view, 10> kNotYet = {
    "ARRAY",   "BITMAP",       "MAP", "MULTISET", "NULL", "RAW", "TIMESTAMP WITH TIME ZONE",
    "VARIANT", "TIMESTAMP_TZ", "XML"};

std::unexpected<Error> error(std::string_view script, sql::Position position,
                             const std::string& message) {
  return std::unexpected(sql::error_at(script, position, message));
}

Result<Type> with_length(const NamedType& named, const sql::TypeName& name,
                         std::string_view script) {
  Type type = make_type(named.kind, !name.not_null);
  if (name.arguments.size() > 1) {
    return error(script, name.position,
                 fmt::format("{} takes one length, as in {}(10)", name.name, name.name));
  }
  type.precision = name.arguments.empty() ? named.standard : name.arguments[0];
  if (type.precision < 1) {
    return error(script, name.position,
                 fmt::format("length of {} must be between 1 and {}", name.name, kMaxLength));
  }
  return type;
}

Result<Type> with_digits(const NamedType& named, const sql::TypeName& name,
                         std::string_view script) {
  if (name.arguments.size() > 2) {
    return error(
        script, name.position,
        fmt::format("{} takes a precision and a scale, as in {}(10, 2)", name.name, name.name));
  }
  const int32_t precision = name.arguments.empty() ? named.standard : name.arguments[0];
  const int32_t scale = name.arguments.size() < 2 ? 0 : name.arguments[1];
  if (precision < 1 || precision > kMaxDecimalPrecision) {
    return error(
        script, name.position,
        fmt::format("precision of {} must be between 1 and {}", name.name, kMaxDecimalPrecision));
  }
  if (scale < 0 || scale > precision) {
    return error(
        script, name.position,
        fmt::format("scale of {} must be between 0 and its precision ({})", name.name, precision));
  }
  return decimal_type(precision, scale, !name.not_null);
}

Result<Type> with_fraction(const NamedType& named, const sql::TypeName& name,
                           std::string_view script) {
  Type type = make_type(named.kind, !name.not_null);
  type.precision = name.arguments.empty() ? named.standard : name.arguments[0];
  if (name.arguments.size() > 1 || type.precision < 0 || type.precision > 9) {
    return error(script, name.position,
                 fmt::format("precision of {} must be one number between 0 and 9", name.name));
  }
  const int32_t most = named.kind == TypeKind::kTime ? 3 : kMaxTimestampPrecision;
  if (type.precision > most) {
    return error(script, name.position,
                 fmt::format("{}({}) is not yet supported: write at most {} digits of the second",
                             name.name, type.precision, most));
  }
  return type;
}

Result<Type> row_type(const sql::TypeName& name, sql::Dialect dialect, std::string_view script) {
  Type type = make_type(TypeKind::kRow, !name.not_null);
  for (const auto& [field, field_type] : name.fields) {
    const std::string field_name = sql::name_of(field, dialect);
    const auto same = [&](const RowField& other) { return other.name == field_name; };
    if (std::ranges::any_of(type.fields, same)) {
      return error(script, field.position, fmt::format("ROW has two fields '{}'", field_name));
    }
    TRY_ASSIGN(Type resolved, resolve_type(field_type, dialect, script));
    type.fields.push_back({.name = field_name, .type = std::move(resolved)});
  }
  if (type.fields.empty()) return error(script, name.position, "ROW without fields");
  return type;
}

Result<Type> interval_type(const sql::TypeName& name, std::string_view script) {
  const bool months =
      name.name.find("YEAR") != std::string::npos || name.name.find("MONTH") != std::string::npos;
  if (name.name == "INTERVAL") {
    return error(script, name.position, "INTERVAL needs a unit, as in INTERVAL DAY TO SECOND");
  }
  return make_type(months ? TypeKind::kIntervalMonths : TypeKind::kIntervalMillis, !name.not_null);
}

std::unexpected<Error> unknown_type(const sql::TypeName& name, std::span<const NamedType> types,
                                    std::string_view script) {
  if (std::ranges::find(kNotYet, name.name) != kNotYet.end()) {
    return error(script, name.position, fmt::format("{} is not yet supported", name.name));
  }
  std::vector<std::string_view> names;
  for (const NamedType& type : types) names.push_back(type.name);
  std::string message = fmt::format("unknown type {}", name.name);
  if (name.name == "STRING") {  // of the Kinesis dialect
    message += "; write VARCHAR with a length";
  } else if (const auto nearest = nearest_word(name.name, names)) {
    message += fmt::format("; did you mean {}?", *nearest);
  }
  return error(script, name.position, message);
}

void append_leaves(const std::string& name, const Type& type, std::vector<std::string>& path,
                   std::vector<LeafColumn>& leaves) {
  if (type.kind != TypeKind::kRow) {
    leaves.push_back({.name = name, .type = type, .path = path});
    return;
  }
  for (const RowField& field : type.fields) {
    Type inner = field.type;
    inner.nullable = inner.nullable || type.nullable;
    path.push_back(field.name);
    append_leaves(fmt::format("{}.{}", name, field.name), inner, path, leaves);
    path.pop_back();
  }
}

}  // namespace

Result<Type> resolve_type(const sql::TypeName& name, sql::Dialect dialect,
                          std::string_view script) {
  const std::span<const NamedType> types = dialect == sql::Dialect::kFlink
                                               ? std::span<const NamedType>(kFlinkTypes)
                                               : std::span<const NamedType>(kKinesisTypes);
  if (name.name == "ROW" && dialect == sql::Dialect::kFlink) {
    return row_type(name, dialect, script);
  }
  if (name.name.starts_with("INTERVAL")) return interval_type(name, script);
  const auto named = std::ranges::find(types, name.name, &NamedType::name);
  if (named == types.end()) return unknown_type(name, types, script);
  switch (named->arguments) {
    case Arguments::kLength:
      return with_length(*named, name, script);
    case Arguments::kDecimal:
      return with_digits(*named, name, script);
    case Arguments::kFraction:
      return with_fraction(*named, name, script);
    case Arguments::kNone:
      break;
  }
  if (!name.arguments.empty()) {
    return error(script, name.position, fmt::format("{} takes no length", name.name));
  }
  Type type = make_type(named->kind, !name.not_null);
  type.precision = named->standard;
  return type;
}

std::vector<LeafColumn> leaves_of(const std::string& column, const Type& type) {
  std::vector<LeafColumn> leaves;
  std::vector<std::string> path{column};
  append_leaves(column, type, path, leaves);
  return leaves;
}

}  // namespace millstream::analytics
