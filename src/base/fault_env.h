// An Env in memory that crashes, tears, fills and lies, for tests.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/fault_disk.h"
#include "base/real_env.h"

namespace millstream {

enum class FaultOp : uint8_t {
  kCreate,
  kWrite,
  kSync,
  kReserve,
  kTruncate,
  kRename,
  kRemove,
  kSyncFolder,
  kMakeFolder,
  kRead,  // not a change: never the moment of a crash
};

// Durability, stricter than most file systems: a file's bytes and size are stable after its
// sync(); its name, renames and removals after sync_folder(); make_folders() at once. What was
// not synced may survive a crash in part, see Survival.
//
// Threads: any; every call takes one lock.
class FaultEnv : public Env {
 public:
  explicit FaultEnv(Clock& clock = real_env());
  FaultEnv(FaultDisk disk, Clock& clock);

  // --- Crashes. Every call that changes something counts, from 1.
  // The machine stops during change `number`: that change may survive or not, it and every
  // later call fail with kIo.
  void crash_at(uint64_t number);
  void crash();  // now
  bool crashed() const;
  uint64_t changes() const;
  // "write /data/journal/1 at 4096" for each change so far: what a failing seed stands for.
  std::vector<std::string> history() const;
  // The machine comes up again. Callable repeatedly, also without a crash: the state is what a
  // crash now would leave. No faults are planned in the new Env; clock and capacity stay.
  std::unique_ptr<FaultEnv> after_crash(Survival survival, uint64_t seed) const;
  // The process was killed and starts again on the same machine: it sees everything, but what
  // was not synced still isn't, and a later crash may take it.
  std::unique_ptr<FaultEnv> after_kill() const;

  // --- Faults.
  // The `nth` (1 = the next) and the `count - 1` following calls of that kind on a path that
  // contains `path_part` fail with kIo. A failing write has written some front part; a failing
  // sync has lost its file's unsynced bytes for ever, though reads still show them.
  void fail(FaultOp op, uint64_t nth, std::string path_part = "", uint64_t count = 1);
  void clear_faults();
  // Beyond `bytes` of 4 KiB blocks, writes and reserves fail with kNoSpace.
  void set_capacity(uint64_t bytes);
  // Syncs answer without making anything durable, as some disks do.
  void set_lying(bool lying);
  // read_cached() finds nothing, so that the way of cold reads is taken.
  void set_cold_cache(bool cold);
  // Turns bits of one byte over, on the disk and in the cache. False if there is no such byte.
  bool corrupt(const std::string& path, uint64_t offset, unsigned char bits);

  TimeMs now_ms() override { return clock_.now_ms(); }
  std::chrono::nanoseconds monotonic() override { return clock_.monotonic(); }
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_folders(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& folder) override;
  Result<bool> exists(const std::string& path) override;
  Result<> sync_folder(const std::string& folder) override;
  Result<uint64_t> free_bytes(const std::string& folder) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class OpenFile;
  class Lock;
  struct PlannedFault {
    FaultOp op;
    uint64_t skip;
    uint64_t count;
    std::string path_part;
  };
  enum class Fate : uint8_t { kGood, kFails, kCrashes };

  // All called with the lock held.
  std::unique_ptr<FaultEnv> with_disk(FaultDisk disk) const;
  Result<> check_alive() const;
  Fate begin(FaultOp op, const std::string& path, uint64_t offset = 0);
  static std::unexpected<Error> injected(FaultOp op, const std::string& path);
  bool is_folder(const std::string& name) const;
  Result<> allocate(DiskFile& file, uint64_t offset, uint64_t length, const std::string& path);

  Clock& clock_;
  mutable std::mutex mutex_;
  FaultDisk disk_;
  std::vector<PlannedFault> faults_;
  std::vector<std::string> history_;
  std::set<std::string> locked_;
  uint64_t changes_ = 0;
  uint64_t crash_at_ = 0;
  uint64_t capacity_ = UINT64_MAX;
  bool crashed_ = false;
  bool lying_ = false;
  bool cold_ = false;
};

}  // namespace millstream
