#include "log/local/tail_cache.h"

namespace millstream::local {
namespace {

// Entries of runs that are gone, beyond as many as there are runs, before they are dropped.
constexpr size_t kStaleEntries = 4096;

}  // namespace

void TailCache::added(const ShardRef& shard, Counter end, size_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  runs_.fetch_add(1, std::memory_order_relaxed);
  order_.push_back({shard, end});
  while (bytes_.load(std::memory_order_relaxed) > limit_bytes_ && !order_.empty()) {
    const Entry oldest = std::move(order_.front());
    order_.pop_front();
    Freed freed;
    {
      std::lock_guard lock(oldest.shard->mutex);
      freed = oldest.shard->tail.evict(oldest.end);
    }
    released(freed);
  }
  if (order_.size() > 2 * runs_.load(std::memory_order_relaxed) + kStaleEntries) drop_stale();
}

void TailCache::released(Freed freed) {
  bytes_.fetch_sub(freed.bytes, std::memory_order_relaxed);
  runs_.fetch_sub(freed.runs, std::memory_order_relaxed);
}

void TailCache::drop_stale() {
  std::erase_if(order_, [](const Entry& entry) {
    std::lock_guard lock(entry.shard->mutex);
    return !entry.shard->tail.caches(entry.end);
  });
}

}  // namespace millstream::local
