#include "log/local/data_file.h"

#include <algorithm>
#include <utility>

namespace millstream::local {
namespace {

// Bytes that a part may have in flight: more would make the journal's commits wait for them.
constexpr uint64_t kSyncEvery = uint64_t{16} << 20;
// Bytes of a write: enough for the disk's speed, and the journal's writes wait for one at most.
constexpr size_t kWriteBytes = size_t{1} << 20;

Result<std::string> read_exactly(File& file, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  TRY_ASSIGN(const size_t got, file.read(offset, bytes));
  bytes.resize(got);
  return bytes;
}

// What stands between the blocks of a part and its index, so that the part ends with a whole block
// of the disk.
Result<bool> is_padding(File& file, uint64_t offset, uint64_t end) {
  if (end - offset >= kDirectAlignment) return false;
  TRY_ASSIGN(const std::string bytes, read_exactly(file, offset, end - offset));
  return bytes.find_first_not_of('\0') == std::string::npos;
}

// Whether a part that ends at `end` can have this trailer. A right checksum says only that the
// bytes are as somebody wrote them.
bool fits(const Trailer& trailer, uint64_t end) {
  return trailer.part_offset >= kDataHeaderSize && trailer.part_offset <= trailer.index_offset &&
         trailer.index_offset < end && trailer.index_size <= (end - trailer.index_offset) / 2 &&
         trailer.index_offset + 2 * trailer.index_size + kTrailerSize == end;
}

// Whether the blocks are all where the part has blocks: readers fetch what the index says.
bool fits(const std::vector<IndexEntry>& entries, const Trailer& trailer) {
  return std::ranges::all_of(entries, [&](const IndexEntry& entry) {
    return entry.offset >= trailer.part_offset && entry.offset <= trailer.index_offset &&
           entry.size <= trailer.index_offset - entry.offset;
  });
}

// The blocks between two offsets, as far as one leads to the next.
Result<bool> scan_blocks(File& file, uint64_t offset, uint64_t end,
                         std::vector<IndexEntry>& entries) {
  while (offset + kBlockHeadSize <= end) {
    TRY_ASSIGN(const std::string head, read_exactly(file, offset, kBlockHeadSize));
    const auto size = block_size(head);
    if (!size || *size > end - offset) return is_padding(file, offset, end);
    BufferRef buffer = BufferRef::allocate(*size);
    TRY_ASSIGN(const size_t got, file.read(offset, {buffer->data(), *size}));
    const auto block = decode_block(Slice(buffer, got));
    if (block && !block->batches.empty()) {
      const StoredBatch& first = block->batches.front();
      const StoredBatch& last = block->batches.back();
      IndexEntry entry{block->shard,    first.first, last.first + last.records,    first.arrival_ms,
                       last.arrival_ms, offset,      static_cast<uint32_t>(*size), 0};
      for (const StoredBatch& batch : block->batches) entry.records += batch.records;
      entries.push_back(entry);
    } else {
      return false;
    }
    offset += *size;
  }
  return true;
}

}  // namespace

std::string data_file_path(const std::string& folder, DataKind kind, uint64_t id) {
  return fmt::format("{}/{:010}.{}", folder, id, kind == DataKind::kPack ? "pack" : "segment");
}

std::string tier_index_path(const std::string& data_path) {
  return data_path.substr(0, data_path.rfind('.')) + ".tier";
}

PartWriter::PartWriter(File& file, const DataHeader& header, uint64_t offset)
    : file_(file), part_offset_(offset == 0 ? kDataHeaderSize : offset), writer_(kWriteBytes) {
  writer_.start(file, offset);
  if (offset == 0) header_ = encode_data_header(header);
}

Result<IndexEntry> PartWriter::add(BlockBuilder& block) {
  TRY(writer_.add(header_));
  header_.clear();
  parts_.clear();
  IndexEntry entry = block.finish(parts_);
  entry.offset = writer_.offset();
  TRY(writer_.add(parts_));
  index_.push_back(entry);
  unsynced_ += entry.size;
  if (unsynced_ >= kSyncEvery) {
    TRY(file_.sync());
    unsynced_ = 0;
  }
  return entry;
}

Result<uint64_t> PartWriter::finish() {
  MS_ASSERT(!index_.empty());
  const std::string index = encode_index(index_);
  const uint64_t end = writer_.offset() + 2 * index.size() + kTrailerSize;
  const std::string padding((kDirectAlignment - end % kDirectAlignment) % kDirectAlignment, '\0');
  TRY(writer_.add(padding));
  const std::string trailer = encode_trailer(
      {.part_offset = part_offset_, .index_offset = writer_.offset(), .index_size = index.size()});
  TRY(writer_.add(index));
  TRY(writer_.add(index));
  TRY(writer_.add(trailer));
  TRY(writer_.flush());
  TRY(file_.sync());
  return writer_.offset();
}

Result<LoadedIndex> load_index(File& file, uint64_t length) {
  LoadedIndex loaded;
  std::vector<std::vector<IndexEntry>> parts;  // the last one first
  uint64_t end = length;
  while (end > kDataHeaderSize) {
    std::optional<Trailer> trailer;
    if (end >= kDataHeaderSize + kTrailerSize) {
      TRY_ASSIGN(const std::string bytes, read_exactly(file, end - kTrailerSize, kTrailerSize));
      trailer = decode_trailer(bytes);
    }
    if (!trailer || !fits(*trailer, end)) {
      // Without the trailer nothing says where the parts begin: take what the first one has.
      std::vector<IndexEntry> entries;
      TRY_ASSIGN(const bool whole, scan_blocks(file, kDataHeaderSize, end, entries));
      (void)whole;
      loaded.damaged = true;
      parts.push_back(std::move(entries));
      break;
    }
    std::optional<std::vector<IndexEntry>> entries;
    for (int copy = 0; copy < 2 && !entries; ++copy) {
      const uint64_t offset =
          trailer->index_offset + static_cast<uint64_t>(copy) * trailer->index_size;
      TRY_ASSIGN(const std::string bytes, read_exactly(file, offset, trailer->index_size));
      entries = decode_index(bytes);
      if (entries && !fits(*entries, *trailer)) entries.reset();
    }
    if (!entries) {
      entries.emplace();
      TRY_ASSIGN(const bool whole,
                 scan_blocks(file, trailer->part_offset, trailer->index_offset, *entries));
      if (!whole) loaded.damaged = true;
    }
    parts.push_back(*std::move(entries));
    end = trailer->part_offset;
  }
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
    loaded.entries.insert(loaded.entries.end(), it->begin(), it->end());
  }
  return loaded;
}

}  // namespace millstream::local
