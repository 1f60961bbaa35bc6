#include "log/local/shard_state.h"

namespace millstream::local {

ShardRef ShardTable::find(ShardId shard) const {
  std::shared_lock lock(mutex_);
  const auto it = shards_.find(shard);
  return it == shards_.end() ? nullptr : it->second;
}

void ShardTable::insert(ShardRef shard) {
  std::unique_lock lock(mutex_);
  const ShardId id = shard->id;
  shards_.insert_or_assign(id, std::move(shard));
}

void ShardTable::erase(ShardId shard) {
  std::unique_lock lock(mutex_);
  shards_.erase(shard);
}

std::vector<ShardRef> ShardTable::all() const {
  std::vector<ShardRef> shards;
  std::shared_lock lock(mutex_);
  shards.reserve(shards_.size());
  for (const auto& [id, shard] : shards_) shards.push_back(shard);
  return shards;
}

}  // namespace millstream::local
