#include "log/local/file_catalog.h"

#include <algorithm>
#include <unordered_set>

#include "base/logging.h"

namespace millstream::local {

namespace {

// By the name that `path` ends with; `sorted` is what Env::list() gives.
const FileInfo* find_file(const std::vector<FileInfo>& sorted, const std::string& path) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  const auto found = std::ranges::lower_bound(sorted, name, {}, &FileInfo::name);
  return found != sorted.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

Extent extent_of(const DataFileRef& file, const IndexEntry& entry) {
  return {.first = entry.first,
          .end = entry.end,
          .first_arrival_ms = entry.first_arrival_ms,
          .last_arrival_ms = entry.last_arrival_ms,
          .file = file,
          .offset = entry.offset,
          .size = entry.size};
}

Extent extent_of(const DataFileRef& segment) {
  return {.first = segment->first,
          .end = segment->end,
          .first_arrival_ms = segment->first_arrival_ms,
          .last_arrival_ms = segment->last_arrival_ms,
          .file = segment,
          .offset = 0,
          .size = segment->length};
}

FileCatalog::FileCatalog(Env& env, std::string folder, FileCache& cache, TierReader& tier,
                         Health& health)
    : env_(env),
      folder_(std::move(folder)),
      data_folder_(folder_ + "/data"),
      cache_(cache),
      tier_(tier),
      health_(health) {}

void FileCatalog::missing(const DataFile& file, std::string what) {
  health_.add({file.path, 0, file.length,
               fmt::format("{}: reads that need its records fail or skip them. Restore the file "
                           "from a backup if there is one.",
                           what)});
}

Result<> FileCatalog::load(Manifest manifest, ShardTable& shards) {
  state_ = std::move(manifest);
  TRY_ASSIGN(const std::vector<FileInfo> present, env_.list(data_folder_));
  for (const ManifestFile& entry : state_.files) TRY(load_file(entry, present, shards));
  state_.files.clear();
  std::unordered_set<std::string> known;
  for (const DataFileRef& file : files_) {
    known.insert(file->tiered ? tier_index_path(file->path) : file->path);
  }
  for (const FileInfo& info : present) {
    const std::string path = data_folder_ + "/" + info.name;
    if (!known.contains(path) && !info.is_folder) TRY(env_.remove(path));
  }
  for (const ShardRef& shard : shards.all()) {
    std::ranges::sort(shard->extents, {}, &Extent::first);
  }
  return {};
}

Result<> FileCatalog::load_file(const ManifestFile& entry, const std::vector<FileInfo>& present,
                                ShardTable& shards) {
  auto file = std::make_shared<DataFile>();
  file->id = entry.id;
  file->kind = entry.kind;
  file->path = data_file_path(data_folder_, entry.kind, entry.id);
  file->shard = entry.shard;
  file->retention_ms = entry.retention_ms;
  file->tiered = entry.tiered;
  file->merges = entry.merges;
  file->length = entry.length;
  file->first_arrival_ms = entry.first_arrival_ms;
  file->last_arrival_ms = entry.last_arrival_ms;
  file->first = entry.first;
  file->end = entry.end;
  file->closed = entry.closed;
  files_.push_back(file);

  std::optional<LoadedIndex> index;
  if (file->tiered) {
    ++tier_.counters().files;
    tier_.counters().bytes += file->length;
    const bool there = find_file(present, tier_index_path(file->path)) != nullptr;
    // A segment's is read when it is needed: there may be very many.
    if (file->kind == DataKind::kPack || !there) {
      TRY_ASSIGN(index, tier_index_of(*file));
    }
  } else {
    const FileInfo* info = find_file(present, file->path);
    if (info == nullptr) {
      missing(*file, "the file is missing");
      file->damaged = true;
    } else if (info->size < entry.length) {
      missing(*file, "the file is too short");
      file->damaged = true;
    } else if (info->size > entry.length) {
      // A checkpoint that was not completed.
      TRY_ASSIGN(const auto open, env_.open(file->path, OpenMode::kReadWrite));
      TRY(open->truncate(entry.length));
    }
    if (file->kind == DataKind::kPack && info != nullptr) {
      TRY_ASSIGN(index, index_of(*file));
    }
  }
  if (file->kind == DataKind::kSegment) {
    if (file->damaged) file->closed = true;
    if (const ShardRef shard = shards.find(file->shard)) {
      shard->extents.push_back(extent_of(file));
    }
    return {};
  }
  if (!index) return {};
  for (const IndexEntry& block : index->entries) {
    const ShardRef shard = shards.find(block.shard);
    if (shard && block.end > shard->durable.trim) {
      shard->extents.push_back(extent_of(file, block));
    }
  }
  return {};
}

Result<std::optional<LoadedIndex>> FileCatalog::index_of(DataFile& file) {
  TRY_ASSIGN(const OpenDataFileRef open, cache_.open(file));
  TRY_ASSIGN(LoadedIndex index, load_index(*open->file, file.length));
  if (index.damaged) {
    missing(file, "the pack's index and some of its blocks are damaged");
    file.damaged = true;
  }
  return index;
}

Result<std::optional<LoadedIndex>> FileCatalog::tier_index_of(DataFile& file) {
  const auto open = TieredFile::open(tier_, file);
  if (!open && tier_.has_store()) return std::unexpected(open.error());
  if (!open) {
    missing(file, open.error().message);
    file.damaged = true;
    return std::nullopt;
  }
  return LoadedIndex{.entries = *(*open)->entries()};
}

ManifestFile entry_of(const DataFile& file) {
  return {.id = file.id,
          .kind = file.kind,
          .closed = file.closed,
          .tiered = file.tiered,
          .merges = file.merges,
          .shard = file.shard,
          .retention_ms = file.retention_ms,
          .length = file.length,
          .first_arrival_ms = file.first_arrival_ms,
          .last_arrival_ms = file.last_arrival_ms,
          .first = file.first,
          .end = file.end};
}

std::vector<ManifestFile> FileCatalog::entries() const {
  std::vector<ManifestFile> entries;
  entries.reserve(files_.size());
  for (const DataFileRef& file : files_) entries.push_back(entry_of(*file));
  return entries;
}

Result<> FileCatalog::store(Manifest shown, std::vector<ManifestFile> files) {
  shown.next_file_id = state_.next_file_id;
  shown.files = std::move(files);
  auto stored = env_.write_file_durably(manifest_path(), encode_manifest(shown));
  if (stored) {
    state_ = std::move(shown);
    state_.files.clear();
    return {};
  }
  if (stored.error().code != ErrorCode::kNoSpace) {
    health_.fail({manifest_path(), 0, 0,
                  fmt::format("Replacing the log's manifest failed: {}. Which one the disk holds "
                              "is unknown, so nothing more is acknowledged; check the disk, "
                              "then restart the server.",
                              stored.error().message)});
  }
  return stored;
}

Result<> FileCatalog::tier(const DataFileRef& file) {
  std::vector<ManifestFile> all = entries();
  std::ranges::find(all, file->id, &ManifestFile::id)->tiered = true;
  TRY(store(state_, std::move(all)));
  file->tiered = true;
  file->uploading = false;
  ++tier_.counters().files;
  tier_.counters().bytes += file->length;
  cache_.forget(file->id);
  remove_local(file->path);
  return {};
}

void FileCatalog::remove(const DataFileRef& file) {
  cache_.forget(file->id);
  if (!file->tiered) {
    remove_local(file->path);
    return;
  }
  --tier_.counters().files;
  tier_.counters().bytes -= file->length;
  remove_local(tier_index_path(file->path));
  if (tiered_removed_) tiered_removed_(*file);
}

void FileCatalog::remove_local(const std::string& path) {
  if (auto removed = env_.remove(path); !removed) {
    // Deleted at the next start, since the manifest does not list it.
    log_warning("log", "{} is not needed, but: {}", path, removed.error().message);
  }
}

}  // namespace millstream::local
