// The log of all shards: what was acknowledged is kept, in order, once.
//
// Implementations: log/local (this machine's disk), later log/kafka.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/bytes.h"
#include "base/env.h"
#include "base/result.h"

namespace millstream {

// Names a shard within the log. Chosen by the caller (the metadata's own sequence), never used
// again after the shard was deleted.
enum class ShardId : uint64_t {};

// The place of a record in its shard. Rises strictly, gaps allowed, below 2^63. Embedded: run
// epoch << 40 | n; the epoch rises durably at every start, so no counter is ever given twice.
using Counter = uint64_t;

// Bounds of one append. The first: AWS's PutRecords limit of 10 MiB plus keys.
inline constexpr size_t kMaxAppendBytes = size_t{11} << 20;
inline constexpr size_t kMaxWriterAppendBytes = size_t{64} << 20;

// Records for one shard, in stored layout (log/record.h).
struct ShardBatch {
  ShardId shard{};
  uint32_t records = 0;   // at least 1
  uint32_t checksum = 0;  // crc32c(body), computed by the caller on its own thread
  Slice body;
};

// Identifies a repeatable append: an exactly-once sink's batch. See open_writer().
struct WriterStamp {
  uint64_t writer = 0;  // 0: no writer
  uint64_t epoch = 0;   // from open_writer()
  uint64_t number = 0;  // last + 1
};

// Where one ShardBatch went: its records have the counters first … first + records - 1.
struct Appended {
  ShardId shard{};
  Counter first = 0;
  uint32_t records = 0;
  TimeMs arrival_ms = 0;  // of all of them; never falls within a shard
};

struct OpenedWriter {
  uint64_t epoch = 0;
  uint64_t last_number = 0;  // 0: nothing written yet
};

// Consecutive records of one arrival time: of one append or of several, or a part of them.
struct StoredBatch {
  Counter first = 0;
  uint32_t records = 0;
  TimeMs arrival_ms = 0;
  Slice body;
};

struct ReadLimits {
  uint32_t records = 10'000;        // AWS limit of GetRecords
  size_t bytes = size_t{10} << 20;  // of stored layout
};

struct ReadResult {
  std::vector<StoredBatch> batches;  // at least one record if there is any, whatever the limits
  Counter next = 0;                  // where the next read goes on; past what retention hid
  Counter tip = 0;                   // the first counter not yet durable
  bool at_end = false;               // the shard is sealed and `next` is its end
  TimeMs tip_arrival_ms = 0;         // of the newest durable record; 0: none yet
};

struct ShardStatus {
  Counter first = 0;  // the oldest counter that a read may return
  Counter tip = 0;    // the first counter not yet durable
  bool sealed = false;
  TimeMs last_arrival_ms = 0;  // of the newest durable record; 0: none yet
  uint64_t stored_bytes = 0;
};

struct ShardOptions {
  TimeMs retention_ms = TimeMs{24} * 3600 * 1000;
  // No record gets an earlier arrival time: a child starts after its parents whatever the
  // clock does.
  TimeMs not_before_ms = 0;
};

// Threads:    all calls from any loop; awaitables complete on the caller's executor. No call
//             blocks a loop.
// Durability: an awaitable of append, create, seal, trim, remove or open_writer that completes
//             with a value is on stable storage (with Durability::kOs: written, not synced).
// Visibility: readers see durable records only: no read, tip or wait ever shows what a crash
//             could take back.
// Errors of every call: kNotFound (no such shard), kUnavailable (the disk has failed: nothing
//             more is acknowledged until a restart; or the log is closing).
class ShardLog {
 public:
  virtual ~ShardLog() = default;

  // Appends all of `batches`, over all their shards, wholly or not at all; a shard occurs at
  // most once. Batches of one shard are ordered by the calls' arrival here.
  // Errors: kSealed (the message names the shard's number; nothing was appended anywhere),
  //         kThrottled (the journal is full and the flusher lags, or the queue is full: try
  //         again), kNoSpace, kInvalidArgument (over kMaxAppendBytes, or kMaxWriterAppendBytes
  //         with a stamp), kOutOfSequence, kFenced.
  // With a stamp: number == last + 1 appends; number == last answers what that append got and
  // writes nothing; anything else is kOutOfSequence; a lower epoch is kFenced.
  virtual awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                          WriterStamp stamp = {}) = 0;

  // Raises the writer's epoch durably, after all its older appends have ended; those that come
  // later are kFenced.
  virtual awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) = 0;

  // Errors: kInUse if it exists already with other options; the same again is fine.
  virtual awaitable<Result<>> create(ShardId shard, ShardOptions options) = 0;
  // No more appends; the shard's end. Idempotent.
  virtual awaitable<Result<Counter>> seal(ShardId shard) = 0;
  // Its records are gone. Fine if it does not exist.
  virtual awaitable<Result<>> remove(ShardId shard) = 0;
  // Records before `first` are gone.
  virtual awaitable<Result<>> trim(ShardId shard, Counter first) = 0;
  virtual awaitable<Result<>> set_retention(ShardId shard, TimeMs retention_ms) = 0;

  // Records from `from` on. Empty at the tip. Older than the retention: skipped at once, even
  // if still on disk. Errors: kCorruption (file, offset and what to do).
  virtual awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) = 0;

  // Completes when the durable tip is past `position`, the shard is sealed or removed, or
  // `timeout` has passed (kTimeout). kCancelled when the log closes.
  virtual awaitable<Result<>> wait(ShardId shard, Counter position,
                                   std::chrono::milliseconds timeout) = 0;

  // The first counter whose record arrived at or after `time`; the tip if there is none.
  virtual awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) = 0;

  virtual Result<ShardStatus> status(ShardId shard) = 0;

  // Every shard that exists, in no order: start-up compares it with the metadata.
  virtual std::vector<ShardId> shards() = 0;

  // Completes what was accepted, refuses what comes later (kUnavailable), makes a checkpoint.
  virtual awaitable<Result<>> close() = 0;
};

}  // namespace millstream
