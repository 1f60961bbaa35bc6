// UNION ALL: the rows of all inputs, as they come; no state.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

Result<std::unique_ptr<Operator>> make_union(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
