#include "log/local/pack_merger.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "base/logging.h"

namespace millstream::local {
namespace {

constexpr size_t kFanIn = 8;
constexpr uint32_t kMaxMerges = 8;
// A merged pack spans at most this share of the retention: so much longer its oldest records
// may stay on the disk.
constexpr TimeMs kSpansOfRetention = 16;

}  // namespace

PackMerger::PackMerger(Env& env, FileCatalog& catalog, LogReader& reader, FileCache& cache,
                       ShardTable& shards, Health& health, MergeOptions options)
    : env_(env),
      catalog_(catalog),
      reader_(reader),
      cache_(cache),
      shards_(shards),
      health_(health),
      options_(options) {}

Result<bool> PackMerger::run() {
  if (health_.failed()) return false;
  const std::vector<DataFileRef> packs = choose();
  if (packs.empty()) return false;
  if (auto merged = merge(packs); !merged) {
    if (merged.error().code != ErrorCode::kCorruption) return std::unexpected(merged.error());
    // Reported by the reader. Left as they are: what is still good in them is served.
    for (const DataFileRef& pack : packs) pack->damaged = true;
  }
  return true;
}

// The oldest kFanIn packs of one retention, merged equally often, that are young enough together.
std::vector<DataFileRef> PackMerger::choose() const {
  std::map<std::pair<TimeMs, uint32_t>, std::vector<DataFileRef>> groups;
  for (const DataFileRef& file : catalog_.files()) {
    if (file->kind != DataKind::kPack || file->damaged || file->merges >= kMaxMerges) continue;
    if (file->tiered || file->uploading) continue;
    groups[{file->retention_ms, file->merges}].push_back(file);
  }
  for (auto& [key, packs] : groups) {
    if (packs.size() < kFanIn) continue;
    std::ranges::sort(packs, {}, &DataFile::id);
    const TimeMs span = std::max<TimeMs>(options_.roll_age.count(), key.first / kSpansOfRetention);
    for (size_t i = 0; i + kFanIn <= packs.size(); ++i) {
      const auto begin = packs.begin() + static_cast<ptrdiff_t>(i);
      const auto end = begin + kFanIn;
      TimeMs first = (*begin)->first_arrival_ms;
      TimeMs last = (*begin)->last_arrival_ms;
      uint64_t bytes = 0;
      for (auto it = begin; it != end; ++it) {
        first = std::min(first, (*it)->first_arrival_ms);
        last = std::max(last, (*it)->last_arrival_ms);
        bytes += (*it)->length;
      }
      if (last - first <= span && bytes <= options_.roll_bytes) return {begin, end};
    }
  }
  return {};
}

Result<> PackMerger::copy(ShardState& shard, const std::vector<Extent>& extents, PartWriter& part) {
  BlockBuilder block;
  block.start(shard.id);
  for (const Extent& extent : extents) {
    TRY_ASSIGN(const OpenDataFileRef open, cache_.open(*extent.file));
    TRY_ASSIGN(const Block stored,
               reader_.read_block(*extent.file, *open, extent.offset, extent.size));
    for (const StoredBatch& batch : stored.batches) {
      block.add(batch.first, batch.records, batch.arrival_ms, batch.body);
      if (block.body_bytes() < kBlockBytes) continue;
      TRY(part.add(block));
      block.start(shard.id);
    }
  }
  if (!block.empty()) TRY(part.add(block));
  return {};
}

Result<> PackMerger::merge(const std::vector<DataFileRef>& packs) {
  auto is_source = [&](const DataFileRef& file) {
    return std::ranges::find(packs, file) != packs.end();
  };
  auto merged = std::make_shared<DataFile>();
  merged->id = catalog_.next_id();
  merged->path = data_file_path(catalog_.data_folder(), DataKind::kPack, merged->id);
  merged->retention_ms = packs.front()->retention_ms;
  merged->merges = packs.front()->merges + 1;
  merged->closed = true;

  std::vector<std::pair<ShardRef, std::vector<Extent>>> results;
  bool written = false;
  auto write = [&]() -> Result<> {
    TRY_ASSIGN(const auto file, env_.open(merged->path, OpenMode::kCreateNew));
    PartWriter part(*file, {DataKind::kPack, merged->id}, 0);
    std::vector<ShardRef> all = shards_.all();
    std::ranges::sort(all, {}, [](const ShardRef& shard) { return shard->id; });
    const TimeMs now = env_.now_ms();
    for (ShardRef& shard : all) {
      // Those that follow one another. A block must not span records that another file (a
      // segment of busier times, a pack left out) holds: readers would skip these.
      std::vector<std::vector<Extent>> groups;
      {
        std::lock_guard lock(shard->mutex);
        const TimeMs cutoff = now - shard->durable.retention_ms;
        bool follows = false;
        for (const Extent& extent : shard->extents) {
          const bool source = is_source(extent.file);
          const bool wanted = extent.last_arrival_ms >= cutoff && extent.end > shard->durable.trim;
          if (source && wanted) {
            if (!follows) groups.emplace_back();
            groups.back().push_back(extent);
          }
          follows = source && !groups.empty();
        }
      }
      if (groups.empty()) continue;
      const size_t before = part.index().size();
      for (const auto& extents : groups) {
        TRY(copy(*shard, extents, part));
      }
      std::vector<Extent> made;
      for (size_t i = before; i < part.index().size(); ++i) {
        made.push_back(extent_of(merged, part.index()[i]));
      }
      results.emplace_back(std::move(shard), std::move(made));
    }
    if (part.index().empty()) return {};
    TRY_ASSIGN(const uint64_t length, part.finish());
    merged->length = length;
    merged->first_arrival_ms =
        std::ranges::min(part.index(), {}, &IndexEntry::first_arrival_ms).first_arrival_ms;
    merged->last_arrival_ms =
        std::ranges::max(part.index(), {}, &IndexEntry::last_arrival_ms).last_arrival_ms;
    written = true;
    return env_.sync_folder(catalog_.data_folder());
  };
  auto store = [&]() -> Result<> {
    TRY(write());
    std::vector<ManifestFile> entries;
    for (const DataFileRef& file : catalog_.files()) {
      if (!is_source(file)) entries.push_back(entry_of(*file));
    }
    if (written) entries.push_back(entry_of(*merged));
    return catalog_.store(catalog_.state(), std::move(entries));
  };
  if (auto stored = store(); !stored) {
    if (!health_.failed()) std::ignore = env_.remove(merged->path);
    return stored;
  }
  for (auto& [shard, made] : results) {
    std::lock_guard lock(shard->mutex);
    std::erase_if(shard->extents, [&](const Extent& extent) { return is_source(extent.file); });
    shard->extents.insert(shard->extents.end(), made.begin(), made.end());
    std::ranges::sort(shard->extents, {}, &Extent::first);
  }
  // What was expired or trimmed was not copied.
  for (const ShardRef& shard : shards_.all()) {
    std::lock_guard lock(shard->mutex);
    std::erase_if(shard->extents, [&](const Extent& extent) { return is_source(extent.file); });
  }
  std::erase_if(catalog_.files(), is_source);
  if (written) {
    catalog_.files().push_back(merged);
  } else {
    std::ignore = env_.remove(merged->path);
  }
  for (const DataFileRef& pack : packs) catalog_.remove(pack);
  return {};
}

}  // namespace millstream::local
