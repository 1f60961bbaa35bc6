#include "cli/shard_tracker.h"

#include "base/result.h"

namespace millstream::cli {

std::vector<std::string> ShardTracker::begin(std::span<const wire::kinesis::Shard> listed) {
  std::set<std::string> names;
  for (const auto& shard : listed) names.insert(shard.shard_id);
  std::vector<std::string> roots;
  for (const auto& shard : listed) {
    std::set<std::string> parents;
    for (const auto& parent : {shard.parent_shard_id, shard.adjacent_parent_shard_id}) {
      if (parent && names.contains(*parent)) parents.insert(*parent);
    }
    if (parents.empty()) {
      roots.push_back(shard.shard_id);
      reading_.insert(shard.shard_id);
      begun_.insert(shard.shard_id);
    } else {
      waiting_[shard.shard_id] = std::move(parents);
    }
  }
  return roots;
}

std::vector<std::string> ShardTracker::finish(const std::string& shard,
                                              std::span<const wire::kinesis::ChildShard> children) {
  MS_ASSERT(reading_.erase(shard) == 1);
  for (const auto& child : children) {
    if (begun_.contains(child.shard_id) || waiting_.contains(child.shard_id)) continue;
    auto& parents = waiting_[child.shard_id];
    for (const std::string& parent : child.parent_shards) {
      if (reading_.contains(parent) || waiting_.contains(parent)) parents.insert(parent);
    }
  }
  std::vector<std::string> ready;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    entry->second.erase(shard);
    if (entry->second.empty()) {
      ready.push_back(entry->first);
      reading_.insert(entry->first);
      begun_.insert(entry->first);
      entry = waiting_.erase(entry);
    } else {
      ++entry;
    }
  }
  return ready;
}

}  // namespace millstream::cli
