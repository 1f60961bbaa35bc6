// Rows as texts: the print connector's form, and the values that make partition keys and folders.
#pragma once

#include <string>

#include "analytics/data/batch.h"

namespace millstream::analytics {

// "null", "1.0E10", "2020-01-02 03:04:05.000": as Flink prints them, strings as they are.
void append_value_text(const Column& column, size_t row, const Type& type, std::string& out);
// "+I[1, abc]".
std::string row_text(const Batch& batch, size_t row, const Schema& schema);

}  // namespace millstream::analytics
