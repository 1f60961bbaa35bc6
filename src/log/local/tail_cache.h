// The newest records of all shards, kept in memory up to a limit; the oldest go first.
//
// The bodies stand in the shards' run queues, as the very buffers that the appends brought;
// this keeps the order in which they came, and the sum.
#pragma once

#include <atomic>
#include <deque>

#include "log/local/shard_state.h"

namespace millstream::local {

// Threads: added() the committer's; released() any.
class TailCache {
 public:
  explicit TailCache(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // A run that ends at `end`, with `bytes` of bodies, was pushed onto the shard's queue. Evicts
  // what is too much: the caller must hold no shard's mutex.
  void added(const ShardRef& shard, Counter end, size_t bytes);
  // Bodies left the cache another way (trim, remove).
  void released(Freed freed);

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t entries() const { return order_.size(); }

 private:
  struct Entry {
    ShardRef shard;
    Counter end = 0;
  };
  void drop_stale();

  const size_t limit_bytes_;
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> runs_{0};
  std::deque<Entry> order_;  // may name runs that are gone already
};

}  // namespace millstream::local
