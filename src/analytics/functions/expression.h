// Expressions with names and types resolved: what the planner hands to the engine.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analytics/data/type.h"

namespace millstream::analytics {

struct Function;  // functions/function.h

enum class BoundKind : uint8_t {
  kColumn,   // column: index into the input's schema
  kLiteral,  // literal
  kCall,     // function over arguments
  kCast,     // arguments[0] to `type`; try_cast: NULL instead of an error
  kCase,     // arguments: condition, value, …, else (always there)
  kAnd,      // SQL's three-valued logic over all arguments; an error counts only if needed
  kOr,
  kCoalesce,     // the first argument that is not NULL
  kProctime,     // the time at which the batch is processed
  kCurrentTime,  // CURRENT_TIMESTAMP and kin; see `type`: read once per batch (Flink: per row
                 // in streaming; the difference is below a batch's time)
};

struct BoundExpression;
using BoundPtr = std::shared_ptr<const BoundExpression>;

// Constant once built; shared freely. Arguments of calls have been cast to the types that the
// function asks for.
struct BoundExpression {
  BoundKind kind = BoundKind::kLiteral;
  Type type;
  int column = -1;
  Value literal;
  const Function* function = nullptr;
  std::vector<BoundPtr> arguments;
  bool try_cast = false;
  std::string text;  // as written, for messages and for the names of unnamed columns
};

BoundPtr bound_column(int column, const Field& field);
BoundPtr bound_literal(Value value, Type type);
BoundPtr bound_cast(BoundPtr value, Type type, bool try_cast = false);  // as it is, if equal
BoundPtr bound_call(const Function& function, std::vector<BoundPtr> arguments, Type type);

bool same(const BoundExpression& a, const BoundExpression& b);
// "UPPER($0) = 'A'"; with a schema, names instead of numbers: EXPLAIN, fingerprints.
std::string expression_text(const BoundExpression& expression, std::span<const Field> schema = {});
// Whether it has the same value for the same row whenever it is computed.
bool is_deterministic(const BoundExpression& expression);
// Columns read, ascending, each once.
std::vector<int> columns_of(const BoundExpression& expression);
// With each column i replaced by replacements[i].
BoundPtr substitute(const BoundPtr& expression, std::span<const BoundPtr> replacements);
// With each column i replaced by column map[i].
BoundPtr remap(const BoundPtr& expression, std::span<const int> map);

}  // namespace millstream::analytics
