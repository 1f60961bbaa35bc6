#include "analytics/functions/cast.h"

#include <cmath>
#include <limits>
#include <utility>

#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/number_text.h"
#include "analytics/functions/time_value.h"
#include "analytics/functions/utf8.h"

namespace millstream::analytics {
namespace {

struct Range {
  int64_t lowest;
  int64_t highest;
};
Range range_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return {-128, 127};
    case TypeKind::kSmallint:
      return {-32768, 32767};
    case TypeKind::kInteger:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    default:
      return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
}

// The low bits of `value`, as Java narrows.
int64_t narrowed(int64_t value, TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return static_cast<int8_t>(value);
    case TypeKind::kSmallint:
      return static_cast<int16_t>(value);
    case TypeKind::kInteger:
      return static_cast<int32_t>(value);
    default:
      return value;
  }
}

// Java's (long) and (int) of a double: towards zero, saturating, NaN is 0; narrower integers are
// cut from the int.
int64_t saturated(double value, TypeKind kind) {
  if (std::isnan(value)) return 0;
  const Range range = range_of(kind == TypeKind::kBigint ? kind : TypeKind::kInteger);
  if (value >= static_cast<double>(range.highest)) return narrowed(range.highest, kind);
  if (value <= static_cast<double>(range.lowest)) return narrowed(range.lowest, kind);
  return narrowed(static_cast<int64_t>(value), kind);
}

std::string cannot_cast(std::string_view text, const Type& type) {
  constexpr size_t kShown = 60;
  return fmt::format("cannot cast '{}{}' to {}", utf8_prefix(text, kShown),
                     text.size() > kShown ? "..." : "", type_text(make_type(type.kind)));
}

std::string out_of_range(std::string_view value, const Type& type) {
  Type shown = type;
  shown.nullable = true;
  return fmt::format("{} is out of range of {}", value, type_text(shown));
}

// out[i] = parse(text); an error where parse has no result.
template <Physical R, class Parse>
void parse_column(KernelContext& context, const Column& from, Column& out, Parse parse) {
  auto& result = values_of<R>(out);
  result.resize(context.rows);
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const auto value = parse(from.strings[i]);
    if (value) {
      result[i] = static_cast<std::remove_reference_t<decltype(result[i])>>(*value);
    } else if (!from.is_null(i)) {
      marks.error(i, cannot_cast(from.strings[i], context.type));
    }
  }
}

void to_boolean(KernelContext& context, const Column& from, Column& out) {
  const Column* const arguments[] = {&from};
  switch (from.physical) {
    case Physical::kString:
      return parse_column<Physical::kBool>(context, from, out, [](std::string_view text) {
        return parse_boolean(trim_space(text));
      });
    case Physical::kDouble:
      return map_unary<Physical::kDouble, Physical::kBool>(
          context, arguments, out, [](double v) { return static_cast<uint8_t>(v != 0); });
    case Physical::kDecimal:
      return map_unary<Physical::kDecimal, Physical::kBool>(
          context, arguments, out, [](Decimal v) { return static_cast<uint8_t>(v != 0); });
    default:
      return map_unary<Physical::kInt64, Physical::kBool>(
          context, arguments, out, [](int64_t v) { return static_cast<uint8_t>(v != 0); });
  }
}

// Kinesis dialect: a number that does not fit is an error of the row, and fractions are rounded.
void to_integer_checked(KernelContext& context, const Column& from, Column& out) {
  const Range range = range_of(context.type.kind);
  const int scale = context.argument_types[0].scale;
  out.ints.resize(context.rows);
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    if (from.is_null(i)) {
      out.ints[i] = 0;
      continue;
    }
    bool fits = true;
    int64_t value = 0;
    if (from.physical == Physical::kDouble) {
      const double rounded = std::round(from.doubles[i]);
      fits = rounded >= -9.2233720368547758e18 && rounded < 9.2233720368547758e18;
      if (fits) value = static_cast<int64_t>(rounded);
    } else if (from.physical == Physical::kDecimal) {
      const Decimal rounded = rescale(from.decimals[i], scale, 0).value_or(0);
      fits = rounded >= range.lowest && rounded <= range.highest;
      if (fits) value = static_cast<int64_t>(rounded);
    } else {
      value = from.ints[i];
    }
    fits = fits && value >= range.lowest && value <= range.highest;
    out.ints[i] = fits ? value : 0;
    if (!fits) {
      std::string text;
      append_text(text, from, i, context.argument_types[0], context);
      marks.error(i, out_of_range(text, context.type));
    }
  }
}

