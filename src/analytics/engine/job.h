// A running application: its plan over its inputs, exactly once.
//
// A job works in batches. For each: rows are taken from the inputs (up to a limit, or what is
// there), pass the plan's stages (a stage ends where rows must meet by key: all partitions work
// on one stage, then on the next), then output records, state changes and positions go to the
// log as ONE append with the job's writer stamp. The next batch is computed while that append is
// on its way; a failed append ends the job, and its restart recovers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analytics/plan/planner.h"
#include "base/async.h"
#include "base/env.h"
#include "base/object_store.h"
#include "base/real_env.h"
#include "base/result.h"
#include "log/shard_log.h"

namespace millstream::analytics {

// A stream as a job sees it. A constant snapshot.
struct InputShard {
  ShardId id{};
  std::string name;              // shardId-000000000003
  std::vector<ShardId> parents;  // read to their ends first
  unsigned __int128 first_hash_key = 0;
  unsigned __int128 last_hash_key = 0;
  bool open = true;
  int64_t created_s = 0;  // for sequence numbers
};
struct InputStream {
  std::string name;
  int64_t generation = 0;
  std::vector<InputShard> shards;
};

// The world of a job: the server, or what a worker process sees of it.
//
// Threads: any; awaitables complete on the caller's executor.
class JobHost {
 public:
  virtual ~JobHost() = default;
  virtual ShardLog& log() = 0;
  // `name` or ARN. Errors: kNotFound.
  virtual awaitable<Result<std::shared_ptr<const InputStream>>> stream(std::string name) = 0;
  // Completes when the stream differs from `seen`, or after `timeout`.
  virtual awaitable<Result<>> wait_for_change(std::string name,
                                              std::shared_ptr<const InputStream> seen,
                                              std::chrono::milliseconds timeout) = 0;
  // A delivery stream's own shards (Connector::kDelivery): appended to like a stream's.
  virtual awaitable<Result<std::vector<ShardId>>> delivery_shards(std::string name) = 0;
  // Objects of the lake ("lake") or of S3.
  virtual ObjectStore& objects(bool s3) = 0;
  // A line for the application's log ("print" sink, failures, warnings).
  virtual void log_line(std::string_view level, std::string_view text) = 0;
  // Rows of a kCollect sink: change kinds and values. Completes when there is room for more.
  virtual awaitable<Result<>> collect(const Schema& schema, Batch batch) = 0;
  virtual Clock& clock() = 0;
  // Files of the snapshots.
  virtual Env& env() { return real_env(); }
};

enum class StartPosition : uint8_t { kLatest, kTrimHorizon, kAtTimestamp, kLastStopped };

struct JobSpec {
  std::string application;  // for messages
  std::string account;
  std::string region;
  uint64_t writer = 0;          // unique for ever; 0: a query without state to keep (shell)
  ShardId changelog{};          // the application's own shard; with a writer only
  std::string snapshot_folder;  // exists; with a writer only
  StartPosition start = StartPosition::kTrimHorizon;
  TimeMs start_ms = 0;                          // kAtTimestamp
  bool fresh = false;                           // forget the state: start anew from `start`
  bool bounded = false;                         // ends at what is in the inputs at the start
  uint32_t parallelism = 0;                     // partitions; 0: by lag, up to the cores
  size_t memory_limit_bytes = size_t{1} << 30;  // of state: beyond it the job fails by name
  uint32_t batch_rows = 10'000;
  size_t pending_appends = 4;  // in flight at most
  // A snapshot is taken once the changelog since the last one is above this and above the state.
  uint64_t snapshot_after_bytes = uint64_t{256} << 20;
  std::string restore_snapshot;  // name of a snapshot to begin from; empty: the newest state
};

struct JobStatus {
  uint64_t input_rows = 0;
  uint64_t output_rows = 0;
  uint64_t late_rows = 0;
  uint64_t error_rows = 0;
  uint64_t skipped_rows = 0;  // unreadable records that the format's options ignore
  uint64_t batches = 0;
  uint64_t state_bytes = 0;
  uint64_t state_rows = 0;
  uint32_t parallelism = 1;
  int64_t millis_behind_latest = -1;  // of the slowest input shard; -1: not known yet
  EventTime watermark = kNoWatermark;
  std::string snapshot;  // the newest one
  // Where state of the previous code was not usable: state ids or texts.
  std::vector<std::string> dropped_state;
  std::map<std::string, uint64_t> rows_by_node;
};

// Life cycle: create(), then run() once; destroyed after run() has completed.
// Threads:    run() on its caller's executor; computing on `pool`; the others from any thread.
// Durability: what status() counts is durable.
class Job {
 public:
  static Result<std::unique_ptr<Job>> create(JobSpec spec, Plan plan, JobHost& host,
                                             asio::thread_pool& pool);
  virtual ~Job() = default;

  // Recovers, then runs until stop(), the end of all inputs, or a failure.
  // Errors: kFenced (another run of the application has begun), kInvalidArgument (a row that
  // Flink would fail on; the memory limit; the message says what to do), what the log answers.
  virtual awaitable<Result<>> run() = 0;
  // Completes the batch under way; `snapshot`: and writes a snapshot of that name first.
  virtual void stop(std::string snapshot = {}) = 0;
  virtual awaitable<Result<>> take_snapshot(std::string name) = 0;
  virtual void set_parallelism(uint32_t parallelism) = 0;
  virtual JobStatus status() const = 0;
};

}  // namespace millstream::analytics
