#include "log/local/data_block.h"

#include "base/hash.h"
#include "log/local/coding.h"

namespace millstream::local {
namespace {

constexpr uint32_t kFileMark = 0x444A534D;     // "MSJD"
constexpr uint32_t kBlockMark = 0x424A534D;    // "MSJB"
constexpr uint32_t kIndexMark = 0x494A534D;    // "MSJI"
constexpr uint32_t kTrailerMark = 0x544A534D;  // "MSJT"
constexpr uint32_t kFormatVersion = 1;

// Each structure starts with its mark, then the CRC32C of everything else.
uint32_t checksum_of(std::string_view bytes) {
  return crc32c(bytes.substr(8), crc32c(bytes.substr(0, 4)));
}

void seal(std::string& bytes) { store_le(bytes.data() + 4, checksum_of(bytes)); }

bool sealed(std::string_view bytes, uint32_t mark) {
  return bytes.size() >= 8 && load_le<uint32_t>(bytes.data()) == mark &&
         load_le<uint32_t>(bytes.data() + 4) == checksum_of(bytes);
}

ByteReader body_of(std::string_view bytes) { return ByteReader(bytes.substr(8)); }

}  // namespace

std::string encode_data_header(const DataHeader& header) {
  std::string bytes;
  ByteWriter out(bytes);
  out.put(kFileMark);
  out.put(uint32_t{0});
  out.put(kFormatVersion);
  out.put(static_cast<uint32_t>(header.kind));
  out.put(header.file_id);
  bytes.resize(kDataHeaderSize);
  seal(bytes);
  return bytes;
}

std::optional<DataHeader> decode_data_header(std::string_view bytes) {
  if (bytes.size() != kDataHeaderSize || !sealed(bytes, kFileMark)) return {};
  ByteReader in = body_of(bytes);
  if (in.get<uint32_t>() != kFormatVersion) return {};
  DataHeader header;
  header.kind = static_cast<DataKind>(in.get<uint32_t>());
  header.file_id = in.get<uint64_t>();
  return header;
}

std::string encode_index(const std::vector<IndexEntry>& entries) {
  std::string bytes;
  bytes.reserve(kIndexHeadSize + entries.size() * kIndexEntrySize);
  ByteWriter out(bytes);
  out.put(kIndexMark);
  out.put(uint32_t{0});
  out.put(uint64_t{entries.size()});
  out.put(uint64_t{0});
  for (const IndexEntry& e : entries) {
    out.put(e.shard);
    out.put(e.first);
    out.put(e.end);
    out.put(e.first_arrival_ms);
    out.put(e.last_arrival_ms);
    out.put(e.offset);
    out.put(e.size);
    out.put(e.records);
  }
  seal(bytes);
  return bytes;
}

std::optional<std::vector<IndexEntry>> decode_index(std::string_view bytes) {
  if (!sealed(bytes, kIndexMark)) return {};
  ByteReader in = body_of(bytes);
  const auto count = in.get<uint64_t>();
  in.get<uint64_t>();
  if (!in.ok() || count != in.remaining() / kIndexEntrySize) return {};
  std::vector<IndexEntry> entries(count);
  for (IndexEntry& e : entries) {
    e.shard = in.get<ShardId>();
    e.first = in.get<Counter>();
    e.end = in.get<Counter>();
    e.first_arrival_ms = in.get<TimeMs>();
    e.last_arrival_ms = in.get<TimeMs>();
    e.offset = in.get<uint64_t>();
    e.size = in.get<uint32_t>();
    e.records = in.get<uint32_t>();
  }
  return entries;
}

std::string encode_trailer(const Trailer& trailer) {
  std::string bytes;
  ByteWriter out(bytes);
  out.put(kTrailerMark);
  out.put(uint32_t{0});
  out.put(trailer.part_offset);
  out.put(trailer.index_offset);
  out.put(trailer.index_size);
  bytes.resize(kTrailerSize);
  seal(bytes);
  return bytes;
}

std::optional<Trailer> decode_trailer(std::string_view bytes) {
  if (bytes.size() != kTrailerSize || !sealed(bytes, kTrailerMark)) return {};
  ByteReader in = body_of(bytes);
  Trailer trailer;
  trailer.part_offset = in.get<uint64_t>();
  trailer.index_offset = in.get<uint64_t>();
  trailer.index_size = in.get<uint64_t>();
  return trailer;
}

void BlockBuilder::start(ShardId shard) {
  shard_ = shard;
  batches_.clear();
  bodies_.clear();
  body_bytes_ = 0;
}

void BlockBuilder::add(Counter first, uint32_t records, TimeMs arrival_ms, Slice body) {
  const auto bytes = static_cast<uint32_t>(body.size());
  bodies_.push_back(std::move(body));
  body_bytes_ += bytes;
  if (!batches_.empty()) {
    Batch& last = batches_.back();
    MS_ASSERT(last.first + last.records <= first);
    if (last.arrival_ms == arrival_ms && last.first + last.records == first) {
      last.records += records;
      last.bytes += bytes;
      return;
    }
  }
  batches_.push_back({first, arrival_ms, records, bytes});
}

uint64_t BlockBuilder::stored_bytes() const {
  return kBlockHeadSize + batches_.size() * kBatchHeadSize + body_bytes_;
}

IndexEntry BlockBuilder::finish(std::vector<iovec>& parts) {
  MS_ASSERT(!empty());
  IndexEntry entry;
  entry.shard = shard_;
  entry.first = batches_.front().first;
  entry.end = batches_.back().first + batches_.back().records;
  entry.first_arrival_ms = batches_.front().arrival_ms;
  entry.last_arrival_ms = batches_.back().arrival_ms;
  entry.size = static_cast<uint32_t>(stored_bytes());
  const auto payload = static_cast<uint32_t>(stored_bytes() - kBlockHeadSize);
  head_.clear();
  ByteWriter out(head_);
  out.put(kBlockMark);
  out.put(uint32_t{0});
  out.put(uint8_t{0});  // codec: stored as it is
  out.put(uint8_t{0});
  out.put(uint16_t{0});
  out.put(uint32_t{0});  // key id: not encrypted
  out.put(shard_);
  out.put(entry.first);
  out.put(entry.end);
  out.put(entry.first_arrival_ms);
  out.put(entry.last_arrival_ms);
  out.put(static_cast<uint32_t>(batches_.size()));
  out.put(payload);  // as records
  out.put(payload);  // as stored
  out.put(uint32_t{0});
  for (const Batch& batch : batches_) {
    entry.records += batch.records;
    out.put(batch.first);
    out.put(batch.arrival_ms);
    out.put(batch.records);
    out.put(batch.bytes);
  }
  uint32_t crc = checksum_of(head_);
  for (const Slice& body : bodies_) crc = crc32c(body.view(), crc);
  store_le(head_.data() + 4, crc);
  parts.push_back({head_.data(), head_.size()});
  for (const Slice& body : bodies_) {
    parts.push_back({const_cast<char*>(body.data()), body.size()});
  }
  return entry;
}

std::optional<uint64_t> block_size(std::string_view head) {
  if (head.size() < kBlockHeadSize || load_le<uint32_t>(head.data()) != kBlockMark) return {};
  return kBlockHeadSize + uint64_t{load_le<uint32_t>(head.data() + 64)};
}

std::optional<Block> decode_block(const Slice& bytes) {
  const auto size = block_size(bytes.view());
  if (!size || *size > bytes.size()) return {};
  const std::string_view all = bytes.view().substr(0, *size);
  if (!sealed(all, kBlockMark)) return {};
  ByteReader in = body_of(all);
  if (in.get<uint8_t>() != 0) return {};  // a codec of a later version
  in.get<uint8_t>();
  in.get<uint16_t>();
  if (in.get<uint32_t>() != 0) return {};  // encrypted by a later version
  Block block;
  block.shard = in.get<ShardId>();
  for (int i = 0; i < 4; ++i) in.get<uint64_t>();
  const auto count = in.get<uint32_t>();
  for (int i = 0; i < 3; ++i) in.get<uint32_t>();
  if (count > in.remaining() / kBatchHeadSize) return {};
  block.batches.resize(count);
  uint64_t offset = kBlockHeadSize + uint64_t{count} * kBatchHeadSize;
  for (StoredBatch& batch : block.batches) {
    batch.first = in.get<Counter>();
    batch.arrival_ms = in.get<TimeMs>();
    batch.records = in.get<uint32_t>();
    const auto body_bytes = in.get<uint32_t>();
    if (body_bytes > *size - offset) return {};
    batch.body = bytes.sub(offset, body_bytes);
    offset += body_bytes;
  }
  if (!in.ok() || offset != *size) return {};
  return block;
}

}  // namespace millstream::local
