// Joins of rows whose times are near one another; rows are kept only as long as they can match.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// IntervalJoinNode: inner, left, right, full; over appended rows.
//
// Semantics: Flink's. A pair leaves when its second row arrives. A row is kept until the
// watermark (processing time: the clock) is behind the last time that could match; an outer
// side's row without a partner leaves then, in order of time. A late row still meets what is
// kept; it is kept itself only if the watermark has not passed what could match it.
// Kinesis dialect: rows of both inputs are taken in the order of their ROWTIME (equal times:
// left first); windows by rows keep the last n rows of an input, whatever their keys.
// State: a row store for each side, by key. Without padding expiry is not logged: what a restore
// brings back too much is out of every window and goes at the next watermark.
// Errors: rows whose time is NULL are reported and left out. make: semi and anti joins are not
// yet supported.
Result<std::unique_ptr<Operator>> make_interval_join(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
