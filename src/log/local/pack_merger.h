// Merges packs, so that their number stays small and what was deleted goes away.
#pragma once

#include <vector>

#include "log/local/file_catalog.h"
#include "log/local/reader.h"

namespace millstream::local {

struct MergeOptions {
  uint64_t roll_bytes = 0;
  std::chrono::milliseconds roll_age{};
};

// Threads: the flusher's.
class PackMerger {
 public:
  PackMerger(Env& env, FileCatalog& catalog, LogReader& reader, FileCache& cache,
             ShardTable& shards, Health& health, MergeOptions options);

  // Does one merge, if there is one to do; true if there may be another.
  Result<bool> run();

 private:
  std::vector<DataFileRef> choose() const;
  Result<> merge(const std::vector<DataFileRef>& packs);
  Result<> copy(ShardState& shard, const std::vector<Extent>& extents, PartWriter& part);

  Env& env_;
  FileCatalog& catalog_;
  LogReader& reader_;
  FileCache& cache_;
  ShardTable& shards_;
  Health& health_;
  const MergeOptions options_;
};

}  // namespace millstream::local
