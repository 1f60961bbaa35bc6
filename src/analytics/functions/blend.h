// The operations that choose between their arguments row by row. What is not chosen does not
// count, not even its error.
#pragma once

#include <cstddef>

#include "analytics/data/batch.h"
#include "analytics/functions/kernel.h"

namespace millstream::analytics {

// All: `out` has the physical type of the values, is filled wholly (values, nulls, errors).

// `arguments`: condition, value, …, else.
void choose_case(size_t rows, Arguments arguments, Column& out);
// The first that is not NULL.
void choose_first(size_t rows, Arguments arguments, Column& out);
// SQL's three-valued AND (`stop` is 0) and OR (1): an argument behind one that decided the row
// does not count.
void combine_logic(size_t rows, Arguments arguments, uint8_t stop, Column& out);

}  // namespace millstream::analytics
