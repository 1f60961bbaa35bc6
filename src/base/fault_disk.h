// What a disk would hold after a crash: the model under FaultEnv.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace millstream {

// What of the unsynced changes survives a crash.
enum class Survival : uint8_t {
  kSynced,     // nothing
  kAll,        // everything: only the process died
  kWrites,     // each write, size and folder entry by its own coin: reordered write-back
  kSectors,    // the same, but each 512-byte sector of a write has its own coin
  kTorn,       // all up to some point in time; the write there is torn at a sector
  kTornBytes,  // the same, torn at a byte
};
inline constexpr Survival kAllSurvivals[] = {Survival::kSynced, Survival::kAll,
                                             Survival::kWrites, Survival::kSectors,
                                             Survival::kTorn,   Survival::kTornBytes};

// One file: what the process sees, what is on stable storage, and the changes between.
struct DiskFile {
  struct Change {
    uint64_t order = 0;     // over the whole disk
    bool is_write = false;  // else: a new size
    uint64_t at = 0;        // the offset of a write, or the size
    std::string bytes;
  };

  void write(uint64_t order, uint64_t offset, std::string_view bytes);
  void resize(uint64_t order, uint64_t size);
  // fdatasync.
  void sync();
  // What Linux does when write-back fails: the process goes on seeing the new bytes, the pages
  // count as clean, and no later sync brings them to the disk.
  void drop_pending() { pending.clear(); }

  std::string live;
  std::string stable;
  std::vector<Change> pending;
  std::vector<bool> allocated;  // by blocks of 4 KiB
};

// A set of names. Folders are durable at once, see Env::make_folders.
//
// Threads: one at a time.
class FaultDisk {
 public:
  static constexpr uint64_t kBlockBytes = 4096;
  using FileRef = std::shared_ptr<DiskFile>;

  // Names as the process sees them; a folder has no file.
  std::map<std::string, FileRef> names;

  FileRef create(const std::string& name);
  void remove(const std::string& name);
  void rename(const std::string& from, const std::string& to);
  void make_folder(const std::string& name);
  // Makes the changes of the names in `folder` durable.
  void sync_folder(const std::string& folder);

  uint64_t next_order() { return ++order_; }
  uint64_t used_bytes() const;
  // Whether anything would be lost by Survival::kSynced.
  bool has_unsynced() const;
  FaultDisk after_crash(Survival survival, uint64_t seed) const;
  // A copy with all that is unsynced still unsynced: the process died, the machine did not.
  FaultDisk after_kill() const;

 private:
  struct NameChange {
    uint64_t order = 0;
    std::vector<std::pair<std::string, FileRef>> names;  // no file: the name is gone
  };

  std::vector<FileRef> all_files() const;

  std::map<std::string, FileRef> stable_names_;
  std::vector<NameChange> pending_names_;
  uint64_t order_ = 0;
};

std::string disk_folder_of(const std::string& name);

}  // namespace millstream
