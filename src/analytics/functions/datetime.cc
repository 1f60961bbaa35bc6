// Arithmetic of dates, times and intervals; EXTRACT and its short forms; FLOOR, CEIL and STEP;
// TIMESTAMPADD and TIMESTAMPDIFF; the current time.

#include <algorithm>
#include <cmath>
#include <limits>

#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

// The unit that a literal names, as `prepare` hands it to kernels.
std::shared_ptr<void> unit_state(TimeUnit unit) { return std::make_shared<TimeUnit>(unit); }
TimeUnit unit_of(const KernelContext& context) {
  return *static_cast<const TimeUnit*>(context.state);
}

Result<TimeUnit> literal_unit(const BoundExpression& argument) {
  const auto name = literal_text(argument);
  const auto unit = name ? parse_time_unit(*name) : std::nullopt;
  if (!unit) {
    return fail(ErrorCode::kInvalidArgument, "a unit such as SECOND, HOUR or DAY is expected{}{}",
                name ? ", not " : "", name.value_or(""));
  }
  return *unit;
}

template <size_t kArgument>
Result<std::shared_ptr<void>> prepare_unit(std::span<const BoundPtr> arguments) {
  TRY_ASSIGN(const TimeUnit unit, literal_unit(*arguments[kArgument]));
  return unit_state(unit);
}

bool is_month_unit(TimeUnit unit) { return unit_micros(unit) == 0; }
int64_t months_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMonth:
      return 1;
    case TimeUnit::kQuarter:
      return 3;
    case TimeUnit::kDecade:
      return 120;
    case TimeUnit::kCentury:
      return 1200;
    case TimeUnit::kMillennium:
      return 12000;
    default:
      return 12;
  }
}

// A value of any date-time type as microseconds of its wall clock, and back.
class Clock {
 public:
  Clock(const Type& type, const KernelContext& context)
      : kind_(type.kind), zone_(checked_time_zone(context.time_zone)) {}
  int64_t local(int64_t value) const {
    switch (kind_) {
      case TypeKind::kDate:
        return wrap_mul(value, kMicrosPerDay);
      case TypeKind::kTime:
      case TypeKind::kIntervalMillis:
        return wrap_mul(value, kMicrosPerMilli);
      case TypeKind::kTimestampLtz:
        return zone_.to_local(value);
      default:
        return value;
    }
  }
  int64_t value(int64_t local) const {
    switch (kind_) {
      case TypeKind::kDate:
        return floor_div(local, kMicrosPerDay);
      case TypeKind::kTime:
        return floor_mod(local, kMicrosPerDay) / kMicrosPerMilli;
      case TypeKind::kIntervalMillis:
        return floor_div(local, kMicrosPerMilli);
      case TypeKind::kTimestampLtz:
        return zone_.to_utc(local);
      default:
        return local;
    }
  }

 private:
  TypeKind kind_;
  const TimeZone& zone_;
};

template <class F>
void map_ints(const KernelContext& context, Arguments arguments, Column& out, F f) {
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out, f);
}

// --- time and interval arithmetic

// time + interval, interval + time, time - interval
template <bool kMinus>
Result<ResolvedCall> resolve_shift(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  const Type& a = arguments[0]->type;
  const Type& b = arguments[1]->type;
  const bool swapped = !kMinus && a.is_interval() && b.is_datetime();
  if (!swapped && !(a.is_datetime() && b.is_interval())) return no_overload(self, arguments);
  const Type& time = swapped ? b : a;
  const Type& interval = swapped ? a : b;
  if (time.kind == TypeKind::kTime && interval.kind == TypeKind::kIntervalMonths) {
    return no_overload(self, arguments);
  }
  return resolved(self, time, {a, b}, arguments);
}

