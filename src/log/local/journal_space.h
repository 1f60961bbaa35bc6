// The journal's files: prepared ahead of need, used once, then used again or deleted.
//
// A file is zero-filled and synced before its first use and never changes its size, so that
// fdatasync of a frame has no metadata to commit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/journal_format.h"

namespace millstream::local {

// Whoever reads from a journal file holds a reference; it is used again only after the last
// one is gone.
struct JournalFile {
  std::string path;
  std::unique_ptr<File> file;
  uint64_t size = 0;
  JournalHeader header;  // of its present use
  Lsn last_lsn = 0;      // of the last good frame; 0: none. Written by the committer.
};
using JournalFileRef = std::shared_ptr<JournalFile>;

struct JournalSpaceOptions {
  std::string folder;
  uint64_t budget_bytes = 0;
  uint64_t file_bytes = 0;
};

// Threads: take() and the committer's; prepare(), release(), recycle(): the flusher's (and
//          before the threads start, recovery's). All others: any.
class JournalSpace {
 public:
  JournalSpace(Env& env, JournalSpaceOptions options);

  // The order of file numbers and generations starts here.
  void start_at(uint64_t number, uint64_t generation);
  uint64_t next_generation();

  // A prepared file with room for a frame of `frame_bytes`; nothing if there is none yet: the
  // flusher is asked for one (`on_wanted`), and on_ready() tells when to try again.
  JournalFileRef take(uint64_t frame_bytes);
  void on_wanted(std::function<void()> callback) { wanted_callback_ = std::move(callback); }
  void on_ready(std::function<void()> callback) { ready_callback_ = std::move(callback); }

  // Files that recovery found: in use (`used`), or free to be used again.
  void adopt(JournalFileRef file, bool used);

  // Makes the files that are missing, within the budget. Blocks. Errors: kNoSpace, kIo; an
  // incomplete file has been removed.
  // `over_budget`: recovery must be able to write, whatever the crashes before left.
  Result<> prepare(bool over_budget = false);
  // Files in use whose frames are all below `lsn` are not needed any more.
  void release_below(Lsn lsn);
  // Released files that nobody reads become spares, or are deleted.
  void recycle();

  // Deletes one of the spares that a burst left, once it is long over.
  void shrink();

  bool wants_files();
  // A take() is waiting and the budget does not allow another file: a checkpoint must come.
  bool starved();
  uint64_t used_bytes();
  // 0 up to half of the budget, 1 at all of it.
  double pressure();
  // A checkpoint would free files: more than the one in use are used.
  bool releasable();
  // Why take() gets nothing at present; nothing if files are merely being made.
  std::optional<Error> obstacle();
  size_t file_count();

 private:
  uint64_t standard_size_locked() const;
  bool want_another_locked() const;
  bool may_create_locked(uint64_t size) const;
  Result<JournalFileRef> create(uint64_t number, uint64_t size);

  Env& env_;
  const JournalSpaceOptions options_;
  std::function<void()> wanted_callback_;
  std::function<void()> ready_callback_;

  std::mutex mutex_;
  std::vector<JournalFileRef> spares_;
  std::vector<JournalFileRef> used_;      // by generation
  std::vector<JournalFileRef> released_;  // perhaps still read from
  uint64_t used_bytes_ = 0;
  uint64_t spare_bytes_ = 0;
  uint64_t wanted_bytes_ = 0;  // frame size of a take() that got nothing
  uint64_t next_number_ = 1;
  uint64_t next_generation_ = 1;
  uint64_t taken_ = 0;  // files put into use since the start
  std::chrono::steady_clock::time_point taken_at_;
  std::optional<Error> obstacle_;
};

}  // namespace millstream::local
