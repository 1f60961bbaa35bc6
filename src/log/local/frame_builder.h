// Turns queued changes into one frame of the journal: judges them, assigns counters and arrival
// times, and lists what becomes visible once the frame is durable.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/journal_writer.h"
#include "log/local/op.h"
#include "log/local/shard_state.h"
#include "log/local/tail_frames.h"
#include "log/local/writer_table.h"

namespace millstream::local {

// What readers see of a frame, in this order: creations, runs, the rest.
struct Frame {
  struct Effect {
    Op::Kind kind{};  // kCreate, kSeal, kRemove, kTrim, kSetRetention
    ShardRef shard;
    uint64_t value = 0;
  };

  std::string bytes;  // room for the head, then the table
  uint32_t entries = 0;
  std::vector<iovec> bodies;
  uint64_t body_bytes = 0;
  TailFrameRef tail;                // null: no runs
  std::vector<ShardState*> shards;  // of its runs; they are not erased before its effects
  std::vector<Effect> effects;
  std::vector<Op*> ops;  // all of them, also the refused ones
};

// Threads: the committer's.
class FrameBuilder {
 public:
  FrameBuilder(Clock& clock, ShardTable& shards, WriterTable& writers);

  void start_at(uint64_t epoch) { epoch_ = epoch; }
  uint64_t epoch() const { return epoch_; }

  // What `op` takes in a frame at most, besides the frame's head.
  static uint64_t bound(const Op& op);

  void begin(Frame& frame);
  // Judges `op`: it becomes part of the frame, or gets its error. Either way it is answered
  // when the frame is durable, since the verdict may rest on what the frame holds.
  void add(Op& op);
  // Completes table and bodies for a frame that goes to `place`; false if there is nothing to
  // write.
  bool finish(const JournalWriter::Place& place, Lsn lsn);

 private:
  // A batch of the run at hand; those of one run are linked, since they come in turns.
  struct Addition {
    Slice body;
    uint32_t records = 0;
    uint32_t crc = 0;
    uint32_t next = 0;  // of the same run
  };
  struct OpenRun {
    ShardState* shard = nullptr;
    Counter first = 0;
    TimeMs arrival_ms = 0;
    uint32_t records = 0;
    uint32_t bytes = 0;
    uint32_t first_addition = 0;
    uint32_t last_addition = 0;
    uint32_t additions = 0;
  };

  void append(Op& op);
  void create(Op& op);
  ShardRef find(Op& op);
  void assign(ShardState& shard, ShardBatch& batch, Op& op);
  // The pieces of the run, small ones joined in `small`; returns where that ends.
  char* gather(const OpenRun& run, TailFrame::Content& content, char* small);
  TailFrame::Content make_tail();
  void raise_epoch();
  void before(const JournalEntry& entry);
  void after(const JournalEntry& entry);

  Clock& clock_;
  ShardTable& shards_;
  WriterTable& writers_;
  uint64_t epoch_ = 0;
  uint64_t append_mark_ = 0;
  uint64_t frame_mark_ = 0;
  TimeMs now_ms_ = 0;

  Frame* frame_ = nullptr;
  std::string before_;  // entries that come before the runs
  std::string after_;
  std::vector<ShardState*> targets_;  // of the append at hand
  std::vector<OpenRun> runs_;
  std::vector<Addition> additions_;
  size_t small_bytes_ = 0;  // of additions below kSmallBodyBytes
};

}  // namespace millstream::local