template <bool kMinus>
void shift_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const size_t time_at = context.argument_types[0].is_interval() ? 1 : 0;
  const Column* const sides[] = {arguments[time_at], arguments[1 - time_at]};
  const bool months = context.argument_types[1 - time_at].kind == TypeKind::kIntervalMonths;
  const TypeKind kind = context.type.kind;
  const auto sign = [](int64_t v) { return kMinus ? wrap_sub(0, v) : v; };
  const auto binary = [&](auto f) {
    map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(context, sides, out, f);
  };
  if (kind == TypeKind::kDate) {
    if (months) {
      return binary([&](int64_t d, int64_t m) { return add_months_to_days(d, sign(m)); });
    }
    return binary([&](int64_t d, int64_t ms) { return wrap_add(d, sign(ms) / kMillisPerDay); });
  }
  if (kind == TypeKind::kTime) {
    return binary(
        [&](int64_t t, int64_t ms) { return floor_mod(wrap_add(t, sign(ms)), kMillisPerDay); });
  }
  if (!months) {
    return binary(
        [&](int64_t t, int64_t ms) { return wrap_add(t, wrap_mul(sign(ms), kMicrosPerMilli)); });
  }
  const Clock clock(context.type, context);
  binary([&](int64_t t, int64_t m) { return clock.value(add_months(clock.local(t), sign(m))); });
}

// time - time: an interval of milliseconds
Result<ResolvedCall> resolve_difference(const Function& self, std::span<const BoundPtr> arguments,
                                        Dialect) {
  if (arguments.size() != 2 || !arguments[0]->type.is_datetime() ||
      !arguments[1]->type.is_datetime() ||
      (arguments[0]->type.kind == TypeKind::kTime) !=
          (arguments[1]->type.kind == TypeKind::kTime)) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kIntervalMillis, false),
                  {arguments[0]->type, arguments[1]->type}, arguments);
}

void difference_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const Clock a(context.argument_types[0], context);
  const Clock b(context.argument_types[1], context);
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments, out, [&](int64_t x, int64_t y) {
        return floor_div(a.local(x), kMicrosPerMilli) - floor_div(b.local(y), kMicrosPerMilli);
      });
}

Result<ResolvedCall> resolve_intervals(const Function& self, std::span<const BoundPtr> arguments,
                                       Dialect) {
  if (arguments.size() != 2 || !arguments[0]->type.is_interval() ||
      arguments[0]->type.kind != arguments[1]->type.kind) {
    return no_overload(self, arguments);
  }
  return resolved(self, arguments[0]->type, {arguments[0]->type, arguments[1]->type}, arguments);
}

template <bool kMinus>
void interval_sum_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments, out,
      [](int64_t a, int64_t b) { return kMinus ? wrap_sub(a, b) : wrap_add(a, b); });
}

// interval * number, number * interval, interval / number
template <bool kDivide>
Result<ResolvedCall> resolve_scaled(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  const Type& a = arguments[0]->type;
  const Type& b = arguments[1]->type;
  const Type number = make_type(TypeKind::kDouble);
  if (a.is_interval() && b.is_numeric()) {
    return resolved(self, a, {a, b.is_integer() ? b : number}, arguments);
  }
  if (!kDivide && a.is_numeric() && b.is_interval()) {
    return resolved(self, b, {a.is_integer() ? a : number, b}, arguments);
  }
  return no_overload(self, arguments);
}

int64_t to_integer(double value) {
  if (std::isnan(value)) return 0;
  return static_cast<int64_t>(std::clamp(value, -9.2e18, 9.2e18));
}

template <bool kDivide>
void scaled_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const size_t interval_at = context.argument_types[0].is_interval() ? 0 : 1;
  const Column& interval = *arguments[interval_at];
  const Column& number = *arguments[1 - interval_at];
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t value = interval.ints[i];
    const bool whole = number.physical == Physical::kInt64;
    const bool zero = whole ? number.ints[i] == 0 : number.doubles[i] == 0;
    if (kDivide && zero) {
      out.ints[i] = 0;
      marks.error(i, "division by zero");
    } else if (whole && !kDivide) {
      out.ints[i] = wrap_mul(value, number.ints[i]);
    } else if (whole) {
      out.ints[i] = number.ints[i] == -1 ? wrap_sub(0, value) : value / number.ints[i];
    } else {
      const double exact = static_cast<double>(value);
      out.ints[i] = to_integer(kDivide ? exact / number.doubles[i] : exact * number.doubles[i]);
    }
  }
}

