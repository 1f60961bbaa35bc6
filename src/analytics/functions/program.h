// Bound expressions compiled for batches.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/functions/expression.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

struct ProgramSettings {
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::string time_zone = "UTC";
};

// A row whose value could not be computed (the row is not part of the output).
struct RowError {
  uint32_t row = 0;
  uint32_t expression = 0;   // which of the program's
  std::string_view message;  // lives until the next run
};

// Evaluates expressions over batches: a flat list of kernels over columns, equal
// sub-expressions once.
//
// Threads: one at a time (it keeps scratch columns); make one per thread.
class Program {
 public:
  // Errors: kInvalidArgument (a literal that a function can't use).
  static Result<std::unique_ptr<Program>> compile(std::span<const BoundPtr> expressions,
                                                  ProgramSettings settings);
  virtual ~Program() = default;

  // The values of each expression for each row of `input`; columns of the input pass through
  // shared. Strings that kernels make live in an arena that is added to `memory`. A row with an
  // error has anything as value there; `errors` is sorted by row, the first error of each row.
  virtual std::vector<ColumnPtr> run(const Batch& input, int64_t now_us,
                                     std::vector<std::shared_ptr<Arena>>& memory,
                                     std::vector<RowError>& errors) = 0;

  // For conditions (one BOOLEAN expression): the rows for which it is TRUE.
  virtual std::vector<uint32_t> select(const Batch& input, int64_t now_us,
                                       std::vector<RowError>& errors) = 0;
};

}  // namespace millstream::analytics
