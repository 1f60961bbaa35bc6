// ABS, ROUND, POWER, logarithms, trigonometry and kin.

#include <cmath>
#include <numbers>
#include <random>

#include "analytics/functions/coercion.h"
#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/number_text.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

Type number_or_integer(const Type& type) {
  return type.kind == TypeKind::kNull ? make_type(TypeKind::kInteger) : type;
}

// One number, the result of its type.
Result<ResolvedCall> resolve_same(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect) {
  if (arguments.size() != 1 || !takes_number(arguments[0]->type)) {
    return no_overload(self, arguments);
  }
  const Type type = number_or_integer(arguments[0]->type);
  return resolved(self, type, {type}, arguments);
}

// FLOOR and CEIL: a DECIMAL without its fraction.
Result<ResolvedCall> resolve_whole(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call, resolve_same(self, arguments, dialect));
  call.type.scale = 0;
  return call;
}

template <size_t kCount>
Result<ResolvedCall> resolve_doubles(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect) {
  if (arguments.size() != kCount) return no_overload(self, arguments);
  for (const BoundPtr& argument : arguments) {
    if (!takes_number(argument->type)) return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kDouble, false),
                  std::vector<Type>(kCount, make_type(TypeKind::kDouble)), arguments);
}

template <double (*kFunction)(double)>
void double_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kDouble, Physical::kDouble>(context, arguments, out,
                                                  [](double v) { return kFunction(v); });
}

template <double (*kFunction)(double, double)>
void double_pair_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_binary<Physical::kDouble, Physical::kDouble, Physical::kDouble>(
      context, arguments, out, [](double a, double b) { return kFunction(a, b); });
}

double constant_pi() { return std::numbers::pi; }
double constant_e() { return std::numbers::e; }
template <double (*kFunction)()>
void constant_kernel(KernelContext& context, Arguments, Column& out) {
  out.doubles.assign(context.rows, kFunction());
}

double log_of(double base, double x) { return std::log(x) / std::log(base); }
double log_two(double x) { return std::log(x) / std::log(2.0); }
double cotangent(double x) { return 1.0 / std::tan(x); }
double degrees(double x) { return x * (180.0 / std::numbers::pi); }
double radians(double x) { return x * (std::numbers::pi / 180.0); }

// Integers wrap at their width as Java's Math.abs.
int64_t wrapped_abs(int64_t value, TypeKind kind) {
  const int64_t size = value < 0 ? wrap_sub(0, value) : value;
  return kind == TypeKind::kInteger ? static_cast<int32_t>(size) : size;
}

void abs_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kDouble:
      return map_unary<Physical::kDouble, Physical::kDouble>(context, arguments, out,
                                                             [](double v) { return std::fabs(v); });
    case Physical::kDecimal:
      return map_unary<Physical::kDecimal, Physical::kDecimal>(
          context, arguments, out, [](Decimal v) { return v < 0 ? -v : v; });
    default:
      break;
  }
  const TypeKind kind = context.type.kind;
  map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out,
                                                [kind](int64_t v) { return wrapped_abs(v, kind); });
}

void sign_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kDouble:
      return map_unary<Physical::kDouble, Physical::kDouble>(context, arguments, out, [](double v) {
        return v > 0 ? 1.0 : v < 0 ? -1.0 : v;
      });
    case Physical::kDecimal: {
      const Decimal one = power_of_ten(context.type.scale);
      return map_unary<Physical::kDecimal, Physical::kDecimal>(
          context, arguments, out, [one](Decimal v) {
            return v > 0 ? one : v < 0 ? -one : Decimal{0};
          });
    }
    default:
      map_unary<Physical::kInt64, Physical::kInt64>(context, arguments, out, [](int64_t v) {
        return v > 0 ? int64_t{1} : v < 0 ? int64_t{-1} : int64_t{0};
      });
      return;
  }
}

template <bool kUp>
void whole_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kDouble:
      return map_unary<Physical::kDouble, Physical::kDouble>(
          context, arguments, out, [](double v) { return kUp ? std::ceil(v) : std::floor(v); });
    case Physical::kDecimal: {
      const Decimal unit = power_of_ten(context.argument_types[0].scale);
      return map_unary<Physical::kDecimal, Physical::kDecimal>(
          context, arguments, out, [unit](Decimal v) {
            const Decimal rest = v % unit;
            const Decimal whole = v / unit;
            if (kUp) return whole + (rest > 0 ? 1 : 0);
            return whole - (rest < 0 ? 1 : 0);
          });
    }
    default:
      out.ints.assign(arguments[0]->ints.begin(),
                      arguments[0]->ints.begin() + static_cast<ptrdiff_t>(context.rows));
      return;
  }
}

