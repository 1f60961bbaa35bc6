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
#include "log/local/writer_table.h"

namespace millstream::local {

// What readers see of a frame, in this order: creations, runs, the rest.
struct Frame {
  struct ShardRun {
    ShardRef shard;
    Run run;
  };
  struct Effect {
    Op::Kind kind{};  // kCreate, kSeal, kRemove, kTrim, kSetRetention
    ShardRef shard;
    uint64_t value = 0;
  };

  std::string bytes;  // room for the head, then the table
  uint32_t entries = 0;
  std::vector<iovec> bodies;
  uint64_t body_bytes = 0;
  std::vector<ShardRun> runs;
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
  void append(Op& op);
  void create(Op& op);
  ShardRef find(Op& op);
  void assign(ShardState& shard, const ShardRef& ref, ShardBatch& batch, Op& op);
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
  std::vector<ShardRef> targets_;  // of the append at hand
};

}  // namespace millstream::local
