// docs/functions.md, as `millstream version --functions` prints it.
#pragma once

#include <string>

namespace millstream::analytics {

// Aggregates and scalar functions of both dialects, as Markdown.
std::string functions_page();

}  // namespace millstream::analytics
