// Rows of one partition spread over all by the hash of their key.
#pragma once

#include <cstdint>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/stage_plan.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {

// A batch on its way, and where its rows came from: the slot of the input they were read from, or
// kNoOrigin. Rows of one origin keep their order all the way to the sink.
struct Piece {
  Batch batch;
  uint32_t origin = 0;
};
inline constexpr uint32_t kNoOrigin = 0xFFFFFFFF;

// The partition that owns a key group: each has a contiguous range of them.
inline uint32_t partition_of_group(uint32_t group, uint32_t partitions) {
  return group * partitions / kKeyGroups;
}
// Where rows without a key are: the owner of the empty key's group.
uint32_t single_partition(uint32_t partitions);

// Threads: one (the producing partition's).
class Exchange {
 public:
  Exchange(const StageInput& input, uint32_t partitions);

  // Adds the rows of `piece` to `targets[partition]`, in order.
  void spread(const Piece& piece, std::vector<std::vector<Piece>>& targets);

 private:
  Route route_;
  uint32_t partitions_;
  KeyEncoder keys_;
  std::vector<std::vector<uint32_t>> rows_;
};

}  // namespace millstream::analytics
