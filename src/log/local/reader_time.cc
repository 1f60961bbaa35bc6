// Where the records of a time are, and what a shard has.
#include <algorithm>

#include "log/local/reader.h"

namespace millstream::local {

size_t LogReader::find_run(const RunQueue& tail, TimeMs time) const {
  size_t low = 0;
  for (size_t high = tail.size(); low < high;) {
    const size_t middle = low + (high - low) / 2;
    const auto run = run_at(tail, middle);
    if (!run || run->arrival_ms < time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

awaitable<Result<Counter>> LogReader::position_at(ShardRef shard, TimeMs time) {
  co_return co_await with_least_access<Counter>(
      [this, shard, time](Access access) { return find_time(*shard, time, access); });
}

Result<std::optional<Counter>> LogReader::find_time(ShardState& shard, TimeMs time, Access access) {
  Extent extent;
  Counter trim = 0;
  {
    std::lock_guard lock(shard.mutex);
    if (!shard.durable.exists) {
      return fail(ErrorCode::kNotFound, "There is no shard {} in the log.",
                  static_cast<uint64_t>(shard.id));
    }
    trim = shard.durable.trim;
    const auto it = std::ranges::partition_point(
        shard.extents, [&](const Extent& e) { return e.last_arrival_ms < time; });
    if (it == shard.extents.end()) {
      // What is gone from the tail is in extents, all of them older.
      const size_t i = find_run(shard.tail, time);
      return i == shard.tail.size() ? shard.durable.tip : std::max(trim, shard.tail[i].first());
    }
    if (it->first_arrival_ms >= time) return std::max(trim, it->first);
    extent = *it;
  }
  if (extent.file->tiered) {
    if (access == Access::kCached) return std::nullopt;
    TRY_ASSIGN(const OpenDataFileRef open, files_.open(*extent.file));
    if (open->tiered) {
      TRY_ASSIGN(const auto found, find_tiered_time(extent, *open, time));
      return std::max(trim, found.value_or(extent.end));
    }
  }
  // Inside of the extent: the first block that reaches the time, then the batch.
  Counter at = extent.first;
  if (extent.offset == 0) {
    OpenDataFileRef open = files_.cached(*extent.file);
    if (!open) {
      if (access == Access::kCached) return std::nullopt;
      TRY_ASSIGN(open, files_.open(*extent.file));
    }
    TRY_ASSIGN(const auto index, index_of(*extent.file, *open, extent.end, access));
    if (!index) return std::nullopt;
    const auto it = std::ranges::partition_point(
        **index, [&](const IndexEntry& entry) { return entry.last_arrival_ms < time; });
    if (it == (*index)->end()) return std::max(trim, extent.end);
    if (it->first_arrival_ms >= time) return std::max(trim, it->first);
    at = it->first;
  }
  uint64_t bytes = 0;
  TRY_ASSIGN(const auto block, fetch_block(extent, at, access, bytes));
  if (!block) return std::nullopt;
  for (const StoredBatch& batch : block->batches) {
    if (batch.arrival_ms >= time) return std::max(trim, batch.first);
  }
  return std::max(trim, extent.end);
}

Result<std::optional<Counter>> LogReader::find_tiered_time(const Extent& extent,
                                                           const OpenDataFile& open, TimeMs time) {
  const std::vector<IndexEntry>& index = *open.index;
  const auto it = extent.offset == 0
                      ? std::ranges::lower_bound(index, time, {}, &IndexEntry::last_arrival_ms)
                      : std::ranges::lower_bound(index, extent.offset, {}, &IndexEntry::offset);
  if (it == index.end()) return std::nullopt;
  return open.tiered->find_time(static_cast<size_t>(it - index.begin()), time);
}

ShardStatus LogReader::status(ShardState& shard) const {
  const TimeMs now = clock_.now_ms();
  std::lock_guard lock(shard.mutex);
  const ShardState::Durable& durable = shard.durable;
  const TimeMs cutoff = now - durable.retention_ms;
  ShardStatus status;
  status.tip = durable.tip;
  status.sealed = durable.sealed;
  status.last_arrival_ms = durable.arrival_ms;
  status.first = durable.tip;
  if (const size_t i = find_run(shard.tail, cutoff); i < shard.tail.size()) {
    status.first = shard.tail[i].first();
  }
  status.stored_bytes = shard.tail.unflushed_bytes();
  for (const Extent& extent : shard.extents) {
    status.stored_bytes += extent.size;
    if (extent.last_arrival_ms >= cutoff) status.first = std::min(status.first, extent.first);
  }
  status.first = std::max(status.first, durable.trim);
  return status;
}

}  // namespace millstream::local
