// The shard log on this machine's disk: journal, packs, segments, manifest (see README.md).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/object_store.h"
#include "log/shard_log.h"

namespace millstream {

enum class Durability : uint8_t {
  kSync,  // acknowledged = fdatasync has returned
  kOs,    // acknowledged = written to the operating system: lost when the machine crashes
};

// Where old packs and segments go: records stay readable as long as their retention says, and the
// disk keeps the newest and what is being read.
struct TierOptions {
  // Null: nothing is moved; what was moved before can't be read. Each of its calls must come to
  // an end, at the latest once it is cancelled.
  std::shared_ptr<ObjectStore> store;
  std::string bucket;
  std::string prefix;  // of all keys; empty or with a '/' at the end
  // Files that take no more records move when their newest record is older than this. Small packs
  // are merged until then.
  std::chrono::milliseconds after{7'200'000};
  uint64_t cache_bytes = uint64_t{1} << 30;  // on disk, of what was read back
  uint64_t chunk_bytes = uint64_t{8} << 20;  // of a file in one object
  std::chrono::milliseconds read_timeout{15'000};
  int reader_threads = 4;  // that may wait for the store
};

// Threads: a copy at some moment.
struct TierStats {
  uint64_t files = 0;  // in the object store
  uint64_t bytes = 0;
  uint64_t uploaded_files = 0;  // since the start, as all that follow
  uint64_t uploaded_bytes = 0;
  uint64_t upload_failures = 0;
  uint64_t removed_objects = 0;
  uint64_t fetched_bytes = 0;
  uint64_t fetch_failures = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_bytes = 0;  // now
};

struct LocalLogOptions {
  std::string folder;
  Durability durability = Durability::kSync;
  // Bounds recovery time; appends get kThrottled when the flusher can't keep up.
  uint64_t journal_bytes = uint64_t{1} << 30;
  uint64_t journal_file_bytes = uint64_t{64} << 20;
  // Newest records of all shards, kept in memory for readers.
  size_t tail_cache_bytes = size_t{256} << 20;
  // Bytes accepted by append() and not yet durable; beyond it appends wait, then kThrottled.
  size_t pending_bytes = size_t{128} << 20;
  size_t open_files = 256;
  int reader_threads = 2;
  // A checkpoint starts when this much journal is unflushed, or at this age. A fraction of the
  // tail cache: else its records have left memory and are read back from the journal.
  uint64_t checkpoint_bytes = uint64_t{64} << 20;
  std::chrono::milliseconds checkpoint_age{60'000};
  // Packs and segments roll at this age, so that quiet shards expire too, or at this size.
  std::chrono::milliseconds roll_age{3'600'000};
  uint64_t roll_bytes = uint64_t{256} << 20;
  // What the folder may take; beyond it appends get kNoSpace. 0: as much as the disk has. The
  // journal gets at most a quarter of it.
  uint64_t disk_bytes = 0;
  int disk_warning_percent = 80;
  int disk_critical_percent = 95;
  TierOptions tier;
};

enum class DiskAlarm : uint8_t {
  kNone,
  kWarning,
  kCritical,  // what has expired is deleted at once, not once a minute
  kFull,      // the budget is used up: appends get kNoSpace
};

std::string_view to_string(DiskAlarm alarm);  // "none", "warning", "critical", "full"

struct DiskUse {
  uint64_t used_bytes = 0;    // the folder's files, and what the journal still moves to others
  uint64_t budget_bytes = 0;  // 0: none
  uint64_t free_bytes = 0;    // of the file system
  DiskAlarm alarm = DiskAlarm::kNone;
  // At the rate of the last minutes; nothing while it does not fill.
  std::optional<std::chrono::seconds> full_in;
};

// What a quarantine or a failure looks like to an operator: shown by /health and the log.
struct LogProblem {
  std::string file;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::string message;  // what is wrong and what to do
};

class LocalLog : public ShardLog {
 public:
  // Recovers and starts the threads. `env` outlives the log. Errors: kInUse (another process
  // has the folder), kCorruption (only where nothing could be served without guessing), kIo.
  static Result<std::unique_ptr<LocalLog>> open(Env& env, LocalLogOptions options);

  virtual std::vector<LogProblem> problems() const = 0;
  // Measured once a second.
  virtual DiskUse disk_use() const = 0;
  // Flushes everything to packs and segments now (tests, shutdown). Blocks.
  virtual Result<> checkpoint_now() = 0;
  // Deletes expired files now (tests; else once a minute). Blocks.
  virtual Result<> expire_now() = 0;
  // Moves the oldest files that take no more records to the object store, however young, until
  // `bytes` are free; how many are. Removes objects that are not needed. Blocks.
  virtual Result<uint64_t> tier_now(uint64_t bytes) = 0;
  virtual TierStats tier_stats() const = 0;
};

}  // namespace millstream
