// Between times and text or numbers: DATE_FORMAT, TO_TIMESTAMP, UNIX_TIMESTAMP, CHAR_TO_TIMESTAMP …

#include <array>
#include <limits>

#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/number_text.h"
#include "analytics/functions/time_pattern.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;
using Style = TimePattern::Style;

constexpr std::string_view kDefaultPattern = "yyyy-MM-dd HH:mm:ss";
constexpr int64_t kFirstMillis = -62'167'219'200'000;  // 0000-01-01, Flink's limits of
constexpr int64_t kLastMillis = 253'402'300'799'999;   // TO_TIMESTAMP_LTZ: 9999-12-31

// The pattern of argument kArgument (or the default, if there is none), compiled when it is a
// literal.
template <size_t kArgument, Style kStyle>
Result<std::shared_ptr<void>> prepare_pattern(std::span<const BoundPtr> arguments) {
  std::string pattern(kDefaultPattern);
  if (kArgument < arguments.size()) {
    const auto text = literal_text(*arguments[kArgument]);
    if (!text) return nullptr;
    pattern = *text;
  }
  TRY_ASSIGN(auto compiled, TimePattern::compile(pattern, kStyle));
  return std::make_shared<TimePattern>(std::move(compiled));
}

// The pattern of each row: the prepared one, or that of a column (the last one is kept).
class Patterns {
 public:
  Patterns(const KernelContext& context, const Column* column, Style style)
      : prepared_(static_cast<const TimePattern*>(context.state)), column_(column), style_(style) {}
  // nullptr: the text is no pattern; `error` says why.
  const TimePattern* at(size_t row, std::string& error) {
    if (prepared_ != nullptr) return prepared_;
    const std::string_view text = column_->strings[row];
    if (!last_ || text != last_text_) {
      last_text_ = text;
      auto compiled = TimePattern::compile(text, style_);
      if (compiled) {
        last_ = std::move(*compiled);
      } else {
        last_.reset();
        error = compiled.error().message;
      }
    }
    return last_ ? &*last_ : nullptr;
  }

 private:
  const TimePattern* prepared_;
  const Column* column_;
  Style style_;
  std::optional<TimePattern> last_;
  std::string last_text_;
};

Type text_type() { return varchar_type(kMaxLength, false); }

// --- to text

// (pattern, time) in the Kinesis dialect, (time, pattern) in Flink.
template <size_t kTime>
void format_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const Column& time = *arguments[kTime];
  const Type& type = context.argument_types[kTime];
  const Style style = context.dialect == Dialect::kKinesis ? Style::kSimpleDate : Style::kFormatter;
  Patterns patterns(context, arguments.size() > 1 ? arguments[1 - kTime] : nullptr, style);
  const TimeZone& zone = checked_time_zone(context.time_zone);
  // TIMESTAMP_TO_CHAR of NULL is the text "null" (AWS SQL reference).
  const bool null_is_text =
      context.dialect == Dialect::kKinesis && type.kind == TypeKind::kTimestamp;
  StringWriter writer(context, out);
  std::string text;
  std::string error;
  for (size_t i = 0; i < context.rows; ++i) {
    if (time.is_null(i)) {
      if (null_is_text) writer.share(i, "null");
      continue;
    }
    if (null_is_text && arguments[0]->is_null(i)) {
      writer.marks().null(i);
      continue;
    }
    const TimePattern* pattern = patterns.at(i, error);
    if (pattern == nullptr) {
      writer.marks().error(i, error);
      continue;
    }
    text.clear();
    const int64_t value = time.ints[i];
    switch (type.kind) {
      case TypeKind::kDate:
        pattern->format(text, wrap_mul(value, kMicrosPerDay));
        break;
      case TypeKind::kTime:
        pattern->format(text, wrap_mul(value, kMicrosPerMilli));
        break;
      case TypeKind::kTimestampLtz:
        pattern->format(text, zone.to_local(value), zone.offset_us(value));
        break;
      default:
        pattern->format(text, value);
        break;
    }
    writer.set(i, text);
  }
}

Result<ResolvedCall> resolve_date_format(const Function& self, std::span<const BoundPtr> arguments,
                                         Dialect dialect) {
  if (arguments.size() != 2 || !takes_string(arguments[1]->type, dialect)) {
    return no_overload(self, arguments);
  }
  Type time = arguments[0]->type;
  // Text is read as a TIMESTAMP first.
  if (time.is_string()) time = timestamp_type(3);
  if (!time.is_timestamp() && time.kind != TypeKind::kDate) return no_overload(self, arguments);
  return resolved(self, text_type(), {time, string_argument(arguments[1]->type)}, arguments);
}

