// The operations and which of them this server answers, as a table for the documentation.
#pragma once

#include <string>

#include "wire/operation.h"

namespace millstream::wire {

// Markdown: a line for each service with its counts, then one for each operation.
std::string operations_markdown(const OperationTable& table);

}  // namespace millstream::wire
