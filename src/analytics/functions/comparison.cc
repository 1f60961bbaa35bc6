// = <> < <= > >=, IS [NOT] DISTINCT FROM, IN. Strings compare by their bytes; NaN as in Java.

#include <algorithm>
#include <memory>

#include <boost/unordered/unordered_flat_set.hpp>

#include "analytics/functions/coercion.h"
#include "analytics/functions/decimal.h"
#include "analytics/functions/kernel.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

// Both sides alike; DECIMALs keep their scales, so that nothing overflows.
Result<ResolvedCall> resolve_pair(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  const Type& a = arguments[0]->type;
  const Type& b = arguments[1]->type;
  if (a.kind == TypeKind::kRow || b.kind == TypeKind::kRow) return no_overload(self, arguments);
  TRY_ASSIGN(const Type type, comparison_type(a, b, dialect));
  const Type boolean = make_type(TypeKind::kBoolean, false);
  if (type.kind != TypeKind::kDecimal) return resolved(self, boolean, {type, type}, arguments);
  const auto side = [&type](const Type& given) {
    return given.is_integer() || given.kind == TypeKind::kDecimal ? as_decimal(given) : type;
  };
  return resolved(self, boolean, {side(a), side(b)}, arguments);
}

Result<ResolvedCall> resolve_distinct(const Function& self, std::span<const BoundPtr> arguments,
                                      Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call, resolve_pair(self, arguments, dialect));
  call.type.nullable = false;
  return call;
}

struct Equal {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a == b); }
};
struct NotEqual {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a != b); }
};
struct Less {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a < b); }
};
struct LessEqual {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a <= b); }
};
struct Greater {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a > b); }
};
struct GreaterEqual {
  static uint8_t of(const auto& a, const auto& b) { return static_cast<uint8_t>(a >= b); }
};

template <Physical P, class Op>
void compare_loop(const KernelContext& context, Arguments arguments, Column& out) {
  map_binary<P, P, Physical::kBool>(context, arguments, out,
                                    [](const auto& a, const auto& b) { return Op::of(a, b); });
}

template <class Op>
void compare_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (arguments[0]->physical) {
    case Physical::kBool:
      return compare_loop<Physical::kBool, Op>(context, arguments, out);
    case Physical::kInt64:
      return compare_loop<Physical::kInt64, Op>(context, arguments, out);
    case Physical::kDouble:
      return compare_loop<Physical::kDouble, Op>(context, arguments, out);
    case Physical::kString:
      return compare_loop<Physical::kString, Op>(context, arguments, out);
    case Physical::kDecimal:
      break;
  }
  const int a_scale = context.argument_types[0].scale;
  const int b_scale = context.argument_types[1].scale;
  if (a_scale == b_scale) return compare_loop<Physical::kDecimal, Op>(context, arguments, out);
  map_binary<Physical::kDecimal, Physical::kDecimal, Physical::kBool>(
      context, arguments, out,
      [=](Decimal a, Decimal b) { return Op::of(compare_decimals(a, a_scale, b, b_scale), 0); });
}

// NULLs are equal to each other and to nothing else.
template <bool kDistinct>
void distinct_kernel(KernelContext& context, Arguments arguments, Column& out) {
  compare_kernel<Equal>(context, arguments, out);
  const Column& a = *arguments[0];
  const Column& b = *arguments[1];
  if (!a.nulls.empty() || !b.nulls.empty()) {
    for (size_t i = 0; i < context.rows; ++i) {
      const bool a_null = a.is_null(i);
      const bool b_null = b.is_null(i);
      if (a_null || b_null) out.bools[i] = static_cast<uint8_t>(a_null && b_null);
    }
  }
  if constexpr (kDistinct) {
    for (uint8_t& value : out.bools) value ^= 1U;
  }
}

Result<ResolvedCall> resolve_in(const Function& self, std::span<const BoundPtr> arguments,
                                Dialect dialect) {
  if (arguments.size() < 2) return no_overload(self, arguments);
  Type type = arguments[0]->type;
  for (const BoundPtr& argument : arguments.subspan(1)) {
    TRY_ASSIGN(type, comparison_type(type, argument->type, dialect));
  }
  type.nullable = true;
  return resolved(self, make_type(TypeKind::kBoolean, false),
                  std::vector<Type>(arguments.size(), type), arguments);
}

// Beyond this many values a hash table finds faster than a loop.
constexpr size_t kLinearValues = 8;

// The constants of an IN list.
struct InList {
  bool has_null = false;
  std::vector<int64_t> ints;
  std::vector<double> doubles;
  std::vector<Decimal> decimals;
  std::vector<std::string> texts;
  std::vector<std::string_view> strings;
  boost::unordered_flat_set<int64_t> int_set;
  boost::unordered_flat_set<std::string_view> string_set;
};

