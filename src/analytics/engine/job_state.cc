#include "analytics/engine/job_state.h"

#include "analytics/engine/batch_record.h"

namespace millstream::analytics {

JobState::JobState(std::shared_ptr<const StagePlan> plan, uint32_t partitions)
    : plan_(std::move(plan)) {
  MS_ASSERT(partitions > 0 && partitions <= kMaxPartitions);
  for (uint32_t partition = 0; partition < partitions; ++partition) {
    auto& states = states_.emplace_back();
    for (const StageNode& node : plan_->nodes) {
      const bool here = !node.single || partition == single_partition(partitions);
      states.push_back(here ? std::make_unique<NodeState>() : nullptr);
    }
  }
}

void JobState::clear_node(size_t node) {
  for (auto& states : states_) {
    if (states[node]) states[node] = std::make_unique<NodeState>();
  }
}

Result<std::unique_ptr<JobState>> JobState::rescale(uint32_t count) {
  auto to = std::make_unique<JobState>(plan_, count);
  const uint32_t before = partitions();
  for (size_t node = 0; node < plan_->nodes.size(); ++node) {
    if (plan_->nodes[node].single) {
      std::swap(to->states_[single_partition(count)][node],
                states_[single_partition(before)][node]);
      continue;
    }
    for (uint32_t partition = 0; partition < before; ++partition) {
      NodeState& from = *states_[partition][node];
      for (uint32_t group = 0; group < kKeyGroups; ++group) {
        if (partition_of_group(group, before) != partition) continue;
        TRY(from.move_group(group, *to->states_[partition_of_group(group, count)][node]));
      }
    }
    // What an operator keeps for a partition as a whole comes from the one that had its first
    // group.
    for (uint32_t partition = 0; partition < count; ++partition) {
      uint32_t first = 0;
      while (partition_of_group(first, count) != partition) ++first;
      states_[partition_of_group(first, before)][node]->copy_values(*to->states_[partition][node]);
    }
    for (uint32_t partition = 0; partition < before; ++partition) {
      states_[partition][node] = std::make_unique<NodeState>();
    }
  }
  return to;
}

uint64_t JobState::bytes() const {
  uint64_t bytes = 0;
  for (const auto& states : states_) {
    for (const auto& state : states) {
      if (state) bytes += state->bytes();
    }
  }
  return bytes;
}

std::vector<std::string> state_names(const StagePlan& plan) {
  std::vector<std::string> names;
  for (size_t i = 0; i < plan.nodes.size(); ++i) {
    const std::string& id = plan.nodes[i].plan->state_id;
    names.push_back(id.empty() ? fmt::format("node-{}", i) : id);
  }
  return names;
}

}  // namespace millstream::analytics
