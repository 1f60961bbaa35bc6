// Files and clocks, behind an interface so that tests can crash, tear, fill and lie.
//
// Implementations: real_env.h (Linux), memory_env.h (--ephemeral), fault_env.h (tests).
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace millstream {

// Milliseconds since 1970 UTC by the wall clock, which may jump.
using TimeMs = int64_t;

// What write_direct() asks of offset, size and address: no file system that we know wants more.
inline constexpr size_t kDirectAlignment = 4096;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs now_ms() = 0;                       // wall clock
  virtual std::chrono::nanoseconds monotonic() = 0;  // never falls, counts suspend
};

// An open file. All calls may block.
//
// Threads: read and write at different ranges may run at the same time.
// Errors:  kNoSpace for ENOSPC and EDQUOT, kNotFound for ENOENT, kIo otherwise; the message
//          names the file, the offset and the reason.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `into.size()` bytes at `offset`; fewer only at the end of the file.
  virtual Result<size_t> read(uint64_t offset, std::span<char> into) = 0;
  // The same, but only what the page cache holds (preadv2 RWF_NOWAIT): never blocks on the
  // disk. A short count means: ask read() on another thread for the rest.
  virtual Result<size_t> read_cached(uint64_t offset, std::span<char> into) = 0;
  // Writes all of `parts` at `offset`, extending the file if needed. After an error the range
  // holds anything.
  virtual Result<> write(uint64_t offset, std::span<const iovec> parts) = 0;
  Result<> write(uint64_t offset, std::string_view bytes) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return write(offset, std::span<const iovec>(&part, 1));
  }
  // The same past the page cache (O_DIRECT), where the file system can: no copy to make, and none
  // for sync() to find. Offset, size and address are multiples of kDirectAlignment. As durable as
  // any write: not before sync(). Reads through this and other Files see it.
  Result<> write_direct(uint64_t offset, std::string_view bytes);
  // fdatasync: when it returns, all that was written (and the file's size) is on stable
  // storage. After an error the state of unsynced writes is unknown, for ever: never retry.
  virtual Result<> sync() = 0;
  // posix_fallocate: reserves blocks, so that a later write can't meet ENOSPC. Extends the file
  // with zeroes if needed.
  virtual Result<> reserve(uint64_t offset, uint64_t length) = 0;
  virtual Result<> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;

 protected:
  // write_direct() once the alignment is known to be right.
  virtual Result<> write_aligned(uint64_t offset, std::string_view bytes) {
    return write(offset, bytes);
  }
};

enum class OpenMode : uint8_t {
  kReadOnly,
  kReadWrite,  // must exist
  kCreate,     // read and write; created if missing
  kCreateNew,  // read and write; kInUse if it exists
};

struct FileInfo {
  std::string name;  // within its folder
  uint64_t size = 0;
  bool is_folder = false;
};

class FileLock {
 public:
  virtual ~FileLock() = default;  // unlocks
};

// Paths are UTF-8, absolute or relative to the working directory.
class Env : public Clock {
 public:
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Result<> remove(const std::string& path) = 0;  // a file or an empty folder
  // A folder and its parents, durable when it returns; fine if it is there.
  virtual Result<> make_folders(const std::string& path) = 0;
  virtual Result<std::vector<FileInfo>> list(const std::string& folder) = 0;  // sorted by name
  virtual Result<bool> exists(const std::string& path) = 0;
  // Makes creations, renames and removals inside `folder` durable.
  virtual Result<> sync_folder(const std::string& folder) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& folder) = 0;
  // kInUse if another process (or this one) holds it; the message names the holder's pid.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  // Whole small files. write_file_durably: temporary file, sync, rename, sync_folder; after a
  // crash the file has its old or its new content.
  Result<std::string> read_file(const std::string& path);
  Result<> write_file_durably(const std::string& path, std::string_view content);
};

}  // namespace millstream
