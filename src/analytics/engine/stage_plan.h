// The plan cut into stages: a stage ends where rows must meet by key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analytics/plan/plan.h"
#include "base/result.h"

namespace millstream::analytics {

// How rows come from one node to the next.
enum class Route : uint8_t {
  kLocal,   // they stay in their partition
  kHash,    // to the partition that owns the key group of `columns`
  kSingle,  // all to the one partition that owns the key group of the empty key
};

struct StageInput {
  size_t node = 0;  // index into StagePlan::nodes
  Route route = Route::kLocal;
  std::vector<int> columns;  // of the producer's output; kHash
};

struct StageNode {
  PlanPtr plan;
  std::vector<StageInput> inputs;
  size_t stage = 0;     // runs after all nodes of the stages before, in every partition
  bool single = false;  // runs in one partition only
  // The output's columns by whose hash its rows are spread; nullopt: not by a hash of columns.
  std::optional<std::vector<int>> spread_by;
};

struct StagePlan {
  std::vector<StageNode> nodes;  // producers before consumers; a shared node once
  size_t stages = 1;
};

// Errors: kInvalidArgument (a plan beyond kMaxPlanNodes).
Result<StagePlan> make_stage_plan(const Plan& plan);

inline constexpr size_t kMaxPlanNodes = 10'000;

}  // namespace millstream::analytics