void numbers_to_integer(KernelContext& context, const Column& from, Column& out) {
  const Column* const arguments[] = {&from};
  const TypeKind kind = context.type.kind;
  if (from.physical == Physical::kDouble) {
    return map_unary<Physical::kDouble, Physical::kInt64>(
        context, arguments, out, [kind](double v) { return saturated(v, kind); });
  }
  if (from.physical == Physical::kDecimal) {
    const int scale = context.argument_types[0].scale;
    return map_unary<Physical::kDecimal, Physical::kInt64>(
        context, arguments, out,
        [kind, scale](Decimal v) { return narrowed(decimal_to_integer(v, scale), kind); });
  }
  if (kind == TypeKind::kBigint || context.argument_types[0].kind <= kind) {
    out.ints.assign(from.ints.begin(), from.ints.begin() + static_cast<ptrdiff_t>(context.rows));
    return;
  }
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out,
                                                [kind](int64_t v) { return narrowed(v, kind); });
}

void to_integer(KernelContext& context, const Column& from, Column& out) {
  const Type& source = context.argument_types[0];
  const Column* const arguments[] = {&from};
  if (from.physical == Physical::kBool) {
    return map_unary<Physical::kBool, Physical::kInt64>(context, arguments, out,
                                                        [](uint8_t v) { return int64_t{v}; });
  }
  if (from.physical == Physical::kString) {
    const Range range = range_of(context.type.kind);
    return parse_column<Physical::kInt64>(context, from, out, [range](std::string_view text) {
      return parse_integer(trim_space(text), range.lowest, range.highest);
    });
  }
  if (source.is_timestamp()) {  // Kinesis dialect: milliseconds since 1970
    return map_unary<Physical::kInt64, Physical::kInt64>(
        context, arguments, out, [](int64_t v) { return floor_div(v, kMicrosPerMilli); });
  }
  const bool widens = source.is_integer() && source.kind <= context.type.kind;
  if (context.dialect == sql::Dialect::kKinesis && !widens) {
    return to_integer_checked(context, from, out);
  }
  numbers_to_integer(context, from, out);
}

void to_double(KernelContext& context, const Column& from, Column& out) {
  const Column* const arguments[] = {&from};
  const bool single = context.type.kind == TypeKind::kFloat;
  switch (from.physical) {
    case Physical::kString:
      parse_column<Physical::kDouble>(context, from, out,
                                      [](std::string_view text) { return parse_double(text); });
      break;
    case Physical::kDecimal: {
      const int scale = context.argument_types[0].scale;
      map_unary<Physical::kDecimal, Physical::kDouble>(
          context, arguments, out, [scale](Decimal v) { return decimal_to_double(v, scale); });
      break;
    }
    case Physical::kBool:
      map_unary<Physical::kBool, Physical::kDouble>(
          context, arguments, out, [](uint8_t v) { return static_cast<double>(v); });
      break;
    case Physical::kDouble:
      out.doubles.assign(from.doubles.begin(),
                         from.doubles.begin() + static_cast<ptrdiff_t>(context.rows));
      break;
    default:
      map_unary<Physical::kInt64, Physical::kDouble>(
          context, arguments, out, [](int64_t v) { return static_cast<double>(v); });
      break;
  }
  if (single && context.argument_types[0].kind != TypeKind::kFloat) {
    for (double& value : out.doubles) {
      // A value beyond FLOAT becomes infinite, as in Java; the conversion itself is defined so.
      value = static_cast<double>(static_cast<float>(value));
    }
  }
}