// --- fields

bool has_fields(const Type& type) { return type.is_datetime() || type.is_interval(); }

Result<ResolvedCall> resolve_extract(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect) {
  if (arguments.size() != 2 || !has_fields(arguments[1]->type)) {
    return no_overload(self, arguments);
  }
  TRY_ASSIGN(const TimeUnit unit, literal_unit(*arguments[0]));
  if (arguments[1]->type.is_interval() && unit == TimeUnit::kEpoch) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kBigint, false),
                  {arguments[0]->type, arguments[1]->type}, arguments);
}

// A field of an interval; each carries the sign.
int64_t interval_field(TimeUnit unit, int64_t value, TypeKind kind) {
  if (kind == TypeKind::kIntervalMonths) {
    return unit == TimeUnit::kYear ? value / 12 : unit == TimeUnit::kMonth ? value % 12 : 0;
  }
  switch (unit) {
    case TimeUnit::kDay:
      return value / kMillisPerDay;
    case TimeUnit::kHour:
      return value / 3'600'000 % 24;
    case TimeUnit::kMinute:
      return value / 60'000 % 60;
    case TimeUnit::kSecond:
      return value / 1000 % 60;
    case TimeUnit::kMillisecond:
      return value % 1000;
    default:
      return 0;
  }
}

void extract_column(KernelContext& context, const Column& from, const Type& type, TimeUnit unit,
                    Column& out) {
  const Column* const arguments[] = {&from};
  if (type.is_interval()) {
    return map_ints(context, arguments, out,
                    [&](int64_t v) { return interval_field(unit, v, type.kind); });
  }
  if (type.kind == TypeKind::kTimestamp && unit == TimeUnit::kHour) {
    return map_ints(context, arguments, out,
                    [](int64_t v) { return floor_mod(floor_div(v, kMicrosPerHour), 24); });
  }
  if (unit == TimeUnit::kEpoch && type.kind == TypeKind::kTimestampLtz) {
    return map_ints(context, arguments, out,
                    [](int64_t v) { return floor_div(v, kMicrosPerSecond); });
  }
  const Clock clock(type, context);
  map_ints(context, arguments, out, [&](int64_t v) { return extract_unit(unit, clock.local(v)); });
}

void extract_kernel(KernelContext& context, Arguments arguments, Column& out) {
  extract_column(context, *arguments[1], context.argument_types[1], unit_of(context), out);
}

Result<ResolvedCall> resolve_field(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect) {
  if (arguments.size() != 1 || !arguments[0]->type.is_datetime()) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kBigint, false), {arguments[0]->type}, arguments);
}

template <TimeUnit kUnit>
void field_kernel(KernelContext& context, Arguments arguments, Column& out) {
  extract_column(context, *arguments[0], context.argument_types[0], kUnit, out);
}

// --- FLOOR, CEIL, STEP

Result<ResolvedCall> resolve_floor(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect) {
  const bool is_interval =
      arguments.size() == 2 && arguments[0]->type.kind == TypeKind::kIntervalMillis;
  if (arguments.size() != 2 || !(is_interval || arguments[0]->type.is_datetime())) {
    return no_overload(self, arguments);
  }
  TRY_ASSIGN(const TimeUnit unit, literal_unit(*arguments[1]));
  if (is_interval && unit > TimeUnit::kDay) return no_overload(self, arguments);
  if (unit >= TimeUnit::kDow && unit <= TimeUnit::kEpoch) {
    return fail(ErrorCode::kInvalidArgument, "{} ... TO {} is not a unit of time", self.name,
                time_unit_name(unit));
  }
  return resolved(self, arguments[0]->type, {arguments[0]->type, arguments[1]->type}, arguments);
}