Result<std::shared_ptr<void>> prepare_in(std::span<const BoundPtr> arguments) {
  auto list = std::make_shared<InList>();
  for (const BoundPtr& argument : arguments.subspan(1)) {
    if (argument->kind != BoundKind::kLiteral) return nullptr;  // compared column by column
    const Value& value = argument->literal;
    if (std::holds_alternative<std::monostate>(value)) {
      list->has_null = true;
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      list->ints.push_back(*integer);
    } else if (const auto* truth = std::get_if<bool>(&value)) {
      list->ints.push_back(*truth ? 1 : 0);
    } else if (const auto* number = std::get_if<double>(&value)) {
      list->doubles.push_back(*number);
    } else if (const auto* decimal = std::get_if<Decimal>(&value)) {
      list->decimals.push_back(*decimal);
    } else {
      list->texts.push_back(std::get<std::string>(value));
    }
  }
  list->strings.assign(list->texts.begin(), list->texts.end());
  if (list->ints.size() > kLinearValues) list->int_set.insert(list->ints.begin(), list->ints.end());
  if (list->strings.size() > kLinearValues) {
    list->string_set.insert(list->strings.begin(), list->strings.end());
  }
  return list;
}

// out[i] = whether a[i] is among `values`.
template <class T, class U>
void search_loop(size_t rows, const T* a, const std::vector<U>& values, std::vector<uint8_t>& out) {
  out.assign(rows, 0);
  for (const U& value : values) {
    for (size_t i = 0; i < rows; ++i) out[i] |= static_cast<uint8_t>(a[i] == value);
  }
}

void search_list(const InList& list, const Column& value, size_t rows, std::vector<uint8_t>& out) {
  switch (value.physical) {
    case Physical::kBool:
      return search_loop(rows, value.bools.data(), list.ints, out);
    case Physical::kDouble:
      return search_loop(rows, value.doubles.data(), list.doubles, out);
    case Physical::kDecimal:
      return search_loop(rows, value.decimals.data(), list.decimals, out);
    case Physical::kInt64:
      if (list.int_set.empty()) return search_loop(rows, value.ints.data(), list.ints, out);
      out.resize(rows);
      for (size_t i = 0; i < rows; ++i) {
        out[i] = static_cast<uint8_t>(list.int_set.contains(value.ints[i]));
      }
      return;
    case Physical::kString:
      if (list.string_set.empty()) {
        return search_loop(rows, value.strings.data(), list.strings, out);
      }
      out.resize(rows);
      for (size_t i = 0; i < rows; ++i) {
        out[i] = static_cast<uint8_t>(list.string_set.contains(value.strings[i]));
      }
      return;
  }
}

void in_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const Column& value = *arguments[0];
  std::vector<uint8_t> unknown(context.rows);
  if (context.state != nullptr) {
    const auto& list = *static_cast<const InList*>(context.state);
    search_list(list, value, context.rows, out.bools);
    if (list.has_null) unknown.assign(context.rows, 1);
  } else {
    std::vector<uint8_t> found(context.rows);
    for (size_t k = 1; k < arguments.size(); ++k) {
      const Column& other = *arguments[k];
      const std::array<const Column*, 2> pair = {&value, &other};
      compare_kernel<Equal>(context, pair, out);
      for (size_t i = 0; i < context.rows; ++i) {
        if (other.is_null(i)) {
          unknown[i] = 1;
        } else {
          found[i] |= out.bools[i];
        }
      }
    }
    out.bools = std::move(found);
  }
  for (size_t i = 0; i < context.rows; ++i) {
    if (value.is_null(i) || (unknown[i] != 0 && out.bools[i] == 0)) {
      if (out.nulls.empty()) out.nulls.resize(context.rows);
      out.nulls[i] = 1;
    }
  }
}

template <class Op>
Function comparison(std::string_view name, std::string_view signature) {
  return {
      .name = name, .resolve = resolve_pair, .kernel = compare_kernel<Op>, .signature = signature};
}

}  // namespace

void add_comparison(FunctionList& table) {
  table.push_back(comparison<Equal>("=", "value = value"));
  table.push_back(comparison<NotEqual>("<>", "value <> value"));
  table.push_back(comparison<Less>("<", "value < value"));
  table.push_back(comparison<LessEqual>("<=", "value <= value"));
  table.push_back(comparison<Greater>(">", "value > value"));
  table.push_back(comparison<GreaterEqual>(">=", "value >= value"));
  table.push_back({.name = "IS DISTINCT FROM",
                   .resolve = resolve_distinct,
                   .kernel = distinct_kernel<true>,
                   .nulls_are_values = true,
                   .signature = "value IS DISTINCT FROM value"});
  table.push_back({.name = "IS NOT DISTINCT FROM",
                   .resolve = resolve_distinct,
                   .kernel = distinct_kernel<false>,
                   .nulls_are_values = true,
                   .signature = "value IS NOT DISTINCT FROM value"});
  table.push_back({.name = "IN",
                   .resolve = resolve_in,
                   .kernel = in_kernel,
                   .nulls_are_values = true,
                   .prepare = prepare_in,
                   .state_is_enough = true,
                   .signature = "value IN (value, ...)"});
}

}  // namespace millstream::analytics
