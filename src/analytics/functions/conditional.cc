// IF, IFNULL, NULLIF, COALESCE, DECODE: short for CASE and COALESCE, so that what is not taken
// can't fail. GREATEST and LEAST.

#include <algorithm>

#include "analytics/functions/kernel.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

BoundPtr expression(BoundKind kind, std::vector<BoundPtr> arguments, const BoundExpression& call) {
  auto result = std::make_shared<BoundExpression>();
  result->kind = kind;
  result->type = call.type;
  result->arguments = std::move(arguments);
  result->text = call.text;
  return result;
}

std::vector<Type> types_of(std::span<const BoundPtr> arguments) {
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) types.push_back(argument->type);
  return types;
}

Result<ResolvedCall> resolve_if(const Function& self, std::span<const BoundPtr> arguments,
                                Dialect dialect) {
  if (arguments.size() != 3 || (arguments[0]->type.kind != TypeKind::kBoolean &&
                                arguments[0]->type.kind != TypeKind::kNull)) {
    return no_overload(self, arguments);
  }
  const auto values = types_of(arguments.subspan(1));
  TRY_ASSIGN(Type type, common_type(values, dialect));
  return ResolvedCall{&self, type, {make_type(TypeKind::kBoolean), type, type}};
}

BoundPtr lower_if(const BoundExpression& call, Dialect) {
  return expression(BoundKind::kCase, call.arguments, call);
}

Result<ResolvedCall> resolve_coalesce(const Function& self, std::span<const BoundPtr> arguments,
                                      Dialect dialect) {
  if (arguments.empty()) return no_overload(self, arguments);
  const auto values = types_of(arguments);
  TRY_ASSIGN(Type type, common_type(values, dialect));
  type.nullable = std::ranges::all_of(values, [](const Type& value) { return value.nullable; });
  type.time = TimeAttribute::kNone;
  return ResolvedCall{&self, type, std::vector<Type>(arguments.size(), type)};
}

Result<ResolvedCall> resolve_ifnull(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  return resolve_coalesce(self, arguments, dialect);
}

BoundPtr lower_coalesce(const BoundExpression& call, Dialect) {
  return expression(BoundKind::kCoalesce, call.arguments, call);
}

// "=" between two expressions; resolve functions have checked that it exists.
BoundPtr equals(const BoundPtr& a, const BoundPtr& b, std::string_view comparison,
                Dialect dialect) {
  const std::array<BoundPtr, 2> sides = {a, b};
  const auto call = resolve_function(comparison, dialect, sides);
  MS_ASSERT(call.has_value());
  return bound_call(
      *call->function,
      {bound_cast(a, call->argument_types[0]), bound_cast(b, call->argument_types[1])}, call->type);
}

Result<ResolvedCall> resolve_nullif(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  if (arguments.size() != 2) return no_overload(self, arguments);
  TRY(resolve_function("=", dialect, arguments));
  Type type = arguments[0]->type;
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  return ResolvedCall{&self, type, types_of(arguments)};
}

BoundPtr lower_nullif(const BoundExpression& call, Dialect dialect) {
  return expression(BoundKind::kCase,
                    {equals(call.arguments[0], call.arguments[1], "=", dialect),
                     bound_literal(std::monostate(), call.type), call.arguments[0]},
                    call);
}

// DECODE(value, search, result, …[, default]): NULL finds NULL.
Result<ResolvedCall> resolve_decode(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  if (arguments.size() < 3) return no_overload(self, arguments);
  std::vector<Type> results;
  std::vector<Type> types = types_of(arguments);
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::array<BoundPtr, 2> sides = {arguments[0], arguments[i]};
    TRY(resolve_function("IS NOT DISTINCT FROM", dialect, sides));
    results.push_back(types[i + 1]);
  }
  const bool has_default = arguments.size() % 2 == 0;
  if (has_default) results.push_back(types.back());
  TRY_ASSIGN(Type type, common_type(results, dialect));
  type.nullable |= !has_default;
  for (size_t i = 2; i < types.size(); i += 2) types[i] = type;
  if (has_default) types.back() = type;
  return ResolvedCall{&self, type, std::move(types)};
}

