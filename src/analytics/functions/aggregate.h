// The one table of aggregate functions of both dialects, and how each keeps its state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/functions/expression.h"
#include "analytics/functions/function.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

struct AggregateFunction;

// One aggregate of a plan: SUM(DISTINCT x) FILTER (WHERE c). Arguments are columns of the
// operator's input: the planner projects expressions first.
struct AggregateCall {
  const AggregateFunction* function = nullptr;
  std::vector<int> arguments;  // COUNT(*): none
  std::vector<Type> argument_types;
  std::vector<Value> constants;  // literal arguments (the separator of LISTAGG)
  bool distinct = false;
  int filter = -1;   // a BOOLEAN column, or -1
  Type type;         // of the result
  std::string text;  // as written
};

// The state of one aggregate for one group: `state_bytes` bytes inside the group's row of state,
// zero at first, trivially copyable. Variable-sized values (MIN of a VARCHAR, LISTAGG) live in a
// second, variable part of the row: `blob` (see Accumulator::uses_blob).
//
// Kinds that a retraction can't undo by arithmetic (MIN, MAX, FIRST_VALUE …) and DISTINCT keep
// their values in a state table of their own: the operators do that
// (engine/value_multiset.h); such a call has `needs_values` with retraction.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  virtual uint32_t state_bytes() const = 0;
  virtual bool uses_blob() const { return false; }
  virtual bool can_retract() const = 0;
  // Adds (or takes back: `retract`) rows `rows[i]` of the argument columns into states[i]. Rows
  // with a false FILTER have been left out; NULL arguments are skipped by the accumulator.
  virtual void update(std::span<const Column* const> arguments, std::span<const uint32_t> rows,
                      std::span<char* const> states, bool retract) const = 0;
  // Adds state `from` to `to` (windows of several slices, two-phase aggregation).
  virtual void merge(char* to, const char* from) const = 0;
  // Appends the result of `state` to `out`.
  virtual void result(const char* state, Column& out, Arena& arena) const = 0;
  // For uses_blob(): the same on one row's blob, which is replaced.
  virtual void update_blob(std::span<const Column* const> arguments, uint32_t row,
                           std::string& blob) const;
  virtual void merge_blob(std::string& to, std::string_view from) const;
  virtual void result_blob(std::string_view blob, Column& out, Arena& arena) const;
};

struct AggregateFunction {
  std::string_view name;  // upper case: COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE, STDDEV_POP …
  Dialects dialects = Dialects::kBoth;
  Result<Type> (*resolve)(std::span<const Type> arguments, sql::Dialect dialect) = nullptr;
  // For resolved argument types.
  std::unique_ptr<Accumulator> (*make)(const AggregateCall& call, sql::Dialect dialect) = nullptr;
  bool ordered = false;  // depends on the order of rows (FIRST_VALUE, LAST_VALUE, LISTAGG)
  std::string_view signature;
};

// Errors: as resolve_function.
Result<const AggregateFunction*> find_aggregate(std::string_view name, sql::Dialect dialect);
bool is_aggregate(std::string_view name, sql::Dialect dialect);
std::vector<const AggregateFunction*> aggregates_of(sql::Dialect dialect);

}  // namespace millstream::analytics
