// A job at work: the loop that takes rows, runs the plan and commits.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "analytics/engine/commit.h"
#include "analytics/engine/executor.h"
#include "analytics/engine/job.h"
#include "analytics/engine/job_sources.h"
#include "analytics/engine/recovery.h"
#include "analytics/engine/reference_join.h"
#include "analytics/engine/snapshot_store.h"
#include "analytics/engine/wakeup.h"

namespace millstream::analytics {

// Threads: everything but the requests and status() on a strand of run()'s executor.
class RunningJob final : public Job {
 public:
  RunningJob(JobSpec spec, Plan plan, std::shared_ptr<const StagePlan> stages, JobHost& host,
             asio::thread_pool& pool);
  ~RunningJob() override;

  awaitable<Result<>> run() override;
  void stop(std::string snapshot) override;
  awaitable<Result<>> take_snapshot(std::string name) override;
  void set_parallelism(uint32_t parallelism) override;
  JobStatus status() const override;

  // Errors: kInvalidArgument: what the engine can't do yet. Before run().
  Result<> check();

 private:
  struct SnapshotRequest {
    std::string name;
    std::function<void(Result<>)> done;
  };
  // What other threads ask for.
  struct Requests {
    bool stop = false;
    std::string stop_snapshot;
    std::vector<SnapshotRequest> snapshots;
    std::optional<uint32_t> parallelism;
  };

  awaitable<Result<>> run_on_strand();
  awaitable<Result<>> start();
  awaitable<Result<>> open_sinks();
  awaitable<Result<>> recover_state();
  awaitable<Result<>> open_sources(const BatchHead& head);
  Result<> make_executor();
  awaitable<Result<>> loop();
  awaitable<Result<bool>> housekeeping();  // false: the job ends
  awaitable<Result<>> run_batch(BatchInput input);
  awaitable<Result<>> commit(BatchOutcome outcome, bool idle);
  awaitable<Result<>> flush_carried();
  awaitable<Result<>> commit_nothing();
  awaitable<Result<>> rescale(uint32_t partitions);
  awaitable<Result<>> snapshot_now(const std::string& name);
  awaitable<Result<>> step_snapshot();
  awaitable<> finish_requests(Result<> result);

  // --- The next batch (running_job_input.cc).
  std::optional<BatchInput> next_batch();
  void take_chunks(BatchInput& input);
  void fill_times(BatchInput& input);
  bool is_due(const BatchInput& input);
  bool all_finished() const;
  std::chrono::nanoseconds time_to_wait() const;
  int64_t now_us();

  BatchHead make_head(bool all_positions);
  void apply_times(const BatchOutcome& outcome);
  Result<> handle_failures(std::vector<RowFailure> failures);
  int64_t millis_behind() const;
  void note_progress();
  void note_durable(const JobFigures& figures, const BatchOutcome& outcome);
  Requests take_requests();
  void wake();
  uint32_t wanted_partitions();
  uint32_t cores() const;

  const JobSpec spec_;
  const Plan plan_;
  std::shared_ptr<const StagePlan> stages_;
  std::vector<std::string> node_names_;
  JobHost& host_;
  asio::thread_pool& pool_;
  std::vector<size_t> source_nodes_;
  std::vector<size_t> sink_nodes_;
  bool has_clock_source_ = false;

  // Of run(), on the strand.
  std::optional<asio::any_io_executor> strand_;
  std::unique_ptr<Wakeup> wakeup_;
  std::vector<std::unique_ptr<Source>> sources_;
  ErrorSource* errors_ = nullptr;  // one of sources_
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<JobState> state_;
  ReferenceTables references_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<SnapshotWriter> snapshot_;  // under way
  uint64_t snapshot_base_bytes_ = 0;          // of the changelog when the last one began
  JobFigures figures_;
  int64_t last_now_us_ = 0;
  int64_t next_timer_us_ = kEndOfTime;
  bool more_ = false;     // an operator has more to emit
  bool resumes_ = false;  // the executor is new: its watermarks come from an empty batch
  uint64_t state_rows_ = 0;
  uint64_t state_bytes_ = 0;
  std::vector<std::string> carried_;  // changes of batches that were not worth an append
  std::chrono::nanoseconds last_commit_{0};
  std::chrono::nanoseconds last_batch_{0};
  uint64_t logged_failures_ = 0;
  std::chrono::nanoseconds behind_since_{0};  // when the job was last near the tips

  mutable std::mutex mutex_;
  Requests requests_;
  JobStatus status_;
  std::function<void()> wake_from_outside_;  // posts to the strand; while running
};

}  // namespace millstream::analytics
