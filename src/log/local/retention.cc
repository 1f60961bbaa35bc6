#include "log/local/retention.h"

#include <algorithm>
#include <unordered_set>

namespace millstream::local {

Result<> Retention::run() {
  if (health_.failed()) return std::unexpected(health_.failure());
  const TimeMs now = clock_.now_ms();
  std::unordered_set<const DataFile*> live;
  for (const ShardRef& shard : shards_.all()) {
    std::lock_guard lock(shard->mutex);
    const TimeMs cutoff = now - shard->durable.retention_ms;
    const Counter trim = shard->durable.trim;
    std::erase_if(shard->extents, [&](const Extent& extent) {
      return extent.last_arrival_ms < cutoff || extent.end <= trim;
    });
    std::erase_if(shard->damaged, [&](const DamagedRange& range) {
      return range.last_arrival_ms < cutoff || range.end <= trim;
    });
    for (const Extent& extent : shard->extents) live.insert(extent.file.get());
  }
  auto is_dead = [&](const DataFileRef& file) {
    if (live.contains(file.get())) return false;
    // What a damaged pack holds is not known.
    return !file->damaged || file->last_arrival_ms < now - file->retention_ms;
  };
  std::vector<DataFileRef> dead;
  std::vector<ManifestFile> entries;
  for (const DataFileRef& file : catalog_.files()) {
    if (is_dead(file)) {
      dead.push_back(file);
    } else {
      entries.push_back(entry_of(*file));
    }
  }
  if (dead.empty()) return {};
  TRY(catalog_.store(catalog_.state(), std::move(entries)));
  std::erase_if(catalog_.files(), [&](const DataFileRef& file) {
    return std::ranges::find(dead, file) != dead.end();
  });
  for (const DataFileRef& file : dead) catalog_.remove(file);
  return {};
}

}  // namespace millstream::local
