#include "log/local/shard_state.h"

namespace millstream::local {

const ShardRef* ShardTable::place(ShardId shard) const {
  const auto id = static_cast<uint64_t>(shard);
  const auto page = pages_.find(id / kPageShards);
  return page == pages_.end() ? nullptr : &page->second->shards[id % kPageShards];
}

ShardRef ShardTable::find(ShardId shard) const {
  std::shared_lock lock(mutex_);
  const ShardRef* found = place(shard);
  return found ? *found : nullptr;
}

ShardState* ShardTable::peek(ShardId shard) const {
  const ShardRef* found = place(shard);
  return found ? found->get() : nullptr;
}

void ShardTable::insert(ShardRef shard) {
  const auto id = static_cast<uint64_t>(shard->id);
  std::unique_lock lock(mutex_);
  std::unique_ptr<Page>& page = pages_[id / kPageShards];
  if (!page) page = std::make_unique<Page>();
  ShardRef& place = page->shards[id % kPageShards];
  if (!place) ++page->used;
  place = std::move(shard);
}

void ShardTable::erase(ShardId shard) {
  const auto id = static_cast<uint64_t>(shard);
  std::unique_lock lock(mutex_);
  const auto page = pages_.find(id / kPageShards);
  if (page == pages_.end() || !page->second->shards[id % kPageShards]) return;
  page->second->shards[id % kPageShards].reset();
  if (--page->second->used == 0) pages_.erase(page);
}

std::vector<ShardRef> ShardTable::all() const {
  std::vector<ShardRef> shards;
  std::shared_lock lock(mutex_);
  shards.reserve(pages_.size() * kPageShards);
  for (const auto& [number, page] : pages_) {
    for (const ShardRef& shard : page->shards) {
      if (shard) shards.push_back(shard);
    }
  }
  return shards;
}

}  // namespace millstream::local
