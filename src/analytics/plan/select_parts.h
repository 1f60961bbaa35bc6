// What the files of SelectPlanner share: the numbers of its stand-in columns, names of windows.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// Beyond any column (kMaxColumns in script_planner.h).
inline constexpr int kFirstAggregate = 1 << 24;
inline constexpr int kFirstProperty = 1 << 25;
inline constexpr int kFirstOver = 1 << 26;

inline bool is_group_window(std::string_view name) {
  return name == "TUMBLE" || name == "HOP" || name == "SESSION";
}

struct WindowProperty {
  std::string_view window;
  WindowAggregateNode::Property property;
};
// TUMBLE_START and kin.
std::optional<WindowProperty> window_property(std::string_view function);

// `expression` with each part replaced for which `replace` returns one (null: its parts are
// asked). Shared parts are asked once.
using Replace = std::function<Result<BoundPtr>(const BoundPtr&)>;
Result<BoundPtr> rewrite(const BoundPtr& expression, const Replace& replace);

}  // namespace millstream::analytics
