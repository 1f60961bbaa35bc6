// Regular joins: two inputs, both kept for ever (or for the state's time to live).
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// JoinNode: all kinds, over appended and changing inputs.
//
// Semantics: Flink's. Rows with a NULL among their keys meet none. An outer side's row without a
// partner is put out with NULLs, taken back (-D) when its first partner comes, and put out again
// when its last one goes.
// State:     a row store for each side, by key, rows in order of arrival; an outer side's rows
// carry the number of their partners. Time to live counts from a row's arrival.
// Cost:      proportional to the pairs; taking a row back looks through its key's rows, the
// newest first.
Result<std::unique_ptr<Operator>> make_join(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
