// Unbounded GROUP BY, and DISTINCT.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// One change per key and batch: +I for a key's first row, a pair -U, +U when its result differs,
// -D when its last row is taken back. Groups that no row came to for the state's time to live
// are forgotten without a change, as in Flink.
// Errors: kInvalidArgument (an aggregate that can't take rows back).
Result<std::unique_ptr<Operator>> make_group_aggregate(const PlanNode& node,
                                                       OperatorContext context);

}  // namespace millstream::analytics