template <int64_t kLength>
void floor_fixed(const KernelContext& context, Arguments arguments, Column& out) {
  map_ints(context, arguments, out, [](int64_t v) { return wrap_sub(v, floor_mod(v, kLength)); });
}

template <bool kUp>
void floor_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const TimeUnit unit = unit_of(context);
  const Arguments time = arguments.first(1);
  if (!kUp && context.type.kind == TypeKind::kTimestamp) {
    switch (unit) {  // divisors that the compiler knows
      case TimeUnit::kSecond:
        return floor_fixed<kMicrosPerSecond>(context, time, out);
      case TimeUnit::kMinute:
        return floor_fixed<kMicrosPerMinute>(context, time, out);
      case TimeUnit::kHour:
        return floor_fixed<kMicrosPerHour>(context, time, out);
      case TimeUnit::kDay:
        return floor_fixed<kMicrosPerDay>(context, time, out);
      default:
        break;
    }
  }
  const Clock clock(context.type, context);
  map_ints(context, time, out,
           [&](int64_t v) { return clock.value(floor_to_unit(unit, clock.local(v), kUp)); });
}

Result<ResolvedCall> resolve_step(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  const Type& a = arguments[0]->type;
  const Type& b = arguments[1]->type;
  if (a.is_datetime() && b.is_interval()) return resolved(self, a, {a, b}, arguments);
  if (a.is_numeric() && b.is_numeric()) {
    const std::array<Type, 2> types = {a, b};
    TRY_ASSIGN(const Type type, common_type(types, dialect));
    return resolved(self, type, {type, type}, arguments);
  }
  return no_overload(self, arguments);
}

void step_numbers(KernelContext& context, Arguments arguments, Column& out) {
  RowMarks marks(context, out);
  out.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    bool positive = false;
    if (out.physical == Physical::kInt64) {
      const int64_t step = arguments[1]->ints[i];
      positive = step > 0;
      const int64_t value = arguments[0]->ints[i];
      out.ints[i] = positive ? wrap_sub(value, floor_mod(value, step)) : 0;
    } else if (out.physical == Physical::kDouble) {
      const double step = arguments[1]->doubles[i];
      positive = step > 0;
      out.doubles[i] = positive ? std::floor(arguments[0]->doubles[i] / step) * step : 0;
    } else {
      const Decimal step = arguments[1]->decimals[i];
      positive = step > 0;
      const Decimal value = arguments[0]->decimals[i];
      const Decimal rest = positive ? value % step : 0;
      out.decimals[i] = value - rest - (rest < 0 ? step : 0);
    }
    if (!positive) marks.error(i, "STEP needs a step above zero");
  }
}

void step_kernel(KernelContext& context, Arguments arguments, Column& out) {
  if (!context.type.is_datetime()) return step_numbers(context, arguments, out);
  const bool months = context.argument_types[1].kind == TypeKind::kIntervalMonths;
  const Clock clock(context.type, context);
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t step = arguments[1]->ints[i];
    const int64_t value = arguments[0]->ints[i];
    if (step <= 0) {
      out.ints[i] = 0;
      marks.error(i, "STEP needs an interval above zero");
      continue;
    }
    const int64_t local = clock.local(value);
    if (months) {
      const CivilDate date = civil_from_days(floor_div(local, kMicrosPerDay));
      const int64_t count = (date.year - 1970) * 12 + date.month - 1;
      out.ints[i] = clock.value(add_months(0, count - floor_mod(count, step)));
    } else {
      const int64_t length = wrap_mul(step, kMicrosPerMilli);
      out.ints[i] = length <= 0 ? value : clock.value(wrap_sub(local, floor_mod(local, length)));
    }
  }
}

// --- TIMESTAMPADD, TIMESTAMPDIFF

