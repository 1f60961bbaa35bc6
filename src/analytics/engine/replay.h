// Batches of the changelog, and snapshots, applied one after another to a job's state.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analytics/engine/recovery.h"

namespace millstream::analytics {

// Threads: one at a time.
// Errors of all: kCorruption.
class Replay {
 public:
  Replay(const JobSpec& spec, JobHost& host, std::shared_ptr<const StagePlan> plan);

  // The next records of the changelog shard. A log reads several appends as one batch, or an
  // append in parts: a batch of the job is its head and the changes of as many partitions.
  Result<> apply_batch(const StoredBatch& batch);
  // At the end of the changelog.
  Result<> check_whole() const;

  // --- For snapshots.
  Result<> begin_snapshot(BatchHead head);
  Result<> apply_values(uint32_t partition, uint32_t node, FieldReader& in);
  Result<> apply_group(uint32_t group, uint32_t node, FieldReader& in);

  Recovered take();

 private:
  static constexpr size_t kGone = SIZE_MAX;

  Result<> begin_batch(BatchHead head);
  Result<> note_head(BatchHead head);
  Result<> apply_changes(uint32_t partition, std::string_view bytes);
  Result<> apply_sections(uint32_t partition, uint32_t node, FieldReader& in);
  Result<> set_partitions(uint32_t partitions);
  void note_nodes(const std::vector<std::string>& stored);
  void forget();

  const JobSpec& spec_;
  JobHost& host_;
  std::shared_ptr<const StagePlan> plan_;
  std::vector<std::string> names_;  // of the plan's nodes
  std::vector<size_t> nodes_;       // stored number -> the plan's, or kGone
  std::set<std::string> gone_;
  std::map<std::pair<std::string, std::string>, SlotPosition> positions_;
  std::map<std::string, EventTime> watermarks_;
  uint32_t missing_ = 0;  // partitions whose changes are still to come in this batch
  Recovered result_;
};

}  // namespace millstream::analytics
