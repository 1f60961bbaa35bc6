// Projection and filter: expression programs over batches; no state.
#pragma once

#include <memory>
#include <span>

#include "analytics/engine/operator.h"
#include "analytics/functions/program.h"

namespace millstream::analytics {

// A row with an error is reported (Output::row_error) and left out.
Result<std::unique_ptr<Operator>> make_project(const PlanNode& node, OperatorContext context);
Result<std::unique_ptr<Operator>> make_filter(const PlanNode& node, OperatorContext context);

// The rows of `batch` that are not in `errors` (sorted by row).
Batch without_errors(const Batch& batch, std::span<const RowError> errors);

}  // namespace millstream::analytics
