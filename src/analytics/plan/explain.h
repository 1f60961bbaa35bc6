// A plan as a person reads it.
#pragma once

#include <string>
#include <string_view>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

// explain() itself is declared in plan.h. A line a node, its inputs below it, two blanks further
// right:
//   Sink(table out, blackhole) changelog [I,UB,UA,D]
//     GroupAggregate(group by [a], select [COUNT(*)]) changelog [I,UB,UA,D] state [a row for …]
//       Source(table t, datagen, columns [a]) changelog [I]
// A node with several readers is printed once, with a number: "#1 Source(…)", elsewhere
// "Reused(#1)".

// The node alone, without its inputs, changelog and state.
std::string explain_node(const PlanNode& node);
// What the node keeps, and how long; empty: nothing. `for_ever`: how to say that it is never
// dropped ("for ever", or for the state's time to live).
std::string explain_state(const PlanNode& node, std::string_view for_ever);

// "10 s", "1 min", "500 ms".
std::string duration_text(int64_t ms);

}  // namespace millstream::analytics