Result<ResolvedCall> resolve_timestampadd(const Function& self, std::span<const BoundPtr> arguments,
                                          Dialect) {
  if (arguments.size() != 3 || !arguments[1]->type.is_integer() ||
      !arguments[2]->type.is_datetime()) {
    return no_overload(self, arguments);
  }
  TRY_ASSIGN(const TimeUnit unit, literal_unit(*arguments[0]));
  Type type = arguments[2]->type;
  // Hours of a DATE make a TIMESTAMP of it.
  const int64_t length = unit_micros(unit);
  if (type.kind == TypeKind::kDate && length != 0 && length < kMicrosPerDay) {
    type = timestamp_type(unit == TimeUnit::kMillisecond ? 3 : 0);
  }
  return resolved(self, type, {arguments[0]->type, make_type(TypeKind::kBigint), type}, arguments);
}

void timestampadd_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const TimeUnit unit = unit_of(context);
  const Clock clock(context.type, context);
  const int64_t length = unit_micros(unit);
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments.subspan(1), out, [&](int64_t n, int64_t t) {
        if (length != 0 && context.type.is_timestamp()) return wrap_add(t, wrap_mul(n, length));
        const int64_t local = clock.local(t);
        const int64_t moved = length != 0 ? wrap_add(local, wrap_mul(n, length))
                                          : add_months(local, wrap_mul(n, months_of(unit)));
        return clock.value(moved);
      });
}

Result<ResolvedCall> resolve_timestampdiff(const Function& self,
                                           std::span<const BoundPtr> arguments, Dialect dialect) {
  if (arguments.size() != 3 || !arguments[1]->type.is_datetime() ||
      !arguments[2]->type.is_datetime() ||
      (arguments[1]->type.kind == TypeKind::kTime) !=
          (arguments[2]->type.kind == TypeKind::kTime)) {
    return no_overload(self, arguments);
  }
  TRY(literal_unit(*arguments[0]));
  const auto kind = dialect == Dialect::kFlink ? TypeKind::kInteger : TypeKind::kBigint;
  return resolved(self, make_type(kind, false),
                  {arguments[0]->type, arguments[1]->type, arguments[2]->type}, arguments);
}

void timestampdiff_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const TimeUnit unit = unit_of(context);
  const Clock a(context.argument_types[1], context);
  const Clock b(context.argument_types[2], context);
  const bool narrow = context.type.kind == TypeKind::kInteger;
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments.subspan(1), out, [&](int64_t from, int64_t to) {
        from = a.local(from);
        to = b.local(to);
        const int64_t count = is_month_unit(unit) ? months_between(from, to) / months_of(unit)
                                                  : wrap_sub(to, from) / unit_micros(unit);
        return narrow ? static_cast<int64_t>(static_cast<int32_t>(count)) : count;
      });
}

// --- the current time

template <TypeKind kFlinkKind, TypeKind kKinesisKind>
Result<ResolvedCall> resolve_now(const Function& self, std::span<const BoundPtr> arguments,
                                 Dialect dialect) {
  if (!arguments.empty()) return no_overload(self, arguments);
  return ResolvedCall{
      &self, make_type(dialect == Dialect::kFlink ? kFlinkKind : kKinesisKind, false), {}};
}

BoundPtr lower_now(const BoundExpression& call, Dialect) {
  auto now = std::make_shared<BoundExpression>();
  now->kind = BoundKind::kCurrentTime;
  now->type = call.type;
  return now;
}

template <TypeKind kFlinkKind, TypeKind kKinesisKind>
Function current(std::string_view name, Dialects dialects = Dialects::kBoth) {
  return {.name = name,
          .dialects = dialects,
          .resolve = resolve_now<kFlinkKind, kKinesisKind>,
          .deterministic = false,
          .lower = lower_now,
          .signature = name};
}

template <TimeUnit kUnit>
Function field(std::string_view name, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kFlink,
          .resolve = resolve_field,
          .kernel = field_kernel<kUnit>,
          .signature = signature};
}

