// Names of state that survive a change of the application's code.
#pragma once

#include <string>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

// state_id_of() itself is declared in plan.h. Part of the stored format: what it yields for a
// node must not change between versions, or running applications lose their state.
//
// Blanks, comments, names of output columns and the order of statements don't change it. A source
// counts as the stream that it reads: which of its columns others need does not matter, except
// to nodes that keep whole rows of it.

// The same plan with every node's state_id set; the second of equal subtrees gets "-2", and so
// on in the order of nodes_in_order(). Shared nodes stay shared.
Plan with_state_ids(const Plan& plan);

}  // namespace millstream::analytics
