#include "log/local/file_catalog.h"

#include <algorithm>

#include "base/logging.h"

namespace millstream::local {

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

FileCatalog::FileCatalog(Env& env, std::string folder, FileCache& cache, Health& health)
    : env_(env),
      folder_(std::move(folder)),
      data_folder_(folder_ + "/data"),
      cache_(cache),
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
  for (const FileInfo& info : present) {
    const std::string path = data_folder_ + "/" + info.name;
    const bool known =
        std::ranges::any_of(files_, [&](const DataFileRef& file) { return file->path == path; });
    if (!known && !info.is_folder) TRY(env_.remove(path));
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
  file->tier = entry.tier;
  file->length = entry.length;
  file->first_arrival_ms = entry.first_arrival_ms;
  file->last_arrival_ms = entry.last_arrival_ms;
  file->first = entry.first;
  file->end = entry.end;
  file->closed = entry.closed;
  files_.push_back(file);

  const std::string name = file->path.substr(data_folder_.size() + 1);
  const auto info = std::ranges::find(present, name, &FileInfo::name);
  if (info == present.end()) {
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
  if (file->kind == DataKind::kSegment) {
    if (file->damaged) file->closed = true;
    if (const ShardRef shard = shards.find(file->shard)) {
      shard->extents.push_back(extent_of(file));
    }
    return {};
  }
  if (info == present.end()) return {};
  TRY_ASSIGN(const OpenDataFileRef open, cache_.open(*file));
  TRY_ASSIGN(const LoadedIndex index, load_index(*open->file, entry.length));
  if (index.damaged) {
    missing(*file, "the pack's index and some of its blocks are damaged");
    file->damaged = true;
  }
  for (const IndexEntry& block : index.entries) {
    const ShardRef shard = shards.find(block.shard);
    if (shard && block.end > shard->durable.trim) {
      shard->extents.push_back(extent_of(file, block));
    }
  }
  return {};
}

ManifestFile entry_of(const DataFile& file) {
  return {.id = file.id,
          .kind = file.kind,
          .closed = file.closed,
          .tier = file.tier,
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

void FileCatalog::remove(const DataFileRef& file) {
  cache_.forget(file->id);
  if (auto removed = env_.remove(file->path); !removed) {
    // Deleted at the next start, since the manifest does not list it.
    log_warning("log", "{} is not needed, but: {}", file->path, removed.error().message);
  }
}

}  // namespace millstream::local
