// Moves what the journal holds into packs and segments.
#pragma once

#include <vector>

#include "log/local/file_catalog.h"
#include "log/local/reader.h"

namespace millstream::local {

struct CheckpointOptions {
  uint64_t segment_bytes = uint64_t{1} << 20;  // a shard with more gets a segment of its own
  uint64_t roll_bytes = 0;
  std::chrono::milliseconds roll_age{};
};

// Threads: the flusher's.
class Checkpointer {
 public:
  Checkpointer(Env& env, Committer& committer, JournalSpace& space, FileCatalog& catalog,
               TailFrames& frames, LogReader& reader, Health& health, CheckpointOptions options);

  // All that is durable when this starts is in packs and segments, and the manifest says so,
  // when it returns; then the journal's files are free. After an error nothing has changed.
  // `closed_generation`: see Manifest.
  Result<> run(uint64_t closed_generation = 0);

 private:
  // What one shard gives to this checkpoint.
  struct Share {
    ShardRef shard;
    TimeMs retention_ms = 0;
    uint64_t bytes = 0;
    Counter end = 0;
    DataFileRef segment;                // open for more; null: none
    std::vector<DamagedRange> damaged;  // found while it was written
  };
  // A file as it will be once the manifest is stored.
  struct Written {
    DataFileRef file;
    ManifestFile entry;
    bool is_new = false;
    std::vector<std::pair<ShardRef, Extent>> extents;  // packs only
  };

  std::vector<Share> shares(const Snapshot& snapshot) const;
  Result<> write(std::vector<Share>& shares);
  Result<> write_pack(std::span<Share*> members);
  Result<> write_segment(Share& share);
  Result<> write_runs(Share& share, PartWriter& part);
  void prefetch(std::span<const RunRef> runs) const;
  Result<> write_run(Share& share, const RunRef& run, BlockBuilder& block, PartWriter& part);
  DataFileRef new_file(DataKind kind);
  Manifest manifest_of(const Snapshot& snapshot, const std::vector<Share>& shares) const;
  void install(const std::vector<Share>& shares);
  void discard();

  Env& env_;
  Committer& committer_;
  JournalSpace& space_;
  FileCatalog& catalog_;
  TailFrames& frames_;
  LogReader& reader_;
  Health& health_;
  const CheckpointOptions options_;

  // Of the run at hand.
  std::vector<TailFrameRef> pending_;  // frames that it moves
  FrameNumber first_pending_ = 0;
  std::vector<RunRef> runs_;
  std::vector<Slice> bodies_;
  std::vector<Written> written_;
};

}  // namespace millstream::local
