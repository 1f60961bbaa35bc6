// CAST between all types that have one (can_cast in function.h), with each dialect's rules.
#pragma once

#include "analytics/functions/function.h"

namespace millstream::analytics {

// Casts column `from` of context.argument_types[0] into `out` of context.type. A value that the
// target can't hold: a row error, or NULL where the dialect says so (a number too large for a
// DECIMAL in Flink).
void cast_column(KernelContext& context, const Column& from, Column& out);

// Appends the text that CAST(value AS VARCHAR) gives; row `row` is not NULL.
void append_text(std::string& out, const Column& column, size_t row, const Type& type,
                 const KernelContext& context);

}  // namespace millstream::analytics
