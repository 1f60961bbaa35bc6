// The log's background work, on one thread: journal files ahead of need, checkpoints, merging
// of packs, retention, the disk budget.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "log/local/checkpoint.h"
#include "log/local/committer.h"
#include "log/local/disk_budget.h"
#include "log/local/pack_merger.h"
#include "log/local/retention.h"

namespace millstream::local {

struct FlusherOptions {
  uint64_t checkpoint_bytes = 0;
  std::chrono::milliseconds checkpoint_age{};
  uint64_t journal_bytes = 0;
};

// Life cycle: stop() before anything it uses goes away.
// Threads:    all calls from any.
class Flusher {
 public:
  Flusher(Committer& committer, JournalSpace& space, Checkpointer& checkpointer, PackMerger& merger,
          Retention& retention, DiskBudget& disk, Health& health, FlusherOptions options);
  ~Flusher();

  // The bytes that should leave the disk, each time it has too few left. Before start(); called on
  // the flusher's thread; must not block.
  void on_space_wanted(std::function<void(uint64_t)> callback) {
    space_wanted_ = std::move(callback);
  }

  void start();
  void stop();
  // Something may have to be done. Does not block.
  void wake();
  // Each waits for a run that started after the call.
  Result<> checkpoint_now();
  Result<> expire_now();
  // Any other work on the files; kUnavailable once the flusher stops.
  using Work = std::function<Result<>()>;
  Result<> run_on_thread(Work work);

 private:
  void loop();
  void step();
  bool checkpoint_due() const;
  Result<> checkpoint();
  // Journal files that are missing; false if there is no room for them.
  bool prepare();
  // Bytes that packs and segments will take yet.
  uint64_t unwritten_bytes() const;
  void watch_disk();
  void expire();

  Committer& committer_;
  JournalSpace& space_;
  Checkpointer& checkpointer_;
  PackMerger& merger_;
  Retention& retention_;
  DiskBudget& disk_;
  Health& health_;
  const FlusherOptions options_;
  std::function<void(uint64_t)> space_wanted_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  bool woken_ = false;
  bool stopping_ = false;
  bool running_ = false;
  struct Request {
    Work work;
    std::optional<Result<>> result;
  };
  std::vector<Request*> requests_;

  // The thread's own.
  std::chrono::steady_clock::time_point last_checkpoint_;
  std::chrono::steady_clock::time_point last_expiry_;
  std::chrono::steady_clock::time_point retry_after_;
  uint64_t flushed_bytes_ = 0;  // of the committer's journal_bytes()
  bool merge_due_ = false;
  std::thread thread_;
};

}  // namespace millstream::local
