// Names, result types and makers of all aggregates.
#include "analytics/functions/aggregate.h"

#include <algorithm>
#include <array>

#include "analytics/functions/aggregate_kinds.h"

namespace millstream::analytics {
namespace {

using Types = std::span<const Type>;

std::unexpected<Error> takes(std::string_view signature) {
  return fail(ErrorCode::kInvalidArgument, "the arguments do not fit: write {}", signature);
}

Type nullable(Type type) {
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  return type;
}

Result<Type> count_type(Types, sql::Dialect) { return make_type(TypeKind::kBigint, false); }

bool is_number(Types types) { return types.size() == 1 && types[0].is_numeric(); }

Result<Type> sum_type(Types types, sql::Dialect) {
  if (!is_number(types)) return takes("SUM(number)");
  if (types[0].kind == TypeKind::kDecimal) {
    return decimal_type(kMaxDecimalPrecision, types[0].scale);
  }
  return nullable(types[0]);
}

// Flink: LogicalTypeMerging.findAvgAggType: as the argument; DECIMAL has 6 digits at least
// behind the point.
Result<Type> average_type(Types types, sql::Dialect) {
  if (!is_number(types)) return takes("AVG(number)");
  if (types[0].kind == TypeKind::kDecimal) {
    return decimal_type(kMaxDecimalPrecision, std::max(6, types[0].scale));
  }
  return nullable(types[0]);
}

Result<Type> variance_type(Types types, sql::Dialect dialect) {
  if (!is_number(types)) {
    return takes("STDDEV_POP(number), STDDEV_SAMP(number), VAR_POP(number), VAR_SAMP(number)");
  }
  if (dialect == sql::Dialect::kKinesis) return make_type(TypeKind::kDouble);
  return average_type(types, dialect);
}

Result<Type> extreme_type(Types types, sql::Dialect) {
  if (types.size() != 1 || types[0].kind == TypeKind::kRow) return takes("MIN(value), MAX(value)");
  return nullable(types[0]);
}

Result<Type> choice_type(Types types, sql::Dialect) {
  if (types.size() != 1 || types[0].kind == TypeKind::kRow) {
    return takes("FIRST_VALUE(value), LAST_VALUE(value)");
  }
  return nullable(types[0]);
}

Result<Type> listagg_type(Types types, sql::Dialect) {
  const bool fits = (types.size() == 1 || types.size() == 2) &&
                    std::ranges::all_of(types, [](const Type& type) { return type.is_string(); });
  if (!fits) return takes("LISTAGG(string[, separator])");
  return varchar_type();
}

template <bool kSample, bool kRoot>
std::unique_ptr<Accumulator> variance(const AggregateCall& call, sql::Dialect) {
  return make_variance(call, kSample, kRoot);
}
template <bool kGreatest>
std::unique_ptr<Accumulator> extreme(const AggregateCall& call, sql::Dialect) {
  return make_extreme(call, kGreatest);
}
std::unique_ptr<Accumulator> listagg(const AggregateCall& call, sql::Dialect) {
  return make_listagg(call);
}

std::span<const AggregateFunction> table() {
  static const std::array<AggregateFunction, 14> kTable = {{
      {"AVG", Dialects::kBoth, average_type, make_avg, false, "AVG([DISTINCT] number)"},
      {"COUNT", Dialects::kBoth, count_type, make_count, false,
       "COUNT(*), COUNT([DISTINCT] value)"},
      {"FIRST_VALUE", Dialects::kBoth, choice_type, make_first, true, "FIRST_VALUE(value)"},
      {"LAST_VALUE", Dialects::kBoth, choice_type, make_last, true, "LAST_VALUE(value)"},
      {"LISTAGG", Dialects::kFlink, listagg_type, listagg, true, "LISTAGG(string[, separator])"},
      {"MAX", Dialects::kBoth, extreme_type, extreme<true>, false, "MAX(value)"},
      {"MIN", Dialects::kBoth, extreme_type, extreme<false>, false, "MIN(value)"},
      {"STDDEV", Dialects::kFlink, variance_type, variance<true, true>, false, "STDDEV(number)"},
      {"STDDEV_POP", Dialects::kBoth, variance_type, variance<false, true>, false,
       "STDDEV_POP(number)"},
      {"STDDEV_SAMP", Dialects::kBoth, variance_type, variance<true, true>, false,
       "STDDEV_SAMP(number)"},
      {"SUM", Dialects::kBoth, sum_type, make_sum, false, "SUM([DISTINCT] number)"},
      {"VARIANCE", Dialects::kFlink, variance_type, variance<true, false>, false,
       "VARIANCE(number)"},
      {"VAR_POP", Dialects::kBoth, variance_type, variance<false, false>, false, "VAR_POP(number)"},
      {"VAR_SAMP", Dialects::kBoth, variance_type, variance<true, false>, false,
       "VAR_SAMP(number)"},
  }};
  return kTable;
}

// What the dialects have and Millstream does not.
constexpr std::array<std::string_view, 5> kMissingFlink = {
    "APPROX_COUNT_DISTINCT", "COLLECT", "JSON_ARRAYAGG", "JSON_OBJECTAGG", "SINGLE_VALUE"};
constexpr std::array<std::string_view, 2> kMissingKinesis = {"EXP_AVG", "HOTSPOTS"};

bool is_missing(std::string_view name, sql::Dialect dialect) {
  return dialect == sql::Dialect::kFlink
             ? std::ranges::find(kMissingFlink, name) != kMissingFlink.end()
             : std::ranges::find(kMissingKinesis, name) != kMissingKinesis.end();
}

bool speaks(const AggregateFunction& function, sql::Dialect dialect) {
  const auto bit =
      static_cast<uint8_t>(dialect == sql::Dialect::kFlink ? Dialects::kFlink : Dialects::kKinesis);
  return (static_cast<uint8_t>(function.dialects) & bit) != 0;
}

}  // namespace

Result<const AggregateFunction*> find_aggregate(std::string_view name, sql::Dialect dialect) {
  for (const AggregateFunction& function : table()) {
    if (function.name == name && speaks(function, dialect)) return &function;
  }
  if (is_missing(name, dialect)) {
    return fail(ErrorCode::kInvalidArgument, "aggregate function {} is not yet supported", name);
  }
  return fail(ErrorCode::kInvalidArgument, "there is no aggregate function {}", name.substr(0, 80));
}

bool is_aggregate(std::string_view name, sql::Dialect dialect) {
  return is_missing(name, dialect) ||
         std::ranges::any_of(table(), [&](const AggregateFunction& function) {
           return function.name == name && speaks(function, dialect);
         });
}

std::vector<const AggregateFunction*> aggregates_of(sql::Dialect dialect) {
  std::vector<const AggregateFunction*> all;
  for (const AggregateFunction& function : table()) {
    if (speaks(function, dialect)) all.push_back(&function);
  }
  return all;
}

}  // namespace millstream::analytics
