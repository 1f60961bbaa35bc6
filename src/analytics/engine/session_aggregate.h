// GROUP BY session, or stagger window, and keys: windows that each key has of its own.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// Session: rows less than (or exactly) the gap apart are one window, which ends the gap behind
// its last row; a row between two joins them. A row is late if the session it would be part of
// is over. Stagger: a window opens at a key's first row and lasts `size_ms`.
// One row per key and window when it is over, in order of ends, then keys.
// State: a table "sessions" keyed by keys and start, with the end; found through an index in
// memory, rebuilt in open().
// Errors: kInvalidArgument: what is not yet supported.
Result<std::unique_ptr<Operator>> make_session_aggregate(const PlanNode& node,
                                                         OperatorContext context);

}  // namespace millstream::analytics
