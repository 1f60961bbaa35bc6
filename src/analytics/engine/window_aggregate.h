// GROUP BY window and keys: TUMBLE, HOP, CUMULATE, calendar units, windows made below; sessions
// and stagger windows (session_aggregate.h).
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// One row per key when the watermark has passed the window's last millisecond: windows in order
// of their ends, rows of a window in order of their keys. A row is late for a window that was
// over when it came; one that is late for all its windows is counted and left out.
// State: a table per window ("w/START/END"), dropped whole.
// Errors: kInvalidArgument: what is not yet supported.
Result<std::unique_ptr<Operator>> make_window_aggregate(const PlanNode& node,
                                                        OperatorContext context);

}  // namespace millstream::analytics
