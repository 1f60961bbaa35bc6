// Aggregates OVER (PARTITION BY … ORDER BY time ROWS|RANGE … PRECEDING).
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// Output: the input's columns, then the results.
//
// By event time rows wait until the watermark has passed their time; they leave in order of time,
// rows of one time in order of their arrival (within a key group). With RANGE rows of one time
// count in each other's windows. A row that is late when it comes (Batch::watermark) is dropped
// and counted. A row without a time is a row error.
//
// Immediate windows (Kinesis dialect) and those by processing time: each row leaves at once, over
// itself and those that came before it; a time below that of the row before counts as that.
//
// Errors: kInvalidArgument: DISTINCT; input that is updated (both not yet supported).
Result<std::unique_ptr<Operator>> make_over(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
