// Options of the session: SET.
#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "analytics/plan/option_tables.h"
#include "analytics/plan/options.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

using Kind = OptionKind;

// What a program that embeds Flink sets and what has its counterpart here by itself.
struct SessionOption {
  Option option;
  bool has_effect = true;
};
constexpr std::array kSessionOptions = std::to_array<SessionOption>({
    {{.key = "table.exec.state.ttl", .kind = Kind::kDuration}},
    {{.key = "table.exec.source.idle-timeout", .kind = Kind::kDuration}},
    {{.key = "table.local-time-zone"}},
    {{.key = "parallelism.default", .kind = Kind::kInteger}},
    {{.key = "pipeline.name"}},
    {{.key = "execution.runtime-mode", .kind = Kind::kChoice, .choices = "streaming"}},
    {{.key = "table.sql-dialect", .kind = Kind::kChoice, .choices = "default"}, false},
    {{.key = "table.exec.mini-batch.enabled", .kind = Kind::kBoolean}, false},
    {{.key = "table.exec.mini-batch.allow-latency", .kind = Kind::kDuration}, false},
    {{.key = "table.exec.mini-batch.size", .kind = Kind::kInteger}, false},
    {{.key = "table.optimizer.agg-phase-strategy"}, false},
    {{.key = "table.optimizer.distinct-agg.split.enabled", .kind = Kind::kBoolean}, false},
    {{.key = "execution.checkpointing.interval", .kind = Kind::kDuration}, false},
    {{.key = "execution.checkpointing.mode"}, false},
    {{.key = "sql-client.execution.result-mode"}, false},
});
constexpr std::array<std::string_view, 12> kSessionPrefixes = {
    "akka.",     "client.", "execution.",  "jobmanager.", "metrics.", "parallelism.",
    "pipeline.", "rest.",   "sql-client.", "state.",      "table.",   "taskmanager."};

}  // namespace

Result<std::string> check_session_option(std::string_view key, std::string_view value) {
  std::vector<std::string_view> known;
  for (const SessionOption& each : kSessionOptions) {
    known.push_back(each.option.key);
    if (each.option.key != key) continue;
    if (key == "execution.runtime-mode" && to_lower(value) == "batch") {
      return fail(ErrorCode::kInvalidArgument,
                  "'execution.runtime-mode' = 'batch' is not yet supported");
    }
    TRY(check_value(each.option, key, value));
    if (each.has_effect) return std::string();
    return fmt::format("option '{}' has no effect on the embedded engine", key);
  }
  const auto nearest = nearest_word(key, known);
  const bool is_flinks = std::ranges::any_of(
      kSessionPrefixes, [&](std::string_view prefix) { return key.starts_with(prefix); });
  if (nearest && edit_distance(key, *nearest) <= 3) {
    return fail(ErrorCode::kInvalidArgument, "unknown option '{}'; did you mean '{}'?", key,
                *nearest);
  }
  if (is_flinks) return fmt::format("option '{}' has no effect on the embedded engine", key);
  return fail(ErrorCode::kInvalidArgument, "unknown option '{}'. Options with an effect: {}.", key,
              "parallelism.default, pipeline.name, table.exec.source.idle-timeout, "
              "table.exec.state.ttl, table.local-time-zone");
}

}  // namespace millstream::analytics
