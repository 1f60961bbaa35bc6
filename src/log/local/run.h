// Records in memory or in the journal that a shard's readers may need.
#pragma once

#include <memory>
#include <vector>

#include "log/local/journal_space.h"
#include "log/shard_log.h"

namespace millstream::local {

struct Piece {
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint32_t crc = 0;
  Slice body;  // empty once evicted from the tail cache
};

// Consecutive records of one shard with one arrival time: what one frame holds of the shard.
struct Run {
  Counter first = 0;
  TimeMs arrival_ms = 0;
  uint32_t records = 0;
  uint32_t bytes = 0;
  std::vector<Piece> pieces;
  JournalFileRef file;  // until it is in a pack or segment
  uint64_t offset = 0;  // of the bodies in `file`
  Lsn lsn = 0;

  Counter end() const { return first + records; }
};

// What left the tail cache.
struct Freed {
  size_t bytes = 0;
  size_t runs = 0;
};

// The newest runs of a shard, oldest first: those that are not in a pack or segment yet, and
// those in the tail cache. Both are suffixes of the shard; what is neither is dropped.
//
// Threads: guarded by the shard's mutex.
class RunQueue {
 public:
  bool empty() const { return head_ == runs_.size(); }
  size_t size() const { return runs_.size() - head_; }
  const Run& operator[](size_t i) const { return runs_[head_ + i]; }
  const Run& front() const { return runs_[head_]; }
  const Run& back() const { return runs_.back(); }
  bool cached(size_t i) const { return i >= evicted_; }

  void push(Run run, bool cached);
  // The first run whose end is past `from`; size() if there is none.
  size_t find(Counter from) const;

  // Drops the bodies of the run that ends at `end`, if it is the oldest one in the cache.
  Freed evict(Counter end);
  bool caches(Counter end) const;
  // Runs up to `end` are in a pack or segment.
  void flushed_to(Counter end);
  // Runs that end at or before `first` are gone.
  Freed trim(Counter first);
  Freed clear();
  // Index of the first run that is in no pack or segment.
  size_t unflushed() const { return flushed_; }
  uint64_t unflushed_bytes() const { return unflushed_bytes_; }

 private:
  void drop_front(size_t count);
  void compact();

  std::vector<Run> runs_;
  uint64_t unflushed_bytes_ = 0;
  size_t head_ = 0;
  // Relative to the head:
  size_t evicted_ = 0;  // runs before have no bodies
  size_t flushed_ = 0;  // runs before are in a pack or segment
};

}  // namespace millstream::local