template <TypeKind kKind>
Result<ResolvedCall> resolve_to_char(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  if (arguments.size() != 2 || !takes_string(arguments[0]->type, dialect) ||
      !can_cast_implicitly(arguments[1]->type, make_type(kKind), dialect)) {
    return no_overload(self, arguments);
  }
  Type time = arguments[1]->type.kind == kKind ? arguments[1]->type : make_type(kKind);
  return resolved(self, text_type(), {string_argument(arguments[0]->type), time}, arguments);
}

Result<ResolvedCall> resolve_from_unixtime(const Function& self,
                                           std::span<const BoundPtr> arguments, Dialect dialect) {
  if (arguments.empty() || arguments.size() > 2 || !takes_number(arguments[0]->type) ||
      (arguments.size() == 2 && !takes_string(arguments[1]->type, dialect))) {
    return no_overload(self, arguments);
  }
  std::vector<Type> types = {make_type(TypeKind::kBigint)};
  if (arguments.size() == 2) types.push_back(string_argument(arguments[1]->type));
  return resolved(self, text_type(), std::move(types), arguments);
}

void from_unixtime_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const TimeZone& zone = checked_time_zone(context.time_zone);
  Patterns patterns(context, arguments.size() > 1 ? arguments[1] : nullptr, Style::kSimpleDate);
  StringWriter writer(context, out);
  std::string text;
  std::string error;
  for (size_t i = 0; i < context.rows; ++i) {
    const TimePattern* pattern = patterns.at(i, error);
    if (pattern == nullptr) {
      writer.marks().error(i, error);
      continue;
    }
    const int64_t utc = wrap_mul(arguments[0]->ints[i], kMicrosPerSecond);
    text.clear();
    pattern->format(text, zone.to_local(utc), zone.offset_us(utc));
    writer.set(i, text);
  }
}

// --- from text

// Flink's TO_TIMESTAMP: by the pattern, else as "1999-9-10[ 05:20:10]".
std::optional<int64_t> parse_flink(const TimePattern& pattern, std::string_view text) {
  if (const auto time = pattern.parse(text)) return truncate_to_precision(time->local_us, 3);
  text = trim_space(text);
  const auto value = parse_timestamp(text);
  return value ? std::optional(truncate_to_precision(*value, 3)) : std::nullopt;
}

Result<ResolvedCall> resolve_parse(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect dialect, Type type, size_t most) {
  if (arguments.empty() || arguments.size() > most) return no_overload(self, arguments);
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) {
    if (!takes_string(argument->type, dialect)) return no_overload(self, arguments);
    types.push_back(string_argument(argument->type));
  }
  type.nullable = true;
  return ResolvedCall{&self, std::move(type), std::move(types)};
}

Result<ResolvedCall> resolve_to_timestamp(const Function& self, std::span<const BoundPtr> arguments,
                                          Dialect dialect) {
  return resolve_parse(self, arguments, dialect, timestamp_type(3), 2);
}
Result<ResolvedCall> resolve_to_timestamp_ltz(const Function& self,
                                              std::span<const BoundPtr> arguments,
                                              Dialect dialect) {
  return resolve_parse(self, arguments, dialect, make_type(TypeKind::kTimestampLtz), 3);
}
Result<ResolvedCall> resolve_to_date(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  return resolve_parse(self, arguments, dialect, make_type(TypeKind::kDate), 2);
}

// TO_TIMESTAMP(text[, pattern]), TO_TIMESTAMP_LTZ(text[, pattern[, zone]]), TO_DATE(text[,
// pattern]): NULL for what does not match.
void parse_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const Column& text = *arguments[0];
  const bool date = context.type.kind == TypeKind::kDate;
  const bool local = context.type.kind == TypeKind::kTimestampLtz;
  Patterns patterns(context, arguments.size() > 1 ? arguments[1] : nullptr,
                    date ? Style::kSimpleDate : Style::kFormatter);
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  std::string error;
  for (size_t i = 0; i < context.rows; ++i) {
    out.ints[i] = 0;
    if (text.is_null(i)) continue;
    if (date && arguments.size() == 1) {
      const auto days = parse_date(text.strings[i]);
      out.ints[i] = days.value_or(0);
      if (!days) marks.null(i);
      continue;
    }
    const TimePattern* pattern = patterns.at(i, error);
    const auto value = pattern != nullptr ? parse_flink(*pattern, text.strings[i]) : std::nullopt;
    if (!value) {
      marks.null(i);
    } else if (date) {
      out.ints[i] = floor_div(*value, kMicrosPerDay);
    } else if (local) {
      const auto zone =
          arguments.size() > 2 ? find_time_zone(arguments[2]->strings[i]) : find_time_zone("UTC");
      out.ints[i] = zone ? (*zone)->to_utc(*value) : 0;
      if (!zone) marks.null(i);
    } else {
      out.ints[i] = *value;
    }
  }
}

