#include "analytics/formats/json_path.h"

namespace millstream::analytics {

Result<std::vector<std::string>> parse_json_path(std::string_view text) {
  std::vector<std::string> path;
  if (!text.starts_with('$')) {
    return fail(ErrorCode::kInvalidArgument,
                "The JSON path '{}' must start with '$', the whole record.", text);
  }
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    if (rest.starts_with(kAllElements) || rest.starts_with("[*]")) {
      rest.remove_prefix(rest[1] == '*' ? 3 : kAllElements.size());
      path.emplace_back(kAllElements);
    } else if (rest.starts_with("['") || rest.starts_with("[\"")) {
      const char close[] = {rest[1], ']'};
      const size_t end = rest.find(std::string_view(close, 2), 2);
      if (end == std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "The JSON path '{}' has a quote without its end.",
                    text);
      }
      path.emplace_back(rest.substr(2, end - 2));
      rest.remove_prefix(end + 2);
    } else if (rest.starts_with('.')) {
      const size_t end = rest.find_first_of(".[", 1);
      const std::string_view name = rest.substr(1, end - 1);
      if (name.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    "The JSON path '{}' has an empty step; write $.name.name.", text);
      }
      path.emplace_back(name);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  "The step '{}' of the JSON path '{}' is not yet supported; names and [0:] are.",
                  rest, text);
    }
  }
  return path;
}

}  // namespace millstream::analytics
