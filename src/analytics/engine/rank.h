// ROW_NUMBER() <= n: top-N, deduplication, top-N of windows.
#pragma once

#include <memory>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// Top-N (no window): the changes Flink's rank operators come to. Without the rank among the
// columns -D of the row that falls out, then +I of the new one; with it -U and +U for each rank
// whose row changes. Ties: the first to arrive ranks first. Input that takes rows back keeps all
// rows; else at most n a key.
//
// Deduplication (n = 1, ordered by a time attribute alone, input that only inserts):
//   keep last:  +I, then -U and +U; of equal event times the last to arrive stays.
//   keep first: by processing time at once; by event time when the watermark has passed it. Late
//               rows of the latter are dropped and counted.
//
// Window top-N: rows leave, in rank order, when the watermark passes the window's last
// millisecond; late rows are dropped and counted.
//
// table.exec.state.ttl is not yet used: state stays.
Result<std::unique_ptr<Operator>> make_rank(const PlanNode& node, OperatorContext context);

// The parts of it; called by make_rank().
std::unique_ptr<Operator> make_deduplicate(const PlanNode& node, const OperatorContext& context);
std::unique_ptr<Operator> make_window_rank(const PlanNode& node, const OperatorContext& context);

}  // namespace millstream::analytics