// CHAR_TO_TIMESTAMP, CHAR_TO_DATE, CHAR_TO_TIME (pattern, text): an error for what does not match.
template <TypeKind kKind>
Result<ResolvedCall> resolve_char_to(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  if (arguments.size() != 2 || !takes_string(arguments[0]->type, dialect) ||
      !takes_string(arguments[1]->type, dialect)) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(kKind, false), {varchar_type(), varchar_type()}, arguments);
}

void char_to_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, arguments[0], Style::kSimpleDate);
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  std::string error;
  for (size_t i = 0; i < context.rows; ++i) {
    out.ints[i] = 0;
    if (arguments[1]->is_null(i) || arguments[0]->is_null(i)) continue;
    const std::string_view text = arguments[1]->strings[i];
    const TimePattern* pattern = patterns.at(i, error);
    if (pattern == nullptr) {
      marks.error(i, error);
      continue;
    }
    const auto time = pattern->parse(text);
    if (!time) {
      marks.error(i, fmt::format("'{}' does not match the pattern '{}'", text.substr(0, 60),
                                 arguments[0]->strings[i]));
      continue;
    }
    const int64_t micros = wrap_sub(time->local_us, time->offset_us.value_or(0));
    switch (context.type.kind) {
      case TypeKind::kDate:
        out.ints[i] = floor_div(micros, kMicrosPerDay);
        break;
      case TypeKind::kTime:
        out.ints[i] = floor_mod(micros, kMicrosPerDay) / kMicrosPerMilli;
        break;
      default:
        out.ints[i] = truncate_to_precision(micros, context.type.precision);
        break;
    }
  }
}

// --- numbers

// TO_TIMESTAMP_LTZ(number[, 0 or 3]): seconds or milliseconds since 1970; NULL outside the years
// 0 to 9999.
Result<ResolvedCall> resolve_epoch_ltz(const Function& self, std::span<const BoundPtr> arguments,
                                       Dialect) {
  if (arguments.empty() || arguments.size() > 2 || !takes_number(arguments[0]->type)) {
    return no_overload(self, arguments);
  }
  const Type& given = arguments[0]->type;
  std::vector<Type> types = {given.is_integer() || given.kind == TypeKind::kNull
                                 ? make_type(TypeKind::kBigint)
                                 : make_type(TypeKind::kDouble)};
  if (arguments.size() == 2) {
    const auto digits = literal_integer(*arguments[1]);
    if (!digits || (*digits != 0 && *digits != 3)) {
      return fail(ErrorCode::kInvalidArgument,
                  "the precision of TO_TIMESTAMP_LTZ is 0 for seconds or 3 for milliseconds");
    }
    types.push_back(arguments[1]->type);
  }
  return ResolvedCall{&self, make_type(TypeKind::kTimestampLtz), std::move(types)};
}

void epoch_ltz_kernel(KernelContext& context, Arguments arguments, Column& out) {
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const bool seconds = arguments.size() == 2 && arguments[1]->ints[i] == 0;
    int64_t millis = 0;
    bool valid = true;
    if (arguments[0]->physical == Physical::kInt64) {
      const int64_t value = arguments[0]->ints[i];
      valid = !__builtin_mul_overflow(value, seconds ? int64_t{1000} : int64_t{1}, &millis);
    } else {
      const double value = arguments[0]->doubles[i] * (seconds ? 1000.0 : 1.0);
      valid = value > -1e17 && value < 1e17;
      millis = valid ? static_cast<int64_t>(value) : 0;
    }
    valid = valid && millis >= kFirstMillis && millis <= kLastMillis;
    out.ints[i] = valid ? millis * kMicrosPerMilli : 0;
    if (!valid) marks.null(i);
  }
}

