#include "analytics/functions/coercion.h"

#include <algorithm>

#include "analytics/functions/function.h"

namespace millstream::analytics {
namespace {

// Bits of the families of types that casts are described by.
enum Family : uint32_t {
  kBooleans = 1,
  kIntegers = 2,
  kDecimals = 4,
  kApproximates = 8,
  kStrings = 16,
  kBinaries = 32,
  kDates = 64,
  kTimes = 128,
  kTimestamps = 256,
  kLocalTimestamps = 512,
  kMonths = 1024,
  kMillis = 2048,
};
constexpr uint32_t kNumbers = kIntegers | kDecimals | kApproximates;
constexpr uint32_t kIntervals = kMonths | kMillis;
constexpr uint32_t kPoints = kTimestamps | kLocalTimestamps;

uint32_t family(const Type& type) {
  if (type.is_integer()) return kIntegers;
  if (type.is_approximate()) return kApproximates;
  if (type.is_string()) return kStrings;
  if (type.is_binary()) return kBinaries;
  switch (type.kind) {
    case TypeKind::kBoolean:
      return kBooleans;
    case TypeKind::kDecimal:
      return kDecimals;
    case TypeKind::kDate:
      return kDates;
    case TypeKind::kTime:
      return kTimes;
    case TypeKind::kTimestamp:
      return kTimestamps;
    case TypeKind::kTimestampLtz:
      return kLocalTimestamps;
    case TypeKind::kIntervalMonths:
      return kMonths;
    case TypeKind::kIntervalMillis:
      return kMillis;
    default:
      return 0;
  }
}

// Families from which a CAST to `target` exists.
uint32_t castable_from(const Type& target, sql::Dialect dialect) {
  const bool kinesis = dialect == sql::Dialect::kKinesis;
  switch (family(target)) {
    case kBooleans:
      return kBooleans | kStrings | kIntegers | (kinesis ? 0U : kDecimals | kApproximates);
    case kIntegers:
      return kBooleans | kNumbers | kStrings | kIntervals | (kinesis ? kPoints : 0U);
    case kDecimals:
      return kBooleans | kNumbers | kStrings | kIntervals;
    case kApproximates:
      return kBooleans | kNumbers | kStrings;
    case kStrings:
      return ~0U;
    case kBinaries:
      return kBinaries | kStrings;
    case kDates:
      return kDates | kPoints | kStrings;
    case kTimes:
      return kTimes | kPoints | kStrings;
    case kTimestamps:
    case kLocalTimestamps:
      return kDates | kTimes | kPoints | kStrings;
    case kMonths:
      return kMonths | kStrings | kIntegers;
    case kMillis:
      return kMillis | kStrings | kIntegers;
    default:
      return 0;
  }
}

Type bounded_decimal(int precision, int scale) {
  if (precision > kMaxDecimalPrecision) {
    const int whole = precision - scale;
    scale = std::max(kMaxDecimalPrecision - whole, std::min(scale, 6));
    precision = kMaxDecimalPrecision;
  }
  return decimal_type(precision, scale);
}

constexpr int kMaxKinesisPrecision = 18;

Type decimal_result(int whole, int scale, sql::Dialect dialect) {
  if (dialect == sql::Dialect::kFlink) return bounded_decimal(whole + scale, scale);
  whole = std::min(whole, kMaxKinesisPrecision);
  scale = std::min(scale, kMaxKinesisPrecision - whole);
  return decimal_type(std::max(whole + scale, 1), scale);
}

bool is_null_type(const Type& type) { return type.kind == TypeKind::kNull; }

Type common_numeric(const Type& a, const Type& b) {
  if (a.is_approximate() || b.is_approximate()) {
    // FLOAT survives beside integers only.
    const bool single = (a.kind == TypeKind::kFloat || a.is_integer()) &&
                        (b.kind == TypeKind::kFloat || b.is_integer());
    return make_type(single ? TypeKind::kFloat : TypeKind::kDouble);
  }
  if (a.is_integer() && b.is_integer()) return make_type(std::max(a.kind, b.kind));
  const Type left = as_decimal(a);
  const Type right = as_decimal(b);
  const int scale = std::max(left.scale, right.scale);
  const int whole = std::max(left.precision - left.scale, right.precision - right.scale);
  return bounded_decimal(whole + scale, scale);
}

std::optional<Type> common_pair(const Type& a, const Type& b) {
  if (is_null_type(a)) return b;
  if (is_null_type(b)) return a;
  if (a.is_numeric() && b.is_numeric()) return common_numeric(a, b);
  if ((a.is_string() && b.is_string()) || (a.is_binary() && b.is_binary())) {
    Type result = a;
    // Texts of unequal lengths vary in length.
    const bool varying = a.kind != b.kind || a.precision != b.precision ||
                         a.kind == TypeKind::kVarchar || a.kind == TypeKind::kVarbinary;
    if (varying) result.kind = a.is_string() ? TypeKind::kVarchar : TypeKind::kVarbinary;
    result.precision = std::max(a.precision, b.precision);
    return result;
  }
  if (a.kind == b.kind) {
    if (a.kind == TypeKind::kRow && a.fields != b.fields) return std::nullopt;
    Type result = a;
    result.precision = std::max(a.precision, b.precision);
    if (a.time != b.time) result.time = TimeAttribute::kNone;
    return result;
  }
  const auto is_date_or_point = [](const Type& type) {
    return type.kind == TypeKind::kDate || type.is_timestamp();
  };
  if (is_date_or_point(a) && is_date_or_point(b)) {
    Type result = a.kind > b.kind ? a : b;  // DATE < TIMESTAMP < TIMESTAMP_LTZ
    result.precision = std::max(a.precision, b.precision);
    result.time = TimeAttribute::kNone;
    return result;
  }
  return std::nullopt;
}

}  // namespace

Type as_decimal(const Type& type) {
  switch (type.kind) {
    case TypeKind::kTinyint:
      return decimal_type(3, 0, type.nullable);
    case TypeKind::kSmallint:
      return decimal_type(5, 0, type.nullable);
    case TypeKind::kInteger:
      return decimal_type(10, 0, type.nullable);
    case TypeKind::kBigint:
      return decimal_type(19, 0, type.nullable);
    default:
      return type;
  }
}

Type decimal_sum_type(const Type& a, const Type& b, sql::Dialect dialect) {
  const int scale = std::max(a.scale, b.scale);
  return decimal_result(std::max(a.precision - a.scale, b.precision - b.scale) + 1, scale, dialect);
}

Type decimal_product_type(const Type& a, const Type& b, sql::Dialect dialect) {
  const int scale = a.scale + b.scale;
  if (dialect == sql::Dialect::kKinesis) {
    // Here the digits behind the point come first.
    const int precision = std::min(a.precision + b.precision, kMaxKinesisPrecision);
    return decimal_type(precision, std::min(scale, precision));
  }
  return bounded_decimal(a.precision + b.precision + 1, scale);
}

Type decimal_quotient_type(const Type& a, const Type& b, sql::Dialect dialect) {
  return decimal_result(a.precision - a.scale + b.scale, std::max(6, a.scale + b.precision + 1),
                        dialect);
}

Type decimal_modulo_type(const Type& a, const Type& b, sql::Dialect dialect) {
  return decimal_result(std::min(a.precision - a.scale, b.precision - b.scale),
                        std::max(a.scale, b.scale), dialect);
}

Type decimal_round_type(const Type& type, int digits) {
  if (digits >= type.scale) return type;
  if (digits < 0) {
    return decimal_type(std::min(kMaxDecimalPrecision, 1 + type.precision - type.scale), 0);
  }
  return decimal_type(1 + type.precision - type.scale + digits, digits);
}

Result<Type> common_type(std::span<const Type> types, sql::Dialect) {
  Type result = make_type(TypeKind::kNull);
  bool nullable = false;
  for (const Type& type : types) {
    nullable |= type.nullable || is_null_type(type);
    const auto pair = common_pair(result, type);
    if (!pair) {
      return fail(ErrorCode::kInvalidArgument,
                  "{} and {} have no common type: write a CAST around one of them",
                  type_text(result), type_text(type));
    }
    result = *pair;
  }
  result.nullable = nullable;
  return result;
}

Result<Type> comparison_type(const Type& a, const Type& b, sql::Dialect dialect) {
  const std::array<Type, 2> types = {a, b};
  auto result = common_type(types, dialect);
  if (result) return result;
  // Text beside a number, a time or a truth value is read as one.
  const Type& other = a.is_string() ? b : a;
  if ((a.is_string() || b.is_string()) && !other.is_binary() && other.kind != TypeKind::kRow) {
    Type type = other;
    type.time = TimeAttribute::kNone;
    // INT = '1.5' shall not compare with 1.
    if (type.is_integer() && dialect == sql::Dialect::kKinesis) type = make_type(TypeKind::kDouble);
    type.nullable = true;
    return type;
  }
  return fail(ErrorCode::kInvalidArgument, "{} can't be compared with {}: write a CAST",
              type_text(a), type_text(b));
}

bool can_cast(const Type& from, const Type& to, sql::Dialect dialect) {
  if (is_null_type(from)) return true;
  if (from.kind == TypeKind::kRow || to.kind == TypeKind::kRow) return from == to;
  return (castable_from(to, dialect) & family(from)) != 0;
}

bool can_cast_implicitly(const Type& from, const Type& to, sql::Dialect dialect) {
  if (is_null_type(from)) return true;
  if (from.kind == TypeKind::kRow || to.kind == TypeKind::kRow) return from == to;
  if (family(from) == family(to)) {
    // Down to a smaller integer by itself only when rows are stored (as both dialects do).
    return true;
  }
  if (from.is_numeric() && to.is_numeric()) return true;
  const auto is_date_or_point = [](const Type& type) {
    return type.kind == TypeKind::kDate || type.is_timestamp();
  };
  if (is_date_or_point(from) && is_date_or_point(to)) return true;
  // The Kinesis dialect puts anything with a CAST into a character column, and reads text.
  return dialect == sql::Dialect::kKinesis && (to.is_string() || from.is_string()) &&
         can_cast(from, to, dialect);
}

}  // namespace millstream::analytics