// One value as DECIMAL; nullopt: it does not fit.
std::optional<Decimal> decimal_of(const Column& from, size_t row, const Type& source,
                                  const Type& target) {
  switch (from.physical) {
    case Physical::kBool:
      return rescale(from.bools[row], 0, target.scale);
    case Physical::kDouble:
      // FLOAT too goes by the digits of the double that it widens to, as in Flink.
      return double_to_decimal(from.doubles[row], target.precision, target.scale);
    case Physical::kDecimal:
      return rescale(from.decimals[row], source.scale, target.scale);
    default:
      return rescale(from.ints[row], 0, target.scale);
  }
}

void text_to_decimal(KernelContext& context, const Column& from, Column& out) {
  out.decimals.resize(context.rows);
  RowMarks marks(context, out);
  const Type& target = context.type;
  for (size_t i = 0; i < context.rows; ++i) {
    bool overflow = false;
    const auto value =
        parse_decimal(trim_space(from.strings[i]), target.precision, target.scale, overflow);
    out.decimals[i] = value.value_or(0);
    if (value || from.is_null(i)) continue;
    marks.error(
        i, overflow ? out_of_range(from.strings[i], target) : cannot_cast(from.strings[i], target));
  }
}

void to_decimal(KernelContext& context, const Column& from, Column& out) {
  if (from.physical == Physical::kString) return text_to_decimal(context, from, out);
  const Type& source = context.argument_types[0];
  const Type& target = context.type;
  out.decimals.resize(context.rows);
  // Whole numbers into enough digits: no checks.
  if (source.is_integer() && target.precision - target.scale >= 19 && target.precision <= 38) {
    const Decimal factor = power_of_ten(target.scale);
    for (size_t i = 0; i < context.rows; ++i) out.decimals[i] = from.ints[i] * factor;
    return;
  }
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    out.decimals[i] = 0;
    if (from.is_null(i)) continue;
    const auto value = decimal_of(from, i, source, target);
    if (value && fits_digits(*value, target.precision)) {
      out.decimals[i] = *value;
    } else if (context.dialect == sql::Dialect::kFlink) {
      marks.null(i);
    } else {
      std::string text;
      append_text(text, from, i, source, context);
      marks.error(i, out_of_range(text, target));
    }
  }
}

const TimeZone& zone_of(const KernelContext& context) {
  return checked_time_zone(context.time_zone);
}

void to_date(KernelContext& context, const Column& from, Column& out) {
  if (from.physical == Physical::kString) {
    return parse_column<Physical::kInt64>(
        context, from, out, [](std::string_view text) { return parse_date(trim_space(text)); });
  }
  const Column* const arguments[] = {&from};
  if (context.argument_types[0].kind == TypeKind::kTimestampLtz) {
    const TimeZone& zone = zone_of(context);
    return map_unary<Physical::kInt64, Physical::kInt64>(
        context, arguments, out,
        [&zone](int64_t v) { return floor_div(zone.to_local(v), kMicrosPerDay); });
  }
  const bool is_date = context.argument_types[0].kind == TypeKind::kDate;
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out, [is_date](int64_t v) {
    return is_date ? v : floor_div(v, kMicrosPerDay);
  });
}

void to_time(KernelContext& context, const Column& from, Column& out) {
  if (from.physical == Physical::kString) {
    return parse_column<Physical::kInt64>(context, from, out,
                                          [](std::string_view text) { return parse_time(text); });
  }
  const Column* const arguments[] = {&from};
  const Type& source = context.argument_types[0];
  const TimeZone& zone = zone_of(context);
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out, [&](int64_t v) {
    if (source.kind == TypeKind::kTime) return v;
    const int64_t local = source.kind == TypeKind::kTimestampLtz ? zone.to_local(v) : v;
    return floor_mod(local, kMicrosPerDay) / kMicrosPerMilli;
  });
}

