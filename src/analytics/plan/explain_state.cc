// What nodes keep, and how long.
#include <string>
#include <variant>

#include <fmt/format.h>

#include "analytics/plan/explain.h"

namespace millstream::analytics {
namespace {

struct StateText {
  const PlanNode& plan;
  std::string_view for_ever;  // "for ever", or for the state's time to live

  std::string operator()(const WindowAssignNode& node) const {
    return node.window.kind == WindowKind::kSession ? "rows until the session ends" : "";
  }
  std::string operator()(const WindowAggregateNode&) const {
    return "a row per key and window, until the window ends";
  }
  std::string operator()(const GroupAggregateNode& node) const {
    return node.keys.empty() ? fmt::format("one row, {}", for_ever)
                             : fmt::format("a row per key, {}", for_ever);
  }
  std::string operator()(const OverNode& node) const {
    if (!node.preceding) return fmt::format("a row per key, {}", for_ever);
    if (node.rows) return fmt::format("{} rows per key", *node.preceding + 1);
    return fmt::format("rows of {}", duration_text(*node.preceding));
  }
  std::string operator()(const JoinNode&) const {
    return fmt::format("all rows of both sides, {}", for_ever);
  }
  std::string operator()(const IntervalJoinNode&) const { return "rows within the interval"; }
  std::string operator()(const WindowJoinNode&) const { return "rows until the window ends"; }
  std::string operator()(const RankNode& node) const {
    if (node.window_end) return "rows until the window ends";
    if (node.input_retracts) return fmt::format("all rows per key, {}", for_ever);
    return fmt::format("{} rows per key, {}", node.limit, for_ever);
  }
  std::string operator()(const SortNode& node) const {
    return node.rowtime ? "rows until the watermark passes them" : "all rows until the end";
  }
  template <class Stateless>
  std::string operator()(const Stateless&) const {
    return "";
  }
};

}  // namespace

std::string explain_state(const PlanNode& node, std::string_view for_ever) {
  return std::visit(StateText{node, for_ever}, node.node);
}

}  // namespace millstream::analytics
