// + - * / % and MOD on numbers. Flink: Java's arithmetic (integers wrap; DECIMAL overflow is
// NULL). Kinesis dialect: what does not fit is an error of the row.

#include <cmath>
#include <limits>

#include "analytics/functions/coercion.h"
#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

constexpr std::string_view kDivisionByZero = "division by zero";
constexpr std::string_view kOverflow = "numeric overflow";

using DecimalRule = Type (*)(const Type&, const Type&, Dialect);

// Both arguments as numbers of one kind; DECIMALs keep their scales.
Result<ResolvedCall> resolve_with(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect, DecimalRule rule) {
  if (arguments.size() != 2 || !takes_number(arguments[0]->type) ||
      !takes_number(arguments[1]->type)) {
    return no_overload(self, arguments);
  }
  Type a = arguments[0]->type;
  Type b = arguments[1]->type;
  a.nullable = b.nullable = true;
  if (a.kind == TypeKind::kNull) a = b.kind == TypeKind::kNull ? make_type(TypeKind::kInteger) : b;
  if (b.kind == TypeKind::kNull) b = a;
  if (a.is_approximate() || b.is_approximate() || (a.is_integer() && b.is_integer())) {
    const std::array<Type, 2> types = {a, b};
    TRY_ASSIGN(Type type, common_type(types, dialect));
    type.nullable = false;
    return resolved(self, type, {type, type}, arguments);
  }
  a = as_decimal(a);
  b = as_decimal(b);
  Type type = rule(a, b, dialect);
  type.nullable = true;  // an overflow
  return resolved(self, type, {a, b}, arguments);
}

Result<ResolvedCall> resolve_sum(const Function& self, std::span<const BoundPtr> arguments,
                                 Dialect dialect) {
  return resolve_with(self, arguments, dialect, decimal_sum_type);
}
Result<ResolvedCall> resolve_product(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  return resolve_with(self, arguments, dialect, decimal_product_type);
}
Result<ResolvedCall> resolve_quotient(const Function& self, std::span<const BoundPtr> arguments,
                                      Dialect dialect) {
  return resolve_with(self, arguments, dialect, decimal_quotient_type);
}

// Exact numbers only; of two integers the result has the second one's type.
Result<ResolvedCall> resolve_modulo(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call, resolve_with(self, arguments, dialect, decimal_modulo_type));
  if (call.type.is_approximate()) return no_overload(self, arguments);
  if (call.type.is_integer() && arguments[1]->type.is_integer()) {
    call.type.kind = arguments[1]->type.kind;
  }
  return call;
}

struct Add {
  static uint64_t wrapped(uint64_t a, uint64_t b) { return a + b; }
  static bool overflows(int64_t a, int64_t b, int64_t* r) {
    return __builtin_add_overflow(a, b, r);
  }
  static double approximate(double a, double b) { return a + b; }
  static std::optional<Decimal> exact(Decimal a, int sa, Decimal b, int sb, int to) {
    return add_decimals(a, sa, b, sb, to);
  }
};
struct Subtract {
  static uint64_t wrapped(uint64_t a, uint64_t b) { return a - b; }
  static bool overflows(int64_t a, int64_t b, int64_t* r) {
    return __builtin_sub_overflow(a, b, r);
  }
  static double approximate(double a, double b) { return a - b; }
  static std::optional<Decimal> exact(Decimal a, int sa, Decimal b, int sb, int to) {
    return add_decimals(a, sa, -b, sb, to);
  }
};
struct Multiply {
  static uint64_t wrapped(uint64_t a, uint64_t b) { return a * b; }
  static bool overflows(int64_t a, int64_t b, int64_t* r) {
    return __builtin_mul_overflow(a, b, r);
  }
  static double approximate(double a, double b) { return a * b; }
  static std::optional<Decimal> exact(Decimal a, int sa, Decimal b, int sb, int to) {
    return multiply(a, b, sa + sb - to);
  }
};

template <class Int, class Op>
void wrapping_loop(const KernelContext& context, Arguments arguments, Column& out) {
  map_binary<Physical::kInt64, Physical::kInt64, Physical::kInt64>(
      context, arguments, out, [](int64_t a, int64_t b) {
        return static_cast<int64_t>(
            static_cast<Int>(Op::wrapped(static_cast<uint64_t>(a), static_cast<uint64_t>(b))));
      });
}

