// Packs and segments: what the log knows of each, and their writing.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/data_block.h"
#include "log/local/direct_writer.h"

namespace millstream::local {

// One pack or segment that the manifest lists, or will list once a checkpoint is complete.
//
// Threads: `length` grows (segments only) after the bytes below it are durable; `tiered` is for
//          all; the other members that change belong to the flusher's thread.
struct DataFile {
  uint64_t id = 0;
  DataKind kind = DataKind::kPack;
  std::string path;
  ShardId shard{};          // segments only
  TimeMs retention_ms = 0;  // packs: of all its shards
  uint32_t merges = 0;      // packs: how often its records were merged
  std::atomic<uint64_t> length{0};
  TimeMs first_arrival_ms = 0;
  TimeMs last_arrival_ms = 0;
  Counter first = 0;     // segments only
  Counter end = 0;       // segments only
  bool closed = false;   // no more parts
  bool damaged = false;  // left alone by merging and tiering
  // In the object store: `path` does not exist, its index stands in tier_index_path(). Never
  // goes back to false.
  std::atomic<bool> tiered{false};
  bool uploading = false;  // left alone by merging
};
using DataFileRef = std::shared_ptr<DataFile>;

std::string data_file_path(const std::string& folder, DataKind kind, uint64_t id);
// Of the index that stays when the file at `data_path` moves to the object store.
std::string tier_index_path(const std::string& data_path);

// Writes one part, durably or not at all.
//
// Threads: one. Errors leave bytes behind the file's length that nobody looks at; a file whose
//          sync failed must not be written to again.
class PartWriter {
 public:
  // At `offset` of `file`: 0 for a new file (its header is written), else the end of the last
  // part, which must be appendable().
  PartWriter(File& file, const DataHeader& header, uint64_t offset);

  // The entry of the block, with its offset.
  Result<IndexEntry> add(BlockBuilder& block);
  // Writes index and trailer, and syncs; the file's new length.
  Result<uint64_t> finish();

  // Whether a part may begin there: before parts ended with whole blocks, files could end
  // anywhere.
  static bool appendable(uint64_t offset) { return offset % kDirectAlignment == 0; }

  const std::vector<IndexEntry>& index() const { return index_; }

 private:
  File& file_;
  const uint64_t part_offset_;
  DirectWriter writer_;
  uint64_t unsynced_ = 0;
  std::string header_;
  std::vector<IndexEntry> index_;
  std::vector<iovec> parts_;
};

// The index of a file's first `length` bytes, all parts. Where both copies of a part's index
// are broken, it is made anew from the blocks; `damaged` tells that some could not be found.
struct LoadedIndex {
  std::vector<IndexEntry> entries;
  bool damaged = false;
};
Result<LoadedIndex> load_index(File& file, uint64_t length);

}  // namespace millstream::local