Result<ResolvedCall> resolve_unix_now(const Function& self, std::span<const BoundPtr> arguments,
                                      Dialect) {
  if (!arguments.empty()) return no_overload(self, arguments);
  return ResolvedCall{&self, make_type(TypeKind::kBigint, false), {}};
}

void unix_now_kernel(KernelContext& context, Arguments, Column& out) {
  out.ints.assign(context.rows, floor_div(context.now_us, kMicrosPerSecond));
}

Result<ResolvedCall> resolve_unix_parse(const Function& self, std::span<const BoundPtr> arguments,
                                        Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call,
             resolve_parse(self, arguments, dialect, make_type(TypeKind::kBigint), 2));
  call.type.nullable = false;
  return resolved(self, call.type, std::move(call.argument_types), arguments);
}

// What can't be read is the least BIGINT, as in Flink.
void unix_parse_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, arguments.size() > 1 ? arguments[1] : nullptr, Style::kSimpleDate);
  const TimeZone& zone = checked_time_zone(context.time_zone);
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  std::string error;
  for (size_t i = 0; i < context.rows; ++i) {
    out.ints[i] = std::numeric_limits<int64_t>::min();
    const TimePattern* pattern = patterns.at(i, error);
    if (pattern == nullptr) {
      marks.error(i, error);
      continue;
    }
    const auto time = pattern->parse(arguments[0]->strings[i]);
    if (!time) continue;
    const int64_t utc =
        time->offset_us ? wrap_sub(time->local_us, *time->offset_us) : zone.to_utc(time->local_us);
    out.ints[i] = utc / kMicrosPerSecond;
  }
}

// Kinesis dialect: milliseconds since 1970.
Result<ResolvedCall> resolve_millis(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  if (arguments.size() != 1 ||
      !can_cast_implicitly(arguments[0]->type, timestamp_type(3), dialect)) {
    return no_overload(self, arguments);
  }
  const Type type = arguments[0]->type.is_timestamp() ? arguments[0]->type : timestamp_type(3);
  return resolved(self, make_type(TypeKind::kBigint, false), {type}, arguments);
}

void millis_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kInt64, Physical::kInt64>(
      context, arguments, out, [](int64_t v) { return floor_div(v, kMicrosPerMilli); });
}

Result<ResolvedCall> resolve_from_millis(const Function& self, std::span<const BoundPtr> arguments,
                                         Dialect) {
  if (arguments.size() != 1 || !takes_number(arguments[0]->type)) {
    return no_overload(self, arguments);
  }
  Type type = timestamp_type(3);
  type.nullable = false;
  return resolved(self, type, {make_type(TypeKind::kBigint)}, arguments);
}

void from_millis_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kInt64, Physical::kInt64>(
      context, arguments, out, [](int64_t v) { return wrap_mul(v, kMicrosPerMilli); });
}

// TSDIFF(from, to) in milliseconds, of timestamps or of milliseconds.
Result<ResolvedCall> resolve_tsdiff(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) {
    if (argument->type.is_timestamp()) {
      types.push_back(argument->type);
    } else if (takes_number(argument->type)) {
      types.push_back(make_type(TypeKind::kBigint));
    } else {
      return no_overload(self, arguments);
    }
  }
  return resolved(self, make_type(TypeKind::kBigint, false), std::move(types), arguments);
}

void tsdiff_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const auto millis = [&](size_t side, int64_t value) {
    return context.argument_types[side].is_timestamp() ? floor_div(value, kMicrosPerMilli) : value;
  };
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments, out,
      [&](int64_t from, int64_t to) { return wrap_sub(millis(1, to), millis(0, from)); });
}

Result<ResolvedCall> resolve_convert_tz(const Function& self, std::span<const BoundPtr> arguments,
                                        Dialect dialect) {
  if (arguments.size() != 3) return no_overload(self, arguments);
  return resolve_parse(self, arguments, dialect, varchar_type(), 3);
}

void convert_tz_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  const auto pattern = TimePattern::compile(kDefaultPattern, Style::kSimpleDate);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    const auto time = pattern->parse(arguments[0]->strings[i]);
    // java.util.TimeZone takes names that it does not know for GMT.
    const TimeZone& from = checked_time_zone(arguments[1]->strings[i]);
    const TimeZone& to = checked_time_zone(arguments[2]->strings[i]);
    if (!time) {
      writer.marks().null(i);
      continue;
    }
    text.clear();
    pattern->format(text, to.to_local(from.to_utc(time->local_us)));
    writer.set(i, text);
  }
}

