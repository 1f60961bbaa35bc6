#include "analytics/plan/kinesis_window.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "analytics/functions/function.h"

namespace millstream::analytics {
namespace {

constexpr int64_t kDayMs = 86'400'000;

struct Unit {
  std::string_view name;
  int64_t ms;  // 0: of different lengths
  sql::TimeUnit unit;
};
constexpr std::array kUnits = std::to_array<Unit>({
    {"MILLISECOND", 1, sql::TimeUnit::kMillisecond},
    {"SECOND", 1'000, sql::TimeUnit::kSecond},
    {"MINUTE", 60'000, sql::TimeUnit::kMinute},
    {"HOUR", 3'600'000, sql::TimeUnit::kHour},
    {"DAY", kDayMs, sql::TimeUnit::kDay},
    {"WEEK", 0, sql::TimeUnit::kWeek},
    {"MONTH", 0, sql::TimeUnit::kMonth},
    {"QUARTER", 0, sql::TimeUnit::kQuarter},
    {"YEAR", 0, sql::TimeUnit::kYear},
});

bool is_call(const BoundExpression& expression, std::string_view name, size_t arguments) {
  return expression.kind == BoundKind::kCall && expression.function != nullptr &&
         expression.function->name == name && expression.arguments.size() == arguments;
}

// Casts that keep the order and the value's unit.
const BoundExpression& without_casts(const BoundExpression& expression) {
  const BoundExpression* inner = &expression;
  while (inner->kind == BoundKind::kCast) {
    const Type& from = inner->arguments[0]->type;
    const bool keeps =
        (from.is_timestamp() && inner->type.is_timestamp()) ||
        (from.kind == TypeKind::kIntervalMillis && inner->type.kind == TypeKind::kIntervalMillis);
    if (!keeps) break;
    inner = inner->arguments[0].get();
  }
  return *inner;
}

std::optional<int> as_rowtime(const BoundExpression& expression, const Schema& schema) {
  const BoundExpression& inner = without_casts(expression);
  if (inner.kind != BoundKind::kColumn) return std::nullopt;
  const Type& type = schema[static_cast<size_t>(inner.column)].type;
  if (type.time != TimeAttribute::kRowtime) return std::nullopt;
  return inner.column;
}

std::optional<int64_t> as_integer(const BoundExpression& expression) {
  const BoundExpression* inner = &expression;
  // 10 may have been cast to the type that the operator asks for.
  while (inner->kind == BoundKind::kCast) inner = inner->arguments[0].get();
  if (inner->kind != BoundKind::kLiteral) return std::nullopt;
  if (const auto* number = std::get_if<int64_t>(&inner->literal)) return *number;
  return std::nullopt;
}

const Unit* unit_of(const BoundExpression& expression) {
  if (expression.kind != BoundKind::kLiteral) return nullptr;
  const auto* name = std::get_if<std::string>(&expression.literal);
  if (name == nullptr) return nullptr;
  const auto found = std::ranges::find(kUnits, *name, &Unit::name);
  return found == kUnits.end() ? nullptr : &*found;
}

struct SinceOrigin {
  int column = -1;
  int64_t origin_ms = 0;
};

// (ROWTIME - TIMESTAMP '…') SECOND
std::optional<SinceOrigin> since_origin(const BoundExpression& expression, const Schema& schema) {
  const BoundExpression& difference = without_casts(expression);
  if (!is_call(difference, "-", 2)) return std::nullopt;
  const auto column = as_rowtime(*difference.arguments[0], schema);
  if (!column) return std::nullopt;
  const BoundExpression& origin = without_casts(*difference.arguments[1]);
  if (origin.kind != BoundKind::kLiteral || !origin.type.is_timestamp()) return std::nullopt;
  const auto* micros = std::get_if<int64_t>(&origin.literal);
  if (micros == nullptr || *micros % 1000 != 0) return std::nullopt;
  return SinceOrigin{.column = *column, .origin_ms = *micros / 1000};
}

Result<std::optional<RowtimeWindow>> sized(int column, int64_t size_ms, int64_t origin_ms = 0) {
  if (size_ms <= 0) {
    return fail(ErrorCode::kInvalidArgument, "the interval of a window must be longer than zero");
  }
  RowtimeWindow window;
  window.time_column = column;
  window.size_ms = size_ms;
  window.offset_ms = ((origin_ms % size_ms) + size_ms) % size_ms;
  return window;
}

Result<std::optional<RowtimeWindow>> of_unit(int column, const Unit& unit) {
  if (unit.ms > 0) return sized(column, unit.ms);
  RowtimeWindow window;
  window.time_column = column;
  window.calendar_unit = unit.unit;
  return window;
}

// FLOOR(x TO unit)
Result<std::optional<RowtimeWindow>> of_floor(const BoundExpression& key, const Schema& schema) {
  const Unit* unit = unit_of(*key.arguments[1]);
  if (unit == nullptr) return std::nullopt;
  if (const auto column = as_rowtime(*key.arguments[0], schema)) return of_unit(*column, *unit);
  // FLOOR((ROWTIME - TIMESTAMP '…') SECOND / n TO unit)
  if (unit->ms == 0) return std::nullopt;
  const BoundExpression& value = without_casts(*key.arguments[0]);
  int64_t factor = 1;
  const BoundExpression* interval = &value;
  if (is_call(value, "/", 2)) {
    const auto divisor = as_integer(*value.arguments[1]);
    if (!divisor) return std::nullopt;
    factor = *divisor;
    interval = value.arguments[0].get();
  }
  const auto since = since_origin(*interval, schema);
  if (!since) return std::nullopt;
  constexpr int64_t kMostYears = 100;
  if (factor > kMostYears * 366 * kDayMs / unit->ms) {
    return fail(ErrorCode::kInvalidArgument, "a window may be at most 100 years long");
  }
  return sized(since->column, factor * unit->ms, since->origin_ms);
}

// STEP(ROWTIME BY INTERVAL …)
Result<std::optional<RowtimeWindow>> of_step(const BoundExpression& key, const Schema& schema) {
  const auto column = as_rowtime(*key.arguments[0], schema);
  const auto length = as_integer(*key.arguments[1]);
  if (!column || !length) return std::nullopt;
  if (key.arguments[1]->type.kind == TypeKind::kIntervalMillis) return sized(*column, *length);
  if (key.arguments[1]->type.kind != TypeKind::kIntervalMonths) return std::nullopt;
  RowtimeWindow window;
  window.time_column = *column;
  if (*length == 1) {
    window.calendar_unit = sql::TimeUnit::kMonth;
  } else if (*length == 3) {
    window.calendar_unit = sql::TimeUnit::kQuarter;
  } else if (*length == 12) {
    window.calendar_unit = sql::TimeUnit::kYear;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "a window of {} months is not yet supported: 1, 3 or 12 months are", *length);
  }
  return window;
}

// Days, weeks and months by the units they are made of; -1: not a calendar unit.
int rank_of(std::optional<sql::TimeUnit> unit) {
  if (!unit) return -1;
  switch (*unit) {
    case sql::TimeUnit::kMonth:
      return 1;
    case sql::TimeUnit::kQuarter:
      return 2;
    case sql::TimeUnit::kYear:
      return 3;
    default:
      return 0;  // a week lies in no month and in no year
  }
}

}  // namespace

Result<std::optional<RowtimeWindow>> rowtime_window(const BoundExpression& key,
                                                    const Schema& schema) {
  const BoundExpression& inner = without_casts(key);
  // ROWTIME itself has milliseconds: a window for each.
  if (const auto column = as_rowtime(inner, schema)) return sized(*column, 1);
  if (is_call(inner, "FLOOR", 2)) return of_floor(inner, schema);
  if (is_call(inner, "STEP", 2)) return of_step(inner, schema);
  return std::nullopt;
}

bool is_within(const RowtimeWindow& fine, const RowtimeWindow& coarse) {
  if (fine.time_column != coarse.time_column) return false;
  if (!fine.calendar_unit && !coarse.calendar_unit) {
    return coarse.size_ms % fine.size_ms == 0 &&
           (coarse.offset_ms - fine.offset_ms) % fine.size_ms == 0;
  }
  // Every calendar unit begins at midnight.
  if (!fine.calendar_unit) return kDayMs % fine.size_ms == 0 && fine.offset_ms == 0;
  if (!coarse.calendar_unit) return false;
  if (fine.calendar_unit == coarse.calendar_unit) return true;
  return rank_of(fine.calendar_unit) > 0 &&
         rank_of(fine.calendar_unit) < rank_of(coarse.calendar_unit);
}

std::optional<int> rowtime_column(const Schema& schema) {
  for (size_t i = schema.size(); i-- > 0;) {
    if (schema[i].type.time == TimeAttribute::kRowtime) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace millstream::analytics
