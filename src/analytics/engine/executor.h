// Runs the stages of a plan over batches, in partitions on a thread pool.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "analytics/engine/batch_io.h"
#include "analytics/engine/partition.h"
#include "analytics/engine/stage_plan.h"

namespace millstream::analytics {

// Life cycle: create() over restored state, open(), then run() batch by batch.
// Threads:    run() from the job's strand, one at a time; computes on the pool. All partitions
//             end a stage before the next one begins: no locks, and partition p's rows come
//             before those of p + 1 wherever rows meet. With one partition, or few rows, one
//             thread does everything without a pause.
class Executor {
 public:
  static Result<std::unique_ptr<Executor>> create(std::shared_ptr<const StagePlan> plan,
                                                  PartitionSettings settings, JobState& state,
                                                  asio::thread_pool& pool);
  ~Executor();

  uint32_t partitions() const { return static_cast<uint32_t>(partitions_.size()); }
  Result<> open();

  // Errors: the application's (kInvalidArgument); after one the executor is of no more use.
  awaitable<Result<BatchOutcome>> run(BatchInput input);

 private:
  struct Round;
  explicit Executor(asio::thread_pool& pool) : pool_(pool) {}
  void assign(BatchInput& input) const;
  void step(size_t phase, uint32_t partition, Round& round);
  void run_phases(std::shared_ptr<Round> round);
  void start_phase(std::shared_ptr<Round> round);
  void between(Round& round, size_t finished_phase);
  Result<BatchOutcome> gather_outcome(Round& round);

  asio::thread_pool& pool_;
  std::shared_ptr<const StagePlan> plan_;
  std::vector<std::unique_ptr<Partition>> partitions_;
};

}  // namespace millstream::analytics
