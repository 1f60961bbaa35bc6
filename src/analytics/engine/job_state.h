// The keyed state of a whole job: of each node in each partition.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/exchange.h"
#include "analytics/engine/stage_plan.h"
#include "analytics/engine/state_io.h"

namespace millstream::analytics {

// Life cycle: outlives the executor that works on it.
// Threads:    a partition's states in that partition; everything else while none works.
class JobState {
 public:
  JobState(std::shared_ptr<const StagePlan> plan, uint32_t partitions);

  uint32_t partitions() const { return static_cast<uint32_t>(states_.size()); }
  // nullptr: the node does not run in that partition.
  NodeState* at(uint32_t partition, size_t node) { return states_[partition][node].get(); }
  // What a node has is gone.
  void clear_node(size_t node);
  // The same state spread over another number of partitions; this one is empty then.
  Result<std::unique_ptr<JobState>> rescale(uint32_t partitions);
  uint64_t bytes() const;

 private:
  std::shared_ptr<const StagePlan> plan_;
  std::vector<std::vector<std::unique_ptr<NodeState>>> states_;
};

// The name of each node's state: state_id, or its place in the plan.
std::vector<std::string> state_names(const StagePlan& plan);

}  // namespace millstream::analytics
