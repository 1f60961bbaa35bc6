// ORDER BY and LIMIT.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// LIMIT alone: the first rows pass as they come, the others don't. ORDER BY of a bounded query:
// all rows leave, in order, at its end; ties in order of their arrival; input may be updated.
// ORDER BY a row time first: rows leave, in order, as the watermark passes them; late ones are
// dropped and counted. How many rows OFFSET and LIMIT have yet to see is part of the state.
// Errors: kInvalidArgument: LIMIT alone over rows that are updated is not yet supported.
Result<std::unique_ptr<Operator>> make_sort(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
