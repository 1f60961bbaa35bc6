// Joins of rows of the same window; a window's pairs leave when it ends.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// WindowJoinNode: all kinds; over appended rows.
//
// Semantics: Flink's. A window ends when the watermark reaches the last millisecond before its
// end; rows that come later are dropped and counted. Windows leave in order of their ends; an
// outer side's rows without a partner leave with their window.
// State: a row store for each window and side, dropped whole behind it.
// Bounds: a window whose pairs are more than an append holds is put out over several batches, as
// long as a single key's are not.
Result<std::unique_ptr<Operator>> make_window_join(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