// ROUND and TRUNCATE (number[, digits]).
Result<ResolvedCall> resolve_round(const Function& self, std::span<const BoundPtr> arguments,
                                   Dialect) {
  if (arguments.empty() || arguments.size() > 2 || !takes_number(arguments[0]->type) ||
      (arguments.size() == 2 && !arguments[1]->type.is_integer())) {
    return no_overload(self, arguments);
  }
  const Type given = number_or_integer(arguments[0]->type);
  Type type = given;
  std::vector<Type> types = {given};
  if (type.kind == TypeKind::kDecimal) {
    const auto digits = arguments.size() == 2 ? literal_integer(*arguments[1]) : 0;
    if (digits) {
      const auto bounded = static_cast<int>(std::clamp<int64_t>(*digits, -38, 38));
      type = decimal_round_type(type, bounded);
    }
  }
  if (arguments.size() == 2) types.push_back(make_type(TypeKind::kInteger));
  return resolved(self, type, std::move(types), arguments);
}

double round_double(double value, int digits, bool towards_zero) {
  if (!std::isfinite(value) || digits > 308) return value;
  if (digits < -308) return 0;
  // By the decimal digits of the value, as BigDecimal.valueOf rounds.
  bool overflow = false;
  std::string text;
  append_double(text, value);
  if (digits >= 0 && digits <= 30) {
    if (auto exact = parse_decimal(text, 38, 30, overflow)) {
      return decimal_to_double(round_decimal(*exact, 30, digits, towards_zero), 30);
    }
  }
  if (digits < 0 || std::fabs(value) < 9e15) {
    const double unit = std::pow(10.0, digits);
    const double scaled = value * unit;
    const double whole = towards_zero ? std::trunc(scaled) : std::round(scaled);
    return whole / unit;
  }
  return value;  // no digits behind the point
}

template <bool kTowardsZero>
void round_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.resize(context.rows);
  const Type& given = context.argument_types[0];
  const bool single = context.type.kind == TypeKind::kFloat;
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t asked = arguments.size() == 2 ? arguments[1]->ints[i] : 0;
    const auto digits = static_cast<int>(std::clamp<int64_t>(asked, -400, 400));
    if (out.physical == Physical::kDouble) {
      const double value = round_double(arguments[0]->doubles[i], digits, kTowardsZero);
      out.doubles[i] = single ? static_cast<double>(static_cast<float>(value)) : value;
    } else if (out.physical == Physical::kInt64) {
      const int64_t value = arguments[0]->ints[i];
      out.ints[i] = digits >= 0 ? value
                                : static_cast<int64_t>(static_cast<uint64_t>(
                                      round_decimal(value, 0, digits, kTowardsZero)));
    } else {
      const Decimal value =
          round_decimal(arguments[0]->decimals[i], given.scale, digits, kTowardsZero);
      const auto scaled = rescale(value, given.scale, context.type.scale);
      out.decimals[i] = scaled.value_or(0);
      if (!scaled || !fits_digits(*scaled, context.type.precision)) marks.null(i);
    }
  }
}

// --- random numbers

Result<ResolvedCall> resolve_rand(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect) {
  if (arguments.size() > 1 || (arguments.size() == 1 && !literal_integer(*arguments[0]))) {
    return no_overload(self, arguments);
  }
  std::vector<Type> types;
  if (arguments.size() == 1) types.push_back(make_type(TypeKind::kBigint));
  return ResolvedCall{&self, make_type(TypeKind::kDouble, false), std::move(types)};
}

using Generator = std::mt19937_64;

template <size_t kSeeded>
Result<std::shared_ptr<void>> prepare_random(std::span<const BoundPtr> arguments) {
  const auto seed = arguments.size() >= kSeeded ? literal_integer(*arguments[0]) : std::nullopt;
  return std::make_shared<Generator>(seed ? static_cast<uint64_t>(*seed) : std::random_device()());
}

void rand_kernel(KernelContext& context, Arguments, Column& out) {
  auto& generator = *static_cast<Generator*>(context.state);
  out.doubles.resize(context.rows);
  for (double& value : out.doubles) value = static_cast<double>(generator() >> 11U) * 0x1p-53;
}

Result<ResolvedCall> resolve_rand_integer(const Function& self, std::span<const BoundPtr> arguments,
                                          Dialect) {
  if (arguments.empty() || arguments.size() > 2 || !arguments.back()->type.is_integer() ||
      (arguments.size() == 2 && !literal_integer(*arguments[0]))) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kInteger, false),
                  std::vector<Type>(arguments.size(), make_type(TypeKind::kInteger)), arguments);
}

void rand_integer_kernel(KernelContext& context, Arguments arguments, Column& out) {
  auto& generator = *static_cast<Generator*>(context.state);
  RowMarks marks(context, out);
  out.ints.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t bound = arguments.back()->ints[i];
    out.ints[i] = bound > 0 ? static_cast<int64_t>(generator() % static_cast<uint64_t>(bound)) : 0;
    if (bound <= 0) marks.error(i, "the bound of RAND_INTEGER is not above zero");
  }
}

