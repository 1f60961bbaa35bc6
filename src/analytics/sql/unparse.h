// Parts of a tree as the script spells them.
#pragma once

#include <string>
#include <string_view>

#include "analytics/sql/ast.h"

namespace millstream::analytics::sql {

// The text of an expression as written in `script`, the script it was parsed from: without
// comments, runs of blanks and line ends as one blank. For messages and the names of unnamed
// columns.
std::string expression_source(const Expression& expression, std::string_view script);

}  // namespace millstream::analytics::sql