void to_timestamp(KernelContext& context, const Column& from, Column& out) {
  const Type& source = context.argument_types[0];
  const Type& target = context.type;
  const bool local_target = target.kind == TypeKind::kTimestampLtz;
  const TimeZone& zone = zone_of(context);
  const int digits = target.precision;
  if (from.physical == Physical::kString) {
    const bool lenient = context.dialect == sql::Dialect::kKinesis;
    return parse_column<Physical::kInt64>(
        context, from, out, [&](std::string_view text) -> std::optional<int64_t> {
          const auto value = parse_timestamp(text, lenient);
          if (!value) return std::nullopt;
          const int64_t micros = truncate_to_precision(*value, digits);
          return local_target ? zone.to_utc(micros) : micros;
        });
  }
  const Column* const arguments[] = {&from};
  const bool cuts = source.is_timestamp() && source.precision > digits;
  const int64_t today = floor_div(zone.to_local(context.now_us), kMicrosPerDay);
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out, [&](int64_t v) {
    switch (source.kind) {
      case TypeKind::kDate:
        v = wrap_mul(v, kMicrosPerDay);
        break;
      case TypeKind::kTime:
        // Flink: on the epoch's day; the standard (and the Kinesis dialect): today.
        v = wrap_mul(v, kMicrosPerMilli);
        if (context.dialect == sql::Dialect::kKinesis) v = wrap_add(v, today * kMicrosPerDay);
        break;
      case TypeKind::kTimestampLtz:
        if (!local_target) v = zone.to_local(v);
        break;
      default:
        break;
    }
    if (local_target && source.kind != TypeKind::kTimestampLtz) v = zone.to_utc(v);
    return cuts ? truncate_to_precision(v, digits) : v;
  });
}

void to_interval(KernelContext& context, const Column& from, Column& out) {
  if (from.physical != Physical::kString) {
    out.ints.assign(from.ints.begin(), from.ints.begin() + static_cast<ptrdiff_t>(context.rows));
    return;
  }
  // "+1 02:03:04.005" and "+1-02", as intervals print.
  const bool months = context.type.kind == TypeKind::kIntervalMonths;
  parse_column<Physical::kInt64>(
      context, from, out, [months](std::string_view text) -> std::optional<int64_t> {
        text = trim_space(text);
        const bool negative = text.starts_with('-');
        if (negative || text.starts_with('+')) text.remove_prefix(1);
        const size_t split = text.find(months ? '-' : ' ');
        const auto first = parse_integer(text.substr(0, split), 0, 1'000'000'000);
        if (!first) return std::nullopt;
        int64_t value = months ? *first * 12 : *first * kMillisPerDay;
        if (split != std::string_view::npos) {
          const auto rest = months ? parse_integer(text.substr(split + 1), 0, 11)
                                   : parse_time(text.substr(split + 1));
          if (!rest) return std::nullopt;
          value += *rest;
        }
        return negative ? -value : value;
      });
}

// TIME as Flink prints it: zeroes at the end of the fraction are left out, one digit stays.
void append_time_text(std::string& out, int64_t millis, const KernelContext& context, int digits) {
  append_time(out, wrap_mul(floor_mod(millis, kMillisPerDay), kMicrosPerMilli),
              std::min(digits, 3));
  if (context.dialect != sql::Dialect::kFlink || digits == 0) return;
  while (out.ends_with('0') && out[out.size() - 2] != '.') out.pop_back();
}

void to_string(KernelContext& context, const Column& from, Column& out) {
  const Type& source = context.argument_types[0];
  const Type& target = context.type;
  const auto length = static_cast<size_t>(target.precision);
  const bool pads = target.kind == TypeKind::kChar;
  // Text into enough room stays as it is.
  if (from.physical == Physical::kString && !pads && target.precision >= source.precision &&
      source.precision > 0) {
    out.strings.assign(from.strings.begin(),
                       from.strings.begin() + static_cast<ptrdiff_t>(context.rows));
    return;
  }
  // The Kinesis dialect refuses to cut a number or time short.
  const bool strict =
      context.dialect == sql::Dialect::kKinesis && from.physical != Physical::kString;
  Type shown = target;
  shown.nullable = true;
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    if (from.is_null(i)) continue;
    std::string_view value;
    if (from.physical == Physical::kString) {
      value = from.strings[i];
    } else {
      text.clear();
      append_text(text, from, i, source, context);
      value = text;
    }
    if (value.size() > length) {
      const std::string_view cut = utf8_prefix(value, length);
      if (strict && cut.size() < value.size()) {
        writer.marks().error(i, fmt::format("'{}' is longer than {}", value, type_text(shown)));
        continue;
      }
      value = cut;
    }
    const size_t characters = pads ? utf8_length(value) : length;
    if (characters < length) {
      if (!writer.fits(i, value.size() + length - characters)) continue;
      std::string padded(value);
      padded.append(length - characters, ' ');
      writer.set(i, padded);
    } else if (from.physical == Physical::kString) {
      writer.share(i, value);
    } else {
      writer.set(i, value);
    }
  }
}

