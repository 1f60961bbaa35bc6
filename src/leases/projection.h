// Parts of items, by document paths.
#pragma once

#include "leases/expression.h"

namespace millstream::leases {

// Two paths of which one leads into the other, or that take one place for a list and a map, are
// refused (kValidation).
Result<> check_overlaps(std::string_view label, const std::vector<Path>& paths);

Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders);
// What the paths lead to, in the maps and lists around it; a list has the chosen elements only.
Item project(const Item& item, const std::vector<Path>& paths);

}  // namespace millstream::leases