Function of_double(std::string_view name, Kernel kernel, std::string_view signature,
                   Dialects dialects = Dialects::kFlink) {
  return {.name = name,
          .dialects = dialects,
          .resolve = resolve_doubles<1>,
          .kernel = kernel,
          .signature = signature};
}

void add_random(FunctionList& table) {
  table.push_back({.name = "RAND",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_rand,
                   .kernel = rand_kernel,
                   .deterministic = false,
                   .prepare = prepare_random<1>,
                   .signature = "RAND([seed])"});
  table.push_back({.name = "RAND_INTEGER",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_rand_integer,
                   .kernel = rand_integer_kernel,
                   .deterministic = false,
                   .prepare = prepare_random<2>,
                   .signature = "RAND_INTEGER([seed, ]bound)"});
}

void add_trigonometry(FunctionList& table) {
  table.push_back(of_double("SIN", double_kernel<std::sin>, "SIN(number)"));
  table.push_back(of_double("COS", double_kernel<std::cos>, "COS(number)"));
  table.push_back(of_double("TAN", double_kernel<std::tan>, "TAN(number)"));
  table.push_back(of_double("COT", double_kernel<cotangent>, "COT(number)"));
  table.push_back(of_double("ASIN", double_kernel<std::asin>, "ASIN(number)"));
  table.push_back(of_double("ACOS", double_kernel<std::acos>, "ACOS(number)"));
  table.push_back(of_double("ATAN", double_kernel<std::atan>, "ATAN(number)"));
  table.push_back(of_double("SINH", double_kernel<std::sinh>, "SINH(number)"));
  table.push_back(of_double("COSH", double_kernel<std::cosh>, "COSH(number)"));
  table.push_back(of_double("TANH", double_kernel<std::tanh>, "TANH(number)"));
  table.push_back(of_double("DEGREES", double_kernel<degrees>, "DEGREES(number)"));
  table.push_back(of_double("RADIANS", double_kernel<radians>, "RADIANS(number)"));
  table.push_back({.name = "ATAN2",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_doubles<2>,
                   .kernel = double_pair_kernel<std::atan2>,
                   .signature = "ATAN2(y, x)"});
  table.push_back({.name = "PI",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_doubles<0>,
                   .kernel = constant_kernel<constant_pi>,
                   .signature = "PI()"});
  table.push_back({.name = "E",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_doubles<0>,
                   .kernel = constant_kernel<constant_e>,
                   .signature = "E()"});
}

}  // namespace

void add_math(FunctionList& table) {
  table.push_back(
      {.name = "ABS", .resolve = resolve_same, .kernel = abs_kernel, .signature = "ABS(number)"});
  table.push_back({.name = "SIGN",
                   .resolve = resolve_same,
                   .kernel = sign_kernel,
                   .signature = "SIGN(number)"});
  table.push_back({.name = "FLOOR",
                   .resolve = resolve_whole,
                   .kernel = whole_kernel<false>,
                   .signature = "FLOOR(number)"});
  for (const std::string_view name : {"CEIL", "CEILING"}) {
    table.push_back({.name = name,
                     .resolve = resolve_whole,
                     .kernel = whole_kernel<true>,
                     .signature = name == "CEIL" ? "CEIL(number)" : "CEILING(number)"});
  }
  table.push_back({.name = "ROUND",
                   .resolve = resolve_round,
                   .kernel = round_kernel<false>,
                   .signature = "ROUND(number[, digits])"});
  table.push_back({.name = "TRUNCATE",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_round,
                   .kernel = round_kernel<true>,
                   .signature = "TRUNCATE(number[, digits])"});
  const auto both = Dialects::kBoth;
  table.push_back(of_double("SQRT", double_kernel<std::sqrt>, "SQRT(number)", both));
  table.push_back(of_double("EXP", double_kernel<std::exp>, "EXP(number)", both));
  table.push_back(of_double("LN", double_kernel<std::log>, "LN(number)", both));
  table.push_back(of_double("LOG10", double_kernel<std::log10>, "LOG10(number)", both));
  table.push_back(of_double("LOG2", double_kernel<log_two>, "LOG2(number)"));
  table.push_back(of_double("LOG", double_kernel<std::log>, "LOG([base, ]number)"));
  table.push_back({.name = "LOG",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_doubles<2>,
                   .kernel = double_pair_kernel<log_of>,
                   .signature = "LOG([base, ]number)"});
  table.push_back({.name = "POWER",
                   .resolve = resolve_doubles<2>,
                   .kernel = double_pair_kernel<std::pow>,
                   .signature = "POWER(base, exponent)"});
  add_trigonometry(table);
  add_random(table);
}

}  // namespace millstream::analytics
