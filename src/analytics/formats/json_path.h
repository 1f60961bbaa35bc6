// JSON paths of input schemas ("$.orders[0:].itemName"), as TableColumn::path holds them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millstream::analytics {

// Stands in a path behind the name of an array: all of its elements. Followed by more: each
// element is a row of its own; at the end: the array's text as one value.
inline constexpr std::string_view kAllElements = "[0:]";

// "$.a.b", "$.a[0:].b", "$['a b']", "$": the names, and kAllElements. Errors: kInvalidArgument;
// "[3]" and other steps are not yet supported.
Result<std::vector<std::string>> parse_json_path(std::string_view text);

}  // namespace millstream::analytics
