// The one table of scalar functions and operators of both dialects.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/functions/expression.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

enum class Dialects : uint8_t { kKinesis = 1, kFlink = 2, kBoth = 3 };

// What a kernel may use besides its arguments.
struct KernelContext {
  size_t rows = 0;
  Arena& arena;      // for strings it makes
  const Type& type;  // of the result
  std::span<const Type> argument_types;
  sql::Dialect dialect = sql::Dialect::kFlink;
  int64_t now_us = 0;                  // processing time of the batch
  std::string_view time_zone = "UTC";  // session time zone (date library name)
  void* state = nullptr;               // what Function::prepare made
  uint32_t constants = 0;  // bit i: argument i has the same value in all rows (the first 32)
  // The number for `Column::errors` of a text; few texts per batch, the same text once.
  std::function<uint16_t(std::string)> error;
};

// Computes all rows at once. `arguments` have at least `rows` rows each; `out` has the Physical of
// the result, no nulls, no errors, and values left over from before: the kernel resizes it to
// `rows` and writes every one (string columns come empty). Strings of NULL rows are readable
// (empty, as a rule), never dangling. NULL handling: unless `nulls_are_values`, the program marks a
// row NULL (and skips its error) if an argument is NULL there, and the kernel may write anything
// into it, but must not trap, read outside or fail the batch because of it.
using Kernel = void (*)(KernelContext& context, std::span<const Column* const> arguments,
                        Column& out);

struct ResolvedCall {
  const Function* function = nullptr;
  Type type;                         // of the result
  std::vector<Type> argument_types;  // cast the arguments to these
};

// One overload: the first of a name whose `resolve` accepts the argument types is taken.
struct Function {
  std::string_view name;  // upper case; operators: "+", "=", "NOT", "IS NULL", "LIKE", "EXTRACT" …
  Dialects dialects = Dialects::kBoth;
  // Types the call; an error explains what the function takes.
  Result<ResolvedCall> (*resolve)(const Function& self, std::span<const BoundPtr> arguments,
                                  sql::Dialect dialect) = nullptr;
  Kernel kernel = nullptr;
  bool nulls_are_values = false;  // the kernel sees NULLs and sets out.nulls itself
  bool deterministic = true;
  // Once per program, from literal arguments (a compiled regex, a date format); may be null.
  // Errors: the literal is wrong ("invalid regular expression …").
  Result<std::shared_ptr<void>> (*prepare)(std::span<const BoundPtr> arguments) = nullptr;
  // What prepare() made stands for all arguments but the first: the kernel gets only that.
  bool state_is_enough = false;
  // Functions that are short for other expressions (IF is a CASE, so that the branch not taken
  // can't fail): the program computes what this returns; such a function has no kernel.
  BoundPtr (*lower)(const BoundExpression& call, sql::Dialect dialect) = nullptr;
  std::string_view
      signature;  // for messages and documentation: "SUBSTRING(string, start[, length])"
};

// Finds the overload of `name` (upper case) for these arguments. Errors: kInvalidArgument: no
// such function (with the nearest names), or no overload takes these types (with the
// signatures). What a dialect has and Millstream not: "function X is not yet supported".
Result<ResolvedCall> resolve_function(std::string_view name, sql::Dialect dialect,
                                      std::span<const BoundPtr> arguments);
// All functions of a dialect by name, for completion and the generated page of functions.
std::vector<const Function*> functions_of(sql::Dialect dialect);
// The page of functions of a dialect: a Markdown table of signatures, by name.
std::string functions_markdown(sql::Dialect dialect);

// The rules of implicit casts.
// The common type of CASE branches, UNION columns, comparison sides. Errors: there is none.
Result<Type> common_type(std::span<const Type> types, sql::Dialect dialect);
// Whether CAST(from AS to) exists; and whether it happens by itself (INSERT, arguments).
bool can_cast(const Type& from, const Type& to, sql::Dialect dialect);
bool can_cast_implicitly(const Type& from, const Type& to, sql::Dialect dialect);

// One constant value computed at plan time. Errors: the row's error.
Result<Value> evaluate_constant(const BoundExpression& expression, sql::Dialect dialect);

}  // namespace millstream::analytics