bool within(int64_t value, TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return value == static_cast<int8_t>(value);
    case TypeKind::kSmallint:
      return value == static_cast<int16_t>(value);
    case TypeKind::kInteger:
      return value == static_cast<int32_t>(value);
    default:
      return true;
  }
}

template <class Op>
void integer_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const TypeKind kind = context.type.kind;
  if (context.dialect == Dialect::kKinesis) {
    out.ints.resize(context.rows);
    RowMarks marks(context, out);
    for (size_t i = 0; i < context.rows; ++i) {
      int64_t value = 0;
      if (Op::overflows(arguments[0]->ints[i], arguments[1]->ints[i], &value) ||
          !within(value, kind)) {
        marks.error(i, std::string(kOverflow));
      }
      out.ints[i] = value;
    }
    return;
  }
  switch (kind) {
    case TypeKind::kTinyint:
      return wrapping_loop<int8_t, Op>(context, arguments, out);
    case TypeKind::kSmallint:
      return wrapping_loop<int16_t, Op>(context, arguments, out);
    case TypeKind::kInteger:
      return wrapping_loop<int32_t, Op>(context, arguments, out);
    default:
      return wrapping_loop<int64_t, Op>(context, arguments, out);
  }
}

template <class F>
void approximate_loop(const KernelContext& context, Arguments arguments, Column& out, F f) {
  if (context.type.kind == TypeKind::kFloat) {
    return map_binary<Physical::kDouble, Physical::kDouble, Physical::kDouble>(
        context, arguments, out,
        [f](double a, double b) { return static_cast<double>(static_cast<float>(f(a, b))); });
  }
  map_binary<Physical::kDouble, Physical::kDouble, Physical::kDouble>(context, arguments, out, f);
}

// A DECIMAL result, if it fits; else NULL (Flink) or an error.
class DecimalSink {
 public:
  DecimalSink(KernelContext& context, Column& out)
      : context_(context), out_(out), marks_(context, out) {
    out.decimals.resize(context.rows);
  }
  void set(size_t row, std::optional<Decimal> value) {
    if (value && fits_digits(*value, context_.type.precision)) {
      out_.decimals[row] = *value;
      return;
    }
    out_.decimals[row] = 0;
    if (context_.dialect == Dialect::kFlink) {
      marks_.null(row);
    } else {
      marks_.error(row, std::string(kOverflow));
    }
  }
  void fail(size_t row, std::string_view text) {
    out_.decimals[row] = 0;
    marks_.error(row, std::string(text));
  }

 private:
  KernelContext& context_;
  Column& out_;
  RowMarks marks_;
};

template <class Op>
void numeric_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kInt64:
      return integer_kernel<Op>(context, arguments, out);
    case Physical::kDouble:
      return approximate_loop(context, arguments, out,
                              [](double a, double b) { return Op::approximate(a, b); });
    default:
      break;
  }
  const int a_scale = context.argument_types[0].scale;
  const int b_scale = context.argument_types[1].scale;
  DecimalSink sink(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    sink.set(i, Op::exact(arguments[0]->decimals[i], a_scale, arguments[1]->decimals[i], b_scale,
                          context.type.scale));
  }
}

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

void divide_integers(KernelContext& context, Arguments arguments, Column& out) {
  out.ints.resize(context.rows);
  RowMarks marks(context, out);
  const TypeKind kind = context.type.kind;
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t a = arguments[0]->ints[i];
    const int64_t b = arguments[1]->ints[i];
    // The least value by -1 wraps to itself; the machine would trap.
    out.ints[i] = b == 0 ? 0 : b == -1 ? narrowed(wrap_sub(0, a), kind) : a / b;
    if (b == 0) marks.error(i, std::string(kDivisionByZero));
  }
}

