#include "log/local/file_cache.h"

namespace millstream::local {

OpenDataFileRef FileCache::cached(const DataFile& file) {
  std::lock_guard lock(mutex_);
  const auto it = by_id_.find(file.id);
  if (it == by_id_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, it->second);
  return it->second->file;
}

Result<OpenDataFileRef> FileCache::open_now(const DataFile& file, bool tiered) {
  auto opened = std::make_shared<OpenDataFile>();
  if (!tiered) {
    TRY_ASSIGN(opened->file, env_.open(file.path, OpenMode::kReadOnly));
    return opened;
  }
  TRY_ASSIGN(auto remote, TieredFile::open(tier_, file));
  opened->tiered = remote.get();
  opened->index = remote->entries();
  opened->indexed = file.length;
  opened->file = std::move(remote);
  return opened;
}

Result<OpenDataFileRef> FileCache::open(const DataFile& file) {
  for (;;) {
    if (OpenDataFileRef known = cached(file)) return known;
    const bool tiered = file.tiered;
    auto opened = open_now(file, tiered);
    if (!opened && !tiered && file.tiered) continue;  // it has moved just now
    if (!opened) return opened;
    OpenDataFileRef dropped;  // closed outside of the lock
    std::lock_guard lock(mutex_);
    if (tiered != file.tiered) continue;  // forget() may have been called before
    if (const auto it = by_id_.find(file.id); it != by_id_.end()) return it->second->file;
    by_use_.push_front({file.id, *opened});
    by_id_[file.id] = by_use_.begin();
    if (by_use_.size() > limit_) {
      dropped = std::move(by_use_.back().file);
      by_id_.erase(by_use_.back().id);
      by_use_.pop_back();
    }
    return opened;
  }
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
