#include "log/local/file_cache.h"

namespace millstream::local {

OpenDataFileRef FileCache::cached(const DataFile& file) {
  std::lock_guard lock(mutex_);
  const auto it = by_id_.find(file.id);
  if (it == by_id_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, it->second);
  return it->second->file;
}

Result<OpenDataFileRef> FileCache::open(const DataFile& file) {
  if (OpenDataFileRef known = cached(file)) return known;
  auto opened = std::make_shared<OpenDataFile>();
  TRY_ASSIGN(opened->file, env_.open(file.path, OpenMode::kReadOnly));
  OpenDataFileRef dropped;  // closed outside of the lock
  std::lock_guard lock(mutex_);
  if (const auto it = by_id_.find(file.id); it != by_id_.end()) return it->second->file;
  by_use_.push_front({file.id, opened});
  by_id_[file.id] = by_use_.begin();
  if (by_use_.size() > limit_) {
    dropped = std::move(by_use_.back().file);
    by_id_.erase(by_use_.back().id);
    by_use_.pop_back();
  }
  return opened;
}

void FileCache::forget(uint64_t id) {
  OpenDataFileRef dropped;
  std::lock_guard lock(mutex_);
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return;
  dropped = std::move(it->second->file);
  by_use_.erase(it->second);
  by_id_.erase(it);
}

}  // namespace millstream::local
