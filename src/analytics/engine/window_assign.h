// TUMBLE, HOP and CUMULATE as table functions: each row once per window it lies in.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "analytics/engine/operator.h"

namespace millstream::analytics {

// Starts and ends (microseconds) of the windows that `time` (microseconds) lies in: hops from the
// latest to the earliest, cumulating ones from the shortest to the longest, as Flink has them.
// `window`: TUMBLE, HOP or CUMULATE with sizes above 0.
struct WindowBounds {
  int64_t start = 0;
  int64_t end = 0;
  friend bool operator==(const WindowBounds&, const WindowBounds&) = default;
};
void windows_of(const WindowSpec& window, int64_t time, std::vector<WindowBounds>& out);

// Output: the input's columns, window_start, window_end, window_time (the last millisecond of the
// window). Of a time of TIMESTAMP_LTZ start and end are local times of the session's time zone.
// Late rows pass: whoever uses the windows drops them. A row without a time is a row error. No
// state.
// Errors: kInvalidArgument: SESSION and the windows of the Kinesis dialect without an aggregation
// are not yet supported.
Result<std::unique_ptr<Operator>> make_window_assign(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
