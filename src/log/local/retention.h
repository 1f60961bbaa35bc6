// Deletes whole files once nobody may read a record in them.
#pragma once

#include "log/local/file_catalog.h"

namespace millstream::local {

// Threads: the flusher's.
class Retention {
 public:
  Retention(Clock& clock, FileCatalog& catalog, ShardTable& shards, Health& health)
      : clock_(clock), catalog_(catalog), shards_(shards), health_(health) {}

  // Drops what is older than its shard's retention, was trimmed, or whose shard was removed.
  Result<> run();

 private:
  Clock& clock_;
  FileCatalog& catalog_;
  ShardTable& shards_;
  Health& health_;
};

}  // namespace millstream::local
