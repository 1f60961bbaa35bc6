// Open packs and segments, a bounded number of them, and the segments' indexes.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "log/local/data_file.h"
#include "log/local/tiered_file.h"

namespace millstream::local {

// An open file. Stays open as long as somebody holds it, also after its removal.
struct OpenDataFile {
  std::unique_ptr<File> file;
  TieredFile* tiered = nullptr;  // the same, if it is in the object store
  std::mutex mutex;
  // Of the first `indexed` bytes of the file; loaded on first use (segments only), of tiered files
  // at once.
  std::shared_ptr<const std::vector<IndexEntry>> index;
  uint64_t indexed = 0;
};
using OpenDataFileRef = std::shared_ptr<OpenDataFile>;

// Threads: any. open() blocks; cached() does not.
class FileCache {
 public:
  FileCache(Env& env, TierReader& tier, size_t limit) : env_(env), tier_(tier), limit_(limit) {}

  OpenDataFileRef cached(const DataFile& file);
  Result<OpenDataFileRef> open(const DataFile& file);
  // Before the file is removed from the disk; after it was marked as tiered.
  void forget(uint64_t id);

 private:
  struct Entry {
    uint64_t id = 0;
    OpenDataFileRef file;
  };
  Result<OpenDataFileRef> open_now(const DataFile& file, bool tiered);

  Env& env_;
  TierReader& tier_;
  const size_t limit_;
  std::mutex mutex_;
  std::list<Entry> by_use_;  // the latest first
  std::unordered_map<uint64_t, std::list<Entry>::iterator> by_id_;
};

}  // namespace millstream::local
