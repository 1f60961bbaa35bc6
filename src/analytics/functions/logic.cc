// NOT, IS NULL, IS TRUE and their opposites. (AND and OR are kinds of expressions.)

#include "analytics/functions/kernel.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

Result<ResolvedCall> resolve_boolean(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect) {
  if (arguments.size() != 1 || (arguments[0]->type.kind != TypeKind::kBoolean &&
                                arguments[0]->type.kind != TypeKind::kNull)) {
    return no_overload(self, arguments);
  }
  return resolved(self, make_type(TypeKind::kBoolean, false), {make_type(TypeKind::kBoolean)},
                  arguments);
}

Result<ResolvedCall> resolve_test(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call, resolve_boolean(self, arguments, dialect));
  call.type.nullable = false;
  return call;
}

Result<ResolvedCall> resolve_null_test(const Function& self, std::span<const BoundPtr> arguments,
                                       Dialect) {
  if (arguments.size() != 1) return no_overload(self, arguments);
  ResolvedCall call =
      resolved(self, make_type(TypeKind::kBoolean, false), {arguments[0]->type}, arguments);
  call.type.nullable = false;
  return call;
}

void not_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kBool, Physical::kBool>(
      context, arguments, out, [](uint8_t v) { return static_cast<uint8_t>(v ^ 1U); });
}

template <uint8_t kIfNull>
void null_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.bools.assign(context.rows, kIfNull ^ 1U);
  if (arguments[0]->nulls.empty()) return;
  for (size_t i = 0; i < context.rows; ++i) {
    out.bools[i] = static_cast<uint8_t>(out.bools[i] ^ arguments[0]->nulls[i]);
  }
}

// Whether a condition is kValue (0 or 1), or (kNegated) is not; NULL is neither.
template <uint8_t kValue, uint8_t kNegated>
void test_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.bools.resize(context.rows);
  const Column& a = *arguments[0];
  for (size_t i = 0; i < context.rows; ++i) {
    out.bools[i] = static_cast<uint8_t>((a.bools[i] == kValue ? 1U : 0U) ^ kNegated);
  }
  if (a.nulls.empty()) return;
  for (size_t i = 0; i < context.rows; ++i) {
    if (a.nulls[i] != 0) out.bools[i] = kNegated;
  }
}

Function test(std::string_view name, Kernel kernel, std::string_view signature) {
  return {.name = name,
          .resolve = resolve_test,
          .kernel = kernel,
          .nulls_are_values = true,
          .signature = signature};
}

}  // namespace

void add_logic(FunctionList& table) {
  table.push_back({.name = "NOT",
                   .resolve = resolve_boolean,
                   .kernel = not_kernel,
                   .signature = "NOT boolean"});
  table.push_back({.name = "IS NULL",
                   .resolve = resolve_null_test,
                   .kernel = null_kernel<1>,
                   .nulls_are_values = true,
                   .signature = "value IS NULL"});
  table.push_back({.name = "IS NOT NULL",
                   .resolve = resolve_null_test,
                   .kernel = null_kernel<0>,
                   .nulls_are_values = true,
                   .signature = "value IS NOT NULL"});
  table.push_back(test("IS TRUE", test_kernel<1, 0>, "boolean IS TRUE"));
  table.push_back(test("IS NOT TRUE", test_kernel<1, 1>, "boolean IS NOT TRUE"));
  table.push_back(test("IS FALSE", test_kernel<0, 0>, "boolean IS FALSE"));
  table.push_back(test("IS NOT FALSE", test_kernel<0, 1>, "boolean IS NOT FALSE"));
  table.push_back({.name = "IS UNKNOWN",
                   .resolve = resolve_test,
                   .kernel = null_kernel<1>,
                   .nulls_are_values = true,
                   .signature = "boolean IS UNKNOWN"});
  table.push_back({.name = "IS NOT UNKNOWN",
                   .resolve = resolve_test,
                   .kernel = null_kernel<0>,
                   .nulls_are_values = true,
                   .signature = "boolean IS NOT UNKNOWN"});
}

}  // namespace millstream::analytics
