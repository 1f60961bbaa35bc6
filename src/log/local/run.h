// What a shard's readers may need of the newest frames, and where it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "log/shard_log.h"

namespace millstream::local {

// Counts the frames since this process started, in the order in which they became durable, from
// 1 on; those that recovery replayed come first.
using FrameNumber = uint64_t;

// Consecutive records of one shard with one arrival time: what one frame holds of the shard.
struct RunRef {
  Counter end = 0;
  uint64_t place = 0;
  uint32_t records = 0;
  uint32_t bytes = 0;

  static constexpr int kRunBits = 24;
  static constexpr uint64_t kMaxRuns = uint64_t{1} << kRunBits;  // of a frame
  static RunRef of(FrameNumber frame, size_t run, Counter first, uint32_t records, uint32_t bytes) {
    return {first + records, frame << kRunBits | run, records, bytes};
  }
  Counter first() const { return end - records; }
  FrameNumber frame() const { return place >> kRunBits; }
  size_t run() const { return place & (kMaxRuns - 1); }
};

// The newest runs of a shard, oldest first: those of the frames that TailFrames has, and stale
// ones of frames before, which packs and segments hold.
//
// Threads: guarded by the shard's mutex.
class RunQueue {
 public:
  bool empty() const { return runs_.empty(); }
  size_t size() const { return runs_.size(); }
  const RunRef& operator[](size_t i) const { return runs_[i]; }

  // `first`: the oldest frame that is there; what is older makes room.
  void push(const RunRef& run, FrameNumber first);
  // Asks for the memory that the next push() writes to. Without the shard's mutex: a guess.
  void prefetch_push() const { __builtin_prefetch(next_.load(std::memory_order_relaxed), 1); }
  // The first run whose end is past `from`; size() if there is none.
  size_t find(Counter from) const;
  // The first run of `frame` or a later one; size() if there is none.
  size_t find_frame(FrameNumber frame) const;

  // Runs up to `end` are in a pack or segment.
  void flushed_to(Counter end);
  // Runs that end at or before `first` are gone.
  void trim(Counter first);
  // Runs of frames before `first` are stale; a quiet shard keeps no memory for them.
  void drop_stale(FrameNumber first);
  void clear();
  // Index of the first run that is in no pack or segment.
  size_t unflushed() const { return flushed_; }
  uint64_t unflushed_bytes() const { return unflushed_bytes_; }

 private:
  void drop_front(size_t count);

  std::vector<RunRef> runs_;
  Counter end_ = 0;     // of the newest run
  size_t flushed_ = 0;  // runs before are in a pack or segment
  uint64_t unflushed_bytes_ = 0;
  std::atomic<const RunRef*> next_{nullptr};  // behind the last push
};

}  // namespace millstream::local
