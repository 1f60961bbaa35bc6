// One partition of a running plan: its operators, their state, and the rows under way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analytics/engine/batch_io.h"
#include "analytics/engine/exchange.h"
#include "analytics/engine/job_state.h"
#include "analytics/engine/operator.h"
#include "analytics/engine/stage_plan.h"

namespace millstream::analytics {

struct PartitionSettings {
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::string time_zone = "UTC";
  int64_t state_ttl_ms = 0;
  std::vector<size_t> source_nodes;  // the StagePlan's nodes that are sources, in their order
  std::vector<size_t> sink_nodes;
  std::vector<Sink*> sinks;  // as sink_nodes
  ReferenceTables* references = nullptr;
};

// Threads: one at a time: those phases that run in one partition follow one another.
class Partition {
 public:
  // `state` has been restored, and outlives the partition.
  static Result<std::unique_ptr<Partition>> create(std::shared_ptr<const StagePlan> plan,
                                                   const PartitionSettings& settings,
                                                   uint32_t index, JobState& state);
  ~Partition();

  Result<> open();

  // --- The phases of a batch.
  void begin(const BatchInput& input);
  void decode(const BatchInput& input);
  // Between decode and the stages, for all partitions in turn: what came before this partition's
  // rows of each slot. `running`: by source and slot.
  void prefix_watermarks(std::vector<std::vector<EventTime>>& running);
  // `source_after`: the watermark of each source at the batch's end.
  void run_stage(size_t stage, const BatchInput& input, std::span<const EventTime> source_after,
                 std::span<const std::unique_ptr<Partition>> all);
  void finish(BatchOutcome& outcome);  // changes of state, outputs; frees the rows

  const Result<>& failure() const { return failure_; }
  void set_failure(Error error);
  // Adds this partition's part of the figures.
  void add_to(BatchOutcome& outcome);

 private:
  struct NodeRun;
  struct NodeOutput;
  struct Decoded {
    DecodedChunk chunk;
    EventTime before = kNoWatermark;
  };

  Partition(std::shared_ptr<const StagePlan> plan, uint32_t index, uint32_t count);
  Result<> make_node(size_t index, const PartitionSettings& settings, NodeState* state);
  void run_source(NodeRun& run, const BatchInput& input, std::span<const EventTime> source_after);
  Result<> run_operator(size_t index, const BatchInput& input,
                        std::span<const std::unique_ptr<Partition>> all);
  Result<> process_input(size_t index, size_t input, int64_t now_us,
                         std::span<const std::unique_ptr<Partition>> all);
  EventTime input_watermark(size_t index, size_t input,
                            std::span<const std::unique_ptr<Partition>> all) const;
  void send(NodeRun& run);

  std::shared_ptr<const StagePlan> plan_;
  uint32_t index_;
  uint32_t count_;
  sql::Dialect dialect_ = sql::Dialect::kFlink;
  std::vector<std::unique_ptr<NodeRun>> nodes_;  // nullptr: does not run here
  std::vector<size_t> source_nodes_;
  std::vector<std::unique_ptr<SourceDecoder>> decoders_;  // by source
  std::vector<Decoded> decoded_;
  Result<> failure_;

  // Of the batch under way.
  std::vector<RowFailure> failures_;
  uint64_t input_rows_ = 0;
  uint64_t late_rows_ = 0;
  uint64_t skipped_rows_ = 0;
  bool more_ = false;
  std::string changes_;
  std::vector<SinkOutput> sink_outputs_;
};

}  // namespace millstream::analytics
