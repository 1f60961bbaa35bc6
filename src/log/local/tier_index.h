// What stays on the disk of a file that has moved to the object store: checksums, the index, and
// the arrival times of its batches, so that neither a start nor a search by time asks the store.
//
// Layout (docs/storage-format.md): head, checksums of the pages, index, offsets of the times, then
// the times, which are read for one block at a time. The same bytes stand beside the chunks in
// the store, for a log whose folder was lost in part.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/data_block.h"

namespace millstream::local {

// What a checksum covers: reads of a cached chunk check so much at least.
inline constexpr size_t kTierPageBytes = size_t{64} << 10;

struct TierIndex {
  uint64_t file_id = 0;
  DataKind kind = DataKind::kPack;
  uint64_t length = 0;          // of the file
  uint64_t chunk_bytes = 0;     // a multiple of kTierPageBytes
  std::vector<uint32_t> pages;  // CRC32C of each
  std::vector<IndexEntry> entries;
  std::vector<uint64_t> times;  // where each entry's times begin; and where the last ones end

  uint64_t chunks() const { return (length + chunk_bytes - 1) / chunk_bytes; }
  uint64_t chunk_size(uint64_t chunk) const {
    return std::min(chunk_bytes, length - chunk * chunk_bytes);
  }
  // Whether whole pages, from the one at `offset` of the file on, are what was uploaded.
  bool verify(uint64_t offset, std::string_view bytes) const;
};

// Where the records of one arrival time begin.
struct BatchTime {
  Counter first = 0;
  TimeMs arrival_ms = 0;
};

// The whole file. `times`: of the batches of each entry.
std::string encode_tier_index(const TierIndex& index,
                              const std::vector<std::vector<BatchTime>>& times);
// Errors: kCorruption (what to do).
Result<TierIndex> load_tier_index(File& file, const std::string& path);
Result<std::vector<BatchTime>> load_times(File& file, const std::string& path,
                                          const TierIndex& index, size_t entry);

}  // namespace millstream::local