BoundPtr lower_decode(const BoundExpression& call, Dialect dialect) {
  std::vector<BoundPtr> arguments;
  for (size_t i = 1; i + 1 < call.arguments.size(); i += 2) {
    arguments.push_back(
        equals(call.arguments[0], call.arguments[i], "IS NOT DISTINCT FROM", dialect));
    arguments.push_back(call.arguments[i + 1]);
  }
  const bool has_default = call.arguments.size() % 2 == 0;
  arguments.push_back(has_default ? call.arguments.back()
                                  : bound_literal(std::monostate(), call.type));
  return expression(BoundKind::kCase, std::move(arguments), call);
}

Result<ResolvedCall> resolve_extreme(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  if (arguments.empty()) return no_overload(self, arguments);
  const auto values = types_of(arguments);
  TRY_ASSIGN(const Type type, common_type(values, dialect));
  if (type.kind == TypeKind::kRow) return no_overload(self, arguments);
  return resolved(self, type, std::vector<Type>(arguments.size(), type), arguments);
}

template <Physical P, bool kGreatest>
void extreme_loop(size_t rows, Arguments arguments, Column& out) {
  auto& result = values_of<P>(out);
  const auto& first = values_of<P>(*arguments[0]);
  result.assign(first.begin(), first.begin() + static_cast<ptrdiff_t>(rows));
  for (const Column* argument : arguments.subspan(1)) {
    const auto* values = values_of<P>(*argument).data();
    for (size_t i = 0; i < rows; ++i) {
      const bool better = kGreatest ? result[i] < values[i] : values[i] < result[i];
      result[i] = better ? values[i] : result[i];
    }
  }
}

template <bool kGreatest>
void extreme_kernel(KernelContext& context, Arguments arguments, Column& out) {
  switch (out.physical) {
    case Physical::kBool:
      return extreme_loop<Physical::kBool, kGreatest>(context.rows, arguments, out);
    case Physical::kInt64:
      return extreme_loop<Physical::kInt64, kGreatest>(context.rows, arguments, out);
    case Physical::kDouble:
      return extreme_loop<Physical::kDouble, kGreatest>(context.rows, arguments, out);
    case Physical::kDecimal:
      return extreme_loop<Physical::kDecimal, kGreatest>(context.rows, arguments, out);
    case Physical::kString:
      return extreme_loop<Physical::kString, kGreatest>(context.rows, arguments, out);
  }
}

}  // namespace

void add_conditional(FunctionList& table) {
  table.push_back({.name = "IF",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_if,
                   .lower = lower_if,
                   .signature = "IF(condition, value, other)"});
  table.push_back({.name = "COALESCE",
                   .resolve = resolve_coalesce,
                   .lower = lower_coalesce,
                   .signature = "COALESCE(value, ...)"});
  table.push_back({.name = "IFNULL",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_ifnull,
                   .lower = lower_coalesce,
                   .signature = "IFNULL(value, other)"});
  table.push_back({.name = "NULLIF",
                   .resolve = resolve_nullif,
                   .lower = lower_nullif,
                   .signature = "NULLIF(value, other)"});
  table.push_back({.name = "DECODE",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_decode,
                   .lower = lower_decode,
                   .signature = "DECODE(value, search, result, ...[, default])"});
  table.push_back({.name = "GREATEST",
                   .resolve = resolve_extreme,
                   .kernel = extreme_kernel<true>,
                   .signature = "GREATEST(value, ...)"});
  table.push_back({.name = "LEAST",
                   .resolve = resolve_extreme,
                   .kernel = extreme_kernel<false>,
                   .signature = "LEAST(value, ...)"});
}

}  // namespace millstream::analytics
