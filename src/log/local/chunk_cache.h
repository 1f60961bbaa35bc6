// Chunks that were read from the object store, in one file on the local disk.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/env.h"

namespace millstream::local {

struct ChunkKey {
  uint64_t file = 0;
  uint64_t chunk = 0;
  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

// The file is slots of one chunk each; the chunk that was not used for longest gives its slot to
// the next one. Nothing is synced, and every start begins with an empty file: what read() gives
// may be anything, the caller checks it. Where the disk takes no more, less is cached.
//
// Threads: any; put() and read() block on the disk, read_resident() does not.
class ChunkCache {
 public:
  ChunkCache(Env& env, std::string path, uint64_t limit_bytes, uint64_t chunk_bytes);

  // Empties what is there. An error means: no caching.
  Result<> open();
  bool contains(ChunkKey key);
  // From `offset` of the chunk; false: not here.
  bool read(ChunkKey key, uint64_t offset, std::span<char> into);
  bool read_resident(ChunkKey key, uint64_t offset, std::span<char> into);
  void put(ChunkKey key, const Slice& bytes);
  void drop(ChunkKey key);
  // Gives the disk's space back.
  void clear();
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    ChunkKey key;
    uint64_t slot = 0;
    uint64_t size = 0;
  };
  bool read(ChunkKey key, uint64_t offset, std::span<char> into, bool resident);
  // Guarded. A slot that nobody else has; nothing if there is none.
  std::optional<uint64_t> take_slot();
  void remove(std::list<Entry>::iterator entry);

  Env& env_;
  const std::string path_;
  const uint64_t slots_;
  const uint64_t chunk_bytes_;
  std::mutex mutex_;
  std::unique_ptr<File> file_;  // constant after open()
  uint64_t next_slot_ = 0;      // never used before
  std::vector<uint64_t> free_;
  std::list<Entry> by_use_;  // the latest first
  std::map<ChunkKey, std::list<Entry>::iterator> by_key_;
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace millstream::local
