// Group commit: one thread that turns what was queued meanwhile into the next frame, makes it
// durable, shows it to readers, and answers everyone who waited for it.
//
// While a frame syncs, the next one's changes gather in the queue; at most one frame is not
// synced. Judging and numbering happen here, in the order of the calls, so that a change that
// finds no room in the journal can be refused without a trace.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "log/local/frame_builder.h"
#include "log/local/health.h"
#include "log/local/tail_frames.h"

namespace millstream::local {

struct ShardSnapshot {
  ShardRef shard;
  ShardOptions options;
  Counter next = 0;
  Counter trim = 0;
  TimeMs arrival_ms = 0;
  bool sealed = false;
};

// All state exactly as the frames up to `lsn` left it.
struct Snapshot {
  Lsn lsn = 0;
  FrameNumber frame = 0;  // the last one
  uint64_t epoch = 0;
  std::vector<ShardSnapshot> shards;
  std::vector<std::pair<uint64_t, WriterState>> writers;
};

// Threads: submit(), snapshot() and the figures from any; the rest is its own thread's.
class Committer {
 public:
  Committer(FrameBuilder& builder, JournalWriter& writer, JournalSpace& space, ShardTable& shards,
            WriterTable& writers, TailFrames& frames, Health& health, size_t pending_bytes);
  ~Committer();

  // Called on the committer's thread after each frame (must not block).
  void on_commit(std::function<void()> callback) { commit_callback_ = std::move(callback); }

  // `journal_bytes`: what recovery found in the journal.
  void start(uint64_t journal_bytes);
  // Completes what was submitted; what comes later is refused. Blocks.
  void stop();

  // Suspends until `op` is answered: it has its error, or is durable and visible.
  awaitable<> run(Op& op);

  // Waits for a moment between two frames. Means nothing once the log has failed.
  Snapshot snapshot();
  // The journal may have room again.
  void room_made();

  uint64_t journal_bytes() const { return journal_bytes_.load(std::memory_order_relaxed); }
  size_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }

 private:
  void submit(Op& op);
  void loop();
  // Writes one frame of what waits; false if there is no room.
  bool commit();
  bool make_room();
  void fill(Frame& frame);
  void publish(Frame& frame);
  void publish_runs(Frame& frame);
  void publish_effect(const Frame::Effect& effect);
  void collect_waiters(ShardState& shard);
  void answer(Op& op);
  void fail_all(const Error& error);
  void expire();
  void pace();
  Snapshot take_snapshot() const;
  void give_snapshot();

  FrameBuilder& builder_;
  JournalWriter& writer_;
  JournalSpace& space_;
  ShardTable& shards_;
  WriterTable& writers_;
  TailFrames& frames_;
  Health& health_;
  const size_t pending_limit_;
  std::function<void()> commit_callback_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable snapshot_ready_;
  std::vector<Op*> queue_;
  bool idle_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
  bool room_ = false;
  bool snapshot_wanted_ = false;
  uint64_t snapshots_made_ = 0;
  std::optional<Snapshot> snapshot_;

  // The thread's own.
  std::deque<Op*> waiting_;
  CompletionBatch done_;
  uint64_t frame_bytes_ = 0;  // of the frame just written
  std::atomic<uint64_t> journal_bytes_{0};
  std::atomic<size_t> pending_bytes_{0};
  std::thread thread_;
};

}  // namespace millstream::local