void add_time_arithmetic(FunctionList& table) {
  table.push_back({.name = "+",
                   .resolve = resolve_shift<false>,
                   .kernel = shift_kernel<false>,
                   .signature = "time + interval"});
  table.push_back({.name = "-",
                   .resolve = resolve_shift<true>,
                   .kernel = shift_kernel<true>,
                   .signature = "time - interval"});
  table.push_back({.name = "-",
                   .resolve = resolve_difference,
                   .kernel = difference_kernel,
                   .signature = "time - time"});
  table.push_back({.name = "+",
                   .resolve = resolve_intervals,
                   .kernel = interval_sum_kernel<false>,
                   .signature = "interval + interval"});
  table.push_back({.name = "-",
                   .resolve = resolve_intervals,
                   .kernel = interval_sum_kernel<true>,
                   .signature = "interval - interval"});
  table.push_back({.name = "*",
                   .resolve = resolve_scaled<false>,
                   .kernel = scaled_kernel<false>,
                   .signature = "interval * number"});
  table.push_back({.name = "/",
                   .resolve = resolve_scaled<true>,
                   .kernel = scaled_kernel<true>,
                   .signature = "interval / number"});
}

}  // namespace

void add_datetime(FunctionList& table) {
  add_time_arithmetic(table);
  table.push_back({.name = "EXTRACT",
                   .resolve = resolve_extract,
                   .kernel = extract_kernel,
                   .prepare = prepare_unit<0>,
                   .signature = "EXTRACT(unit FROM time)"});
  table.push_back(field<TimeUnit::kYear>("YEAR", "YEAR(time)"));
  table.push_back(field<TimeUnit::kQuarter>("QUARTER", "QUARTER(time)"));
  table.push_back(field<TimeUnit::kMonth>("MONTH", "MONTH(time)"));
  table.push_back(field<TimeUnit::kWeek>("WEEK", "WEEK(time)"));
  table.push_back(field<TimeUnit::kDoy>("DAYOFYEAR", "DAYOFYEAR(time)"));
  table.push_back(field<TimeUnit::kDay>("DAYOFMONTH", "DAYOFMONTH(time)"));
  table.push_back(field<TimeUnit::kDow>("DAYOFWEEK", "DAYOFWEEK(time)"));
  table.push_back(field<TimeUnit::kHour>("HOUR", "HOUR(time)"));
  table.push_back(field<TimeUnit::kMinute>("MINUTE", "MINUTE(time)"));
  table.push_back(field<TimeUnit::kSecond>("SECOND", "SECOND(time)"));
  table.push_back({.name = "FLOOR",
                   .resolve = resolve_floor,
                   .kernel = floor_kernel<false>,
                   .prepare = prepare_unit<1>,
                   .signature = "FLOOR(time TO unit)"});
  table.push_back({.name = "CEIL",
                   .resolve = resolve_floor,
                   .kernel = floor_kernel<true>,
                   .prepare = prepare_unit<1>,
                   .signature = "CEIL(time TO unit)"});
  table.push_back({.name = "STEP",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_step,
                   .kernel = step_kernel,
                   .signature = "STEP(time BY interval)"});
  table.push_back({.name = "TIMESTAMPADD",
                   .resolve = resolve_timestampadd,
                   .kernel = timestampadd_kernel,
                   .prepare = prepare_unit<0>,
                   .signature = "TIMESTAMPADD(unit, count, time)"});
  table.push_back({.name = "TIMESTAMPDIFF",
                   .resolve = resolve_timestampdiff,
                   .kernel = timestampdiff_kernel,
                   .prepare = prepare_unit<0>,
                   .signature = "TIMESTAMPDIFF(unit, from, to)"});
  using enum TypeKind;
  table.push_back(current<kTimestampLtz, kTimestamp>("CURRENT_TIMESTAMP"));
  table.push_back(current<kTimestampLtz, kTimestamp>("CURRENT_ROW_TIMESTAMP"));
  table.push_back(current<kTimestampLtz, kTimestamp>("NOW", Dialects::kFlink));
  table.push_back(current<kTimestamp, kTimestamp>("LOCALTIMESTAMP"));
  table.push_back(current<kDate, kDate>("CURRENT_DATE"));
  table.push_back(current<kTime, kTime>("CURRENT_TIME"));
  table.push_back(current<kTime, kTime>("LOCALTIME"));
}

}  // namespace millstream::analytics
