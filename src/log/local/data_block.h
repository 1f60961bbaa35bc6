// Bytes of packs and segments: header, blocks, index, trailer (docs/storage-format.md).
//
// A file is its header, then parts. A part is what one checkpoint wrote: blocks, an index of
// them (twice), a trailer. A pack has one part with blocks of many shards, a segment any number
// of parts with blocks of one shard. The manifest knows how far a file is valid; the last 64
// bytes before are the last part's trailer.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/shard_log.h"

namespace millstream::local {

inline constexpr size_t kDataHeaderSize = 64;
inline constexpr size_t kBlockHeadSize = 72;
inline constexpr size_t kBatchHeadSize = 24;
inline constexpr size_t kIndexHeadSize = 24;
inline constexpr size_t kIndexEntrySize = 56;
inline constexpr size_t kTrailerSize = 64;
// Blocks end after this many bytes of records: what a cold read fetches at least.
inline constexpr size_t kBlockBytes = size_t{256} << 10;

enum class DataKind : uint8_t { kPack = 1, kSegment = 2 };

struct DataHeader {
  DataKind kind = DataKind::kPack;
  uint64_t file_id = 0;
};
std::string encode_data_header(const DataHeader& header);
std::optional<DataHeader> decode_data_header(std::string_view bytes);

// Where the records of one block are.
struct IndexEntry {
  ShardId shard{};
  Counter first = 0;
  Counter end = 0;
  TimeMs first_arrival_ms = 0;
  TimeMs last_arrival_ms = 0;
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t records = 0;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};
std::string encode_index(const std::vector<IndexEntry>& entries);
std::optional<std::vector<IndexEntry>> decode_index(std::string_view bytes);

struct Trailer {
  uint64_t part_offset = 0;   // where the part begins; the previous one's trailer ends there
  uint64_t index_offset = 0;  // of the first copy; the second follows it
  uint64_t index_size = 0;    // of one copy
  friend bool operator==(const Trailer&, const Trailer&) = default;
};
std::string encode_trailer(const Trailer& trailer);
std::optional<Trailer> decode_trailer(std::string_view bytes);

// Gathers consecutive batches of one shard into a block, without copying their bodies.
class BlockBuilder {
 public:
  void start(ShardId shard);
  // Joins the batch before where the arrival time is the same and no number lies between.
  void add(Counter first, uint32_t records, TimeMs arrival_ms, Slice body);
  bool empty() const { return batches_.empty(); }
  uint64_t body_bytes() const { return body_bytes_; }
  uint64_t stored_bytes() const;

  // Bytes to write, in `parts`; they stay valid until start(). The entry's offset is to be set.
  IndexEntry finish(std::vector<iovec>& parts);

 private:
  struct Batch {
    Counter first = 0;
    TimeMs arrival_ms = 0;
    uint32_t records = 0;
    uint32_t bytes = 0;
  };
  ShardId shard_{};
  std::vector<Batch> batches_;
  std::vector<Slice> bodies_;
  uint64_t body_bytes_ = 0;
  std::string head_;
};

// The size of the block that starts with `head` (kBlockHeadSize bytes), as far as its head can
// be trusted: its checksum comes with decode_block.
std::optional<uint64_t> block_size(std::string_view head);

struct Block {
  ShardId shard{};
  std::vector<StoredBatch> batches;  // bodies point into the block's bytes
};
// Nothing where a checksum or the structure is wrong. `bytes` may be longer than the block.
std::optional<Block> decode_block(const Slice& bytes);

}  // namespace millstream::local
