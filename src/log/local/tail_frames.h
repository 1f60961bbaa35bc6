// The newest frames of the journal: those that packs and segments don't hold yet, and those whose
// records memory still keeps for readers. Both are suffixes; what is in neither is dropped.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "base/bytes.h"
#include "log/local/journal_space.h"
#include "log/local/run.h"

namespace millstream::local {

// The records of an append, or of several small ones, with one checksum.
struct Piece {
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint32_t crc = 0;
  uint32_t buffer = 0;         // in TailFrame::Content::buffers
  const char* body = nullptr;  // in that buffer; null: never was in memory
};

struct Run {
  Counter first = 0;
  TimeMs arrival_ms = 0;
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint32_t offset = 0;  // of its body in the frame's bodies
  uint32_t piece = 0;   // the first of its pieces
  uint32_t pieces = 0;
};

// Everything of a frame that readers need, in a few arrays: a frame may hold thousands of runs of
// a record each.
//
// Threads: any.
class TailFrame {
 public:
  struct Content {
    std::vector<Run> runs;
    std::vector<Piece> pieces;       // by run
    std::vector<BufferRef> buffers;  // what the pieces' bodies point into
    JournalFileRef file;
    uint64_t offset = 0;  // of the bodies in `file`
    Lsn lsn = 0;
  };
  explicit TailFrame(Content content);

  const Run& run(size_t i) const { return content_.runs[i]; }
  std::span<const Run> runs() const { return content_.runs; }
  std::span<const Piece> pieces(const Run& run) const {
    return std::span(content_.pieces).subspan(run.piece, run.pieces);
  }
  uint64_t offset(const Run& run) const { return content_.offset + run.offset; }
  // Bytes that it takes while it is in memory; 0: its bodies never were.
  size_t cost() const { return cost_; }

  // The bodies of the run's pieces, one each; false if they have left memory.
  bool bodies(const Run& run, std::vector<Slice>& into) const;
  // Each asks for the memory of what the last one found, so that whoever walks over runs of many
  // frames does not wait for it: the run, its first piece, that one's body.
  void prefetch_run(size_t i) const { __builtin_prefetch(&content_.runs[i]); }
  void prefetch_piece(size_t i) const {
    __builtin_prefetch(&content_.pieces[run(i).piece]);
    __builtin_prefetch(&mutex_, 1);
  }
  void prefetch_body(size_t i) const {
    const char* body = content_.pieces[run(i).piece].body;
    if (body == nullptr) return;
    __builtin_prefetch(body);
    __builtin_prefetch(body + 64);
  }
  // What the run is read from then; null once packs or segments hold it.
  JournalFileRef file() const;

  // The bodies leave memory.
  void evict();
  // The journal's file is not needed any more.
  void release_file();

 private:
  Content content_;  // `buffers` and `file` are guarded by the mutex, the rest is constant
  size_t cost_ = 0;
  mutable std::mutex mutex_;
};
using TailFrameRef = std::shared_ptr<TailFrame>;

// Threads: add() the committer's (recovery's before it starts), flushed_to() the flusher's; the
//          rest any.
class TailFrames {
 public:
  // `limit_bytes`: of the bodies in memory with what leads to them. `checkpoint_bytes`: after so
  // many the flusher starts to move them to packs and segments.
  TailFrames(size_t limit_bytes, size_t checkpoint_bytes);

  // Before any shard's queue names it. Evicts what is too much, oldest first.
  FrameNumber add(TailFrameRef frame);
  // For recovery: nothing of it is in memory.
  FrameNumber add_evicted(TailFrameRef frame);

  // Null: it is gone, packs and segments have it.
  TailFrameRef find(FrameNumber number) const;
  // Oldest first; what is gone is left out. `last` inclusive.
  std::vector<TailFrameRef> range(FrameNumber first, FrameNumber last) const;
  // The oldest that is there, or the next one.
  FrameNumber first() const { return first_.load(std::memory_order_acquire); }
  FrameNumber last() const { return last_.load(std::memory_order_acquire); }
  // Packs and segments have everything up to there, and readers find it there.
  void flushed_to(FrameNumber number);
  FrameNumber flushed() const { return flushed_.load(std::memory_order_acquire); }

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // How near what is not flushed is to leaving memory: the flusher would have to read it back
  // from the journal, and lag all the more. 0 up to half of the limit, 1 at all of it.
  double pressure() const;

 private:
  FrameNumber add_locked(TailFrameRef frame);
  void drop_locked();

  const size_t limit_bytes_;
  const size_t easy_bytes_;  // not flushed, without pressure
  mutable std::shared_mutex mutex_;
  std::deque<TailFrameRef> frames_;
  FrameNumber evicted_ = 0;
  std::atomic<FrameNumber> flushed_{0};
  std::atomic<FrameNumber> first_{1};
  std::atomic<FrameNumber> last_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> unflushed_bytes_{0};
};

}  // namespace millstream::local
