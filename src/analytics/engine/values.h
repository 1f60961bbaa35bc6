// VALUES: rows of constants, once in the life of the job.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// Emits in advance(); how many rows have left is part of its state, so that a restart goes on
// behind them. Runs in one place: the first partition emits, others nothing.
Result<std::unique_ptr<Operator>> make_values(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
