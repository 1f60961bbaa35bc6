// The packs and segments that exist, and the manifest that says so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "log/local/committer.h"
#include "log/local/data_file.h"
#include "log/local/file_cache.h"
#include "log/local/health.h"
#include "log/local/manifest.h"

namespace millstream::local {

// Threads: the flusher's only (recovery's before it runs).
class FileCatalog {
 public:
  FileCatalog(Env& env, std::string folder, FileCache& cache, TierReader& tier, Health& health);

  const std::string& data_folder() const { return data_folder_; }
  std::string manifest_path() const { return folder_ + "/MANIFEST"; }
  const std::string& folder() const { return folder_; }

  // What the manifest on the disk says about shards, writers, epoch and position.
  const Manifest& state() const { return state_; }
  uint64_t next_id() { return state_.next_file_id++; }

  std::vector<DataFileRef>& files() { return files_; }

  // Takes over the manifest's files: cuts them to their length, fills the shards' extents,
  // deletes what the manifest doesn't list. Asks the object store only for an index that the disk
  // has lost.
  Result<> load(Manifest manifest, ShardTable& shards);

  // The manifest's entries for files().
  std::vector<ManifestFile> entries() const;
  // Replaces the manifest by `shown` with these files: durable, and the new state(), when this
  // returns. kNoSpace can be tried again; any other error is final (see Health).
  Result<> store(Manifest shown, std::vector<ManifestFile> files);
  // Deletes a file that the stored manifest doesn't list any more.
  void remove(const DataFileRef& file);
  // Called by remove() for tiered files: their objects are to go, too.
  void on_tiered_removed(std::function<void(const DataFile&)> callback) {
    tiered_removed_ = std::move(callback);
  }
  // The file, whose objects and index are durable, is in the object store from now on; the local
  // one is removed. Errors: as store().
  Result<> tier(const DataFileRef& file);

 private:
  Result<> load_file(const ManifestFile& entry, const std::vector<FileInfo>& present,
                     ShardTable& shards);
  // The blocks of a pack or a tiered file; nothing (reported) if they can't be known.
  Result<std::optional<LoadedIndex>> index_of(DataFile& file);
  Result<std::optional<LoadedIndex>> tier_index_of(DataFile& file);
  void remove_local(const std::string& path);
  void missing(const DataFile& file, std::string what);

  Env& env_;
  const std::string folder_;
  const std::string data_folder_;
  FileCache& cache_;
  TierReader& tier_;
  Health& health_;
  std::function<void(const DataFile&)> tiered_removed_;
  Manifest state_;
  std::vector<DataFileRef> files_;
};

ManifestFile entry_of(const DataFile& file);
// The extent of one entry of a pack's index, or of a whole segment.
Extent extent_of(const DataFileRef& file, const IndexEntry& entry);
Extent extent_of(const DataFileRef& segment);

}  // namespace millstream::local
