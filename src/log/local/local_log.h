// The shard log on this machine's disk: journal, packs, segments, manifest (see README.md).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "log/shard_log.h"

namespace millstream {

enum class Durability : uint8_t {
  kSync,  // acknowledged = fdatasync has returned
  kOs,    // acknowledged = written to the operating system: lost when the machine crashes
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
  // Flushes everything to packs and segments now (tests, shutdown). Blocks.
  virtual Result<> checkpoint_now() = 0;
  // Deletes expired files now (tests; else once a minute). Blocks.
  virtual Result<> expire_now() = 0;
};

}  // namespace millstream