void to_binary(KernelContext& context, const Column& from, Column& out) {
  const auto length = static_cast<size_t>(context.type.precision);
  const bool pads = context.type.kind == TypeKind::kBinary;
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view value = from.strings[i].substr(0, length);
    if (!pads || value.size() == length) {
      writer.share(i, value);
    } else if (writer.fits(i, length)) {
      std::string padded(value);
      padded.resize(length);
      writer.set(i, padded);
    }
  }
}

}  // namespace

void append_text(std::string& out, const Column& column, size_t row, const Type& type,
                 const KernelContext& context) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      out += column.bools[row] != 0 ? "TRUE" : "FALSE";
      return;
    case TypeKind::kFloat:
      return append_float(out, static_cast<float>(column.doubles[row]));
    case TypeKind::kDouble:
      return append_double(out, column.doubles[row]);
    case TypeKind::kDecimal:
      return append_decimal(out, column.decimals[row], type.scale);
    case TypeKind::kDate:
      return append_date(out, column.ints[row]);
    case TypeKind::kTime:
      return append_time_text(out, column.ints[row], context, type.precision);
    case TypeKind::kTimestamp:
      return append_timestamp(out, column.ints[row], type.precision);
    case TypeKind::kTimestampLtz:
      return append_timestamp(out, zone_of(context).to_local(column.ints[row]), type.precision);
    case TypeKind::kIntervalMonths:
      return append_interval_months(out, column.ints[row]);
    case TypeKind::kIntervalMillis:
      return append_interval_millis(out, column.ints[row]);
    default:
      break;
  }
  if (column.physical == Physical::kString) {
    out += column.strings[row];
  } else {
    append_integer(out, column.ints[row]);
  }
}

void cast_column(KernelContext& context, const Column& from, Column& out) {
  if (context.argument_types[0].kind == TypeKind::kNull) {
    out.resize(context.rows);
    out.nulls.assign(context.rows, 1);
    return;
  }
  const Type& target = context.type;
  if (target.is_integer()) return to_integer(context, from, out);
  if (target.is_approximate()) return to_double(context, from, out);
  if (target.is_string()) return to_string(context, from, out);
  if (target.is_binary()) return to_binary(context, from, out);
  if (target.is_timestamp()) return to_timestamp(context, from, out);
  if (target.is_interval()) return to_interval(context, from, out);
  if (target.kind == TypeKind::kDecimal) return to_decimal(context, from, out);
  if (target.kind == TypeKind::kDate) return to_date(context, from, out);
  if (target.kind == TypeKind::kTime) return to_time(context, from, out);
  if (target.kind == TypeKind::kBoolean) {
    if (from.physical != Physical::kBool) return to_boolean(context, from, out);
    out.bools.assign(from.bools.begin(), from.bools.begin() + static_cast<ptrdiff_t>(context.rows));
    return;
  }
  out.resize(context.rows);
  out.nulls.assign(context.rows, 1);
}

}  // namespace millstream::analytics
