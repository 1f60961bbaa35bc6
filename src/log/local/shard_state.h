// What the log knows of each shard, in memory.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/local/completion.h"
#include "log/local/run.h"
#include "log/shard_log.h"

namespace millstream::local {

struct DataFile;  // data_file.h

// Consecutive blocks (pack: one block; segment: all of them) with records of one shard.
struct Extent {
  Counter first = 0;
  Counter end = 0;
  TimeMs first_arrival_ms = 0;
  TimeMs last_arrival_ms = 0;
  std::shared_ptr<DataFile> file;
  uint64_t offset = 0;  // of the block; 0: look into the segment's index
  uint64_t size = 0;    // stored bytes
};

// Records that are lost: reads that reach them fail and say where.
struct DamagedRange {
  Counter first = 0;
  Counter end = 0;
  TimeMs last_arrival_ms = 0;
  std::string where;  // file and offset
};

// A suspended wait(). Shared by its coroutine, its timer and the shard.
struct Waiter : Completion {
  enum class Outcome : uint8_t { kPending, kReady, kTimeout, kCancelled };
  Counter position = 0;
  std::atomic<Outcome> outcome{Outcome::kPending};

  // Whoever gets true has to complete it.
  bool settle(Outcome how) {
    Outcome expected = Outcome::kPending;
    return outcome.compare_exchange_strong(expected, how);
  }
};

// Two views of the shard: `assigned` is what the committer has put into frames, `durable` what
// has reached the disk and readers may see. An append touches the first three cache lines.
//
// Threads: `assigned` belongs to the committer (to recovery before it runs); the rest is
//          guarded by `mutex`, held for moments only.
struct alignas(64) ShardState {
  explicit ShardState(ShardId shard_id) : id(shard_id) {}

  const ShardId id;

  struct Assigned {
    Counter next = 0;
    TimeMs arrival_ms = 0;
    // The append, and the frame's run, that touched the shard last: both found without a map.
    uint64_t append_mark = 0;
    uint64_t frame_mark = 0;
    uint32_t run_index = 0;
    bool sealed = false;
    bool removed = false;
    ShardOptions options;
    Counter trim = 0;
  } assigned;

  // Asks for the memory of what follows.
  void prefetch_durable() {
    __builtin_prefetch(&mutex, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(&mutex) + 64, 1);
  }
  alignas(64) std::mutex mutex;
  struct Durable {
    Counter tip = 0;
    TimeMs arrival_ms = 0;  // of the newest record; 0: none yet
    Counter trim = 0;
    TimeMs retention_ms = 0;
    bool exists = false;  // false: its creation is not durable yet, or it was removed
    bool sealed = false;
  } durable;
  RunQueue tail;
  std::vector<std::shared_ptr<Waiter>> waiters;
  std::vector<Extent> extents;  // by counter; changed by the flusher's thread alone
  std::vector<DamagedRange> damaged;
};
using ShardRef = std::shared_ptr<ShardState>;

// Ids are mostly dense: shards stand in pages of consecutive ones.
//
// Threads: insert() and erase() the committer's (recovery's before it runs), the rest any.
class ShardTable {
 public:
  ShardRef find(ShardId shard) const;
  // For the committer alone: no lock, no reference. Null: not there.
  ShardState* peek(ShardId shard) const;
  void insert(ShardRef shard);
  void erase(ShardId shard);
  std::vector<ShardRef> all() const;

 private:
  static constexpr size_t kPageShards = 256;
  struct Page {
    std::array<ShardRef, kPageShards> shards;
    size_t used = 0;
  };
  const ShardRef* place(ShardId shard) const;

  mutable std::shared_mutex mutex_;
  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;  // by id / kPageShards
};

}  // namespace millstream::local
