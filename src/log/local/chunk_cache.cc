#include "log/local/chunk_cache.h"

#include "base/logging.h"

namespace millstream::local {

ChunkCache::ChunkCache(Env& env, std::string path, uint64_t limit_bytes, uint64_t chunk_bytes)
    : env_(env),
      path_(std::move(path)),
      slots_(limit_bytes / chunk_bytes),
      chunk_bytes_(chunk_bytes) {}

Result<> ChunkCache::open() {
  TRY_ASSIGN(auto file, env_.open(path_, OpenMode::kCreate));
  TRY(file->truncate(0));
  file_ = std::move(file);
  return {};
}

bool ChunkCache::contains(ChunkKey key) {
  std::lock_guard lock(mutex_);
  return by_key_.contains(key);
}

bool ChunkCache::read(ChunkKey key, uint64_t offset, std::span<char> into) {
  return read(key, offset, into, false);
}
bool ChunkCache::read_resident(ChunkKey key, uint64_t offset, std::span<char> into) {
  return read(key, offset, into, true);
}

bool ChunkCache::read(ChunkKey key, uint64_t offset, std::span<char> into, bool resident) {
  uint64_t at = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || offset + into.size() > found->second->size) return false;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    at = found->second->slot * chunk_bytes_ + offset;
  }
  // The slot may get another chunk meanwhile: then its checksums are wrong.
  const auto got = resident ? file_->read_cached(at, into) : file_->read(at, into);
  return got && *got == into.size();
}

std::optional<uint64_t> ChunkCache::take_slot() {
  if (free_.empty() && next_slot_ < slots_) return next_slot_++;
  if (free_.empty() && !by_use_.empty()) remove(std::prev(by_use_.end()));
  if (free_.empty()) return std::nullopt;
  const uint64_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void ChunkCache::remove(std::list<Entry>::iterator entry) {
  bytes_.fetch_sub(entry->size, std::memory_order_relaxed);
  free_.push_back(entry->slot);
  by_key_.erase(entry->key);
  by_use_.erase(entry);
}

void ChunkCache::put(ChunkKey key, const Slice& bytes) {
  if (!file_ || bytes.size() > chunk_bytes_) return;
  std::optional<uint64_t> slot;
  {
    std::lock_guard lock(mutex_);
    if (by_key_.contains(key)) return;
    slot = take_slot();
  }
  if (!slot) return;
  const auto written = file_->write(*slot * chunk_bytes_, bytes.view());
  if (!written && written.error().code == ErrorCode::kNoSpace) {
    clear();  // others need what there is
  } else if (!written) {
    log_warning("log", "{} can't be cached: {}", path_, written.error().message);
  }
  std::lock_guard lock(mutex_);
  if (!written || by_key_.contains(key)) {
    free_.push_back(*slot);
    return;
  }
  by_use_.push_front({key, *slot, bytes.size()});
  by_key_[key] = by_use_.begin();
  bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
}

void ChunkCache::drop(ChunkKey key) {
  std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) remove(found->second);
}

void ChunkCache::clear() {
  std::lock_guard lock(mutex_);
  while (!by_use_.empty()) remove(by_use_.begin());
  if (file_) std::ignore = file_->truncate(0);
}

}  // namespace millstream::local