void divide_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kInt64:
      return divide_integers(context, arguments, out);
    case Physical::kDouble:
      return approximate_loop(context, arguments, out, [](double a, double b) { return a / b; });
    default:
      break;
  }
  const int shift =
      context.type.scale - context.argument_types[0].scale + context.argument_types[1].scale;
  DecimalSink sink(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const Decimal divisor = arguments[1]->decimals[i];
    if (divisor == 0) {
      sink.fail(i, kDivisionByZero);
    } else {
      sink.set(i, divide(arguments[0]->decimals[i], divisor, shift));
    }
  }
}

void modulo_integers(KernelContext& context, Arguments arguments, Column& out) {
  out.ints.resize(context.rows);
  RowMarks marks(context, out);
  const int64_t* a = arguments[0]->ints.data();
  const int64_t* b = arguments[1]->ints.data();
  if (is_constant(context, 1) && context.rows > 0 && b[0] != 0 && b[0] != -1) {
    const int64_t divisor = b[0];
    for (size_t i = 0; i < context.rows; ++i) out.ints[i] = a[i] % divisor;
    return;
  }
  for (size_t i = 0; i < context.rows; ++i) {
    out.ints[i] = b[i] == 0 || b[i] == -1 ? 0 : a[i] % b[i];
    if (b[i] == 0) marks.error(i, std::string(kDivisionByZero));
  }
}

void modulo_kernel(KernelContext& context, Arguments arguments, Column& out) {
  if (out.physical == Physical::kInt64) return modulo_integers(context, arguments, out);
  DecimalSink sink(context, out);
  const int a_scale = context.argument_types[0].scale;
  const int b_scale = context.argument_types[1].scale;
  for (size_t i = 0; i < context.rows; ++i) {
    if (arguments[1]->decimals[i] == 0) {
      sink.fail(i, kDivisionByZero);
      continue;
    }
    const auto rest =
        decimal_remainder(arguments[0]->decimals[i], a_scale, arguments[1]->decimals[i], b_scale);
    sink.set(i, rest ? rescale(*rest, std::max(a_scale, b_scale), context.type.scale) : rest);
  }
}

Result<ResolvedCall> resolve_negate(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect) {
  if (arguments.size() != 1 ||
      (!takes_number(arguments[0]->type) && !arguments[0]->type.is_interval())) {
    return no_overload(self, arguments);
  }
  Type type = arguments[0]->type;
  if (type.kind == TypeKind::kNull) type = make_type(TypeKind::kInteger);
  return resolved(self, type, {type}, arguments);
}

void negate_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kDouble:
      return map_unary<Physical::kDouble, Physical::kDouble>(context, arguments, out,
                                                             [](double v) { return -v; });
    case Physical::kDecimal:
      return map_unary<Physical::kDecimal, Physical::kDecimal>(context, arguments, out,
                                                               [](Decimal v) { return -v; });
    default:
      break;
  }
  const TypeKind kind = context.type.kind;
  map_unary<Physical::kInt64, Physical::kInt64>(
      context, arguments, out, [kind](int64_t v) { return narrowed(wrap_sub(0, v), kind); });
}

}  // namespace

void add_arithmetic(FunctionList& table) {
  table.push_back({.name = "+",
                   .resolve = resolve_sum,
                   .kernel = numeric_kernel<Add>,
                   .signature = "number + number"});
  table.push_back({.name = "-",
                   .resolve = resolve_sum,
                   .kernel = numeric_kernel<Subtract>,
                   .signature = "number - number"});
  table.push_back({.name = "*",
                   .resolve = resolve_product,
                   .kernel = numeric_kernel<Multiply>,
                   .signature = "number * number"});
  table.push_back({.name = "/",
                   .resolve = resolve_quotient,
                   .kernel = divide_kernel,
                   .signature = "number / number"});
  table.push_back({.name = "%",
                   .resolve = resolve_modulo,
                   .kernel = modulo_kernel,
                   .signature = "exact number % exact number"});
  table.push_back({.name = "MOD",
                   .resolve = resolve_modulo,
                   .kernel = modulo_kernel,
                   .signature = "MOD(exact number, exact number)"});
  table.push_back({.name = "NEGATE",
                   .resolve = resolve_negate,
                   .kernel = negate_kernel,
                   .signature = "- number"});
}

}  // namespace millstream::analytics