template <TypeKind kKind>
Function char_to(std::string_view name, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kKinesis,
          .resolve = resolve_char_to<kKind>,
          .kernel = char_to_kernel,
          .prepare = prepare_pattern<0, Style::kSimpleDate>,
          .signature = signature};
}

template <TypeKind kKind>
Function to_char(std::string_view name, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kKinesis,
          .resolve = resolve_to_char<kKind>,
          .kernel = format_kernel<1>,
          .nulls_are_values = kKind == TypeKind::kTimestamp,
          .prepare = prepare_pattern<0, Style::kSimpleDate>,
          .signature = signature};
}

}  // namespace

void add_datetime_text(FunctionList& table) {
  table.push_back({.name = "DATE_FORMAT",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_date_format,
                   .kernel = format_kernel<0>,
                   .prepare = prepare_pattern<1, Style::kFormatter>,
                   .signature = "DATE_FORMAT(time, pattern)"});
  table.push_back({.name = "FROM_UNIXTIME",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_from_unixtime,
                   .kernel = from_unixtime_kernel,
                   .prepare = prepare_pattern<1, Style::kSimpleDate>,
                   .signature = "FROM_UNIXTIME(seconds[, pattern])"});
  table.push_back({.name = "TO_TIMESTAMP",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_to_timestamp,
                   .kernel = parse_kernel,
                   .prepare = prepare_pattern<1, Style::kFormatter>,
                   .signature = "TO_TIMESTAMP(string[, pattern])"});
  table.push_back({.name = "TO_TIMESTAMP_LTZ",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_epoch_ltz,
                   .kernel = epoch_ltz_kernel,
                   .signature = "TO_TIMESTAMP_LTZ(number[, precision])"});
  table.push_back({.name = "TO_TIMESTAMP_LTZ",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_to_timestamp_ltz,
                   .kernel = parse_kernel,
                   .prepare = prepare_pattern<1, Style::kFormatter>,
                   .signature = "TO_TIMESTAMP_LTZ(string[, pattern[, zone]])"});
  table.push_back({.name = "TO_DATE",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_to_date,
                   .kernel = parse_kernel,
                   .prepare = prepare_pattern<1, Style::kSimpleDate>,
                   .signature = "TO_DATE(string[, pattern])"});
  table.push_back({.name = "UNIX_TIMESTAMP",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_unix_now,
                   .kernel = unix_now_kernel,
                   .deterministic = false,
                   .signature = "UNIX_TIMESTAMP()"});
  table.push_back({.name = "UNIX_TIMESTAMP",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_unix_parse,
                   .kernel = unix_parse_kernel,
                   .prepare = prepare_pattern<1, Style::kSimpleDate>,
                   .signature = "UNIX_TIMESTAMP(string[, pattern])"});
  table.push_back({.name = "CONVERT_TZ",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_convert_tz,
                   .kernel = convert_tz_kernel,
                   .signature = "CONVERT_TZ(string, from, to)"});
  table.push_back({.name = "UNIX_TIMESTAMP",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_millis,
                   .kernel = millis_kernel,
                   .signature = "UNIX_TIMESTAMP(timestamp)"});
  table.push_back({.name = "TO_TIMESTAMP",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_from_millis,
                   .kernel = from_millis_kernel,
                   .signature = "TO_TIMESTAMP(milliseconds)"});
  table.push_back({.name = "TSDIFF",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_tsdiff,
                   .kernel = tsdiff_kernel,
                   .signature = "TSDIFF(from, to)"});
  table.push_back(
      char_to<TypeKind::kTimestamp>("CHAR_TO_TIMESTAMP", "CHAR_TO_TIMESTAMP(pattern, string)"));
  table.push_back(char_to<TypeKind::kDate>("CHAR_TO_DATE", "CHAR_TO_DATE(pattern, string)"));
  table.push_back(char_to<TypeKind::kTime>("CHAR_TO_TIME", "CHAR_TO_TIME(pattern, string)"));
  table.push_back(
      to_char<TypeKind::kTimestamp>("TIMESTAMP_TO_CHAR", "TIMESTAMP_TO_CHAR(pattern, timestamp)"));
  table.push_back(to_char<TypeKind::kDate>("DATE_TO_CHAR", "DATE_TO_CHAR(pattern, date)"));
  table.push_back(to_char<TypeKind::kTime>("TIME_TO_CHAR", "TIME_TO_CHAR(pattern, time)"));
}

}  // namespace millstream::analytics
