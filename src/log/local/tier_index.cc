#include "log/local/tier_index.h"

#include <algorithm>

#include "base/hash.h"
#include "log/local/coding.h"

namespace millstream::local {
namespace {

constexpr uint32_t kMark = 0x4F4A534D;  // "MSJO"
constexpr uint32_t kFormatVersion = 1;
constexpr size_t kHeadSize = 64;
constexpr uint64_t kMaxFrontBytes = uint64_t{1} << 30;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::optional<uint64_t> get_varint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// CRC32C, then the steps from each batch to the next.
std::string encode_times(const IndexEntry& entry, const std::vector<BatchTime>& times) {
  std::string bytes(sizeof(uint32_t), '\0');
  BatchTime before{entry.first, entry.first_arrival_ms};
  for (const BatchTime& time : times) {
    put_varint(bytes, time.first - before.first);
    put_varint(bytes, static_cast<uint64_t>(time.arrival_ms - before.arrival_ms));
    before = time;
  }
  store_le(bytes.data(), crc32c(std::string_view(bytes).substr(sizeof(uint32_t))));
  return bytes;
}

std::unexpected<Error> broken(const std::string& path) {
  return fail(ErrorCode::kCorruption,
              "{} is damaged: without it the records of its file in the object store can't be read",
              path);
}

Result<std::string> read_exactly(File& file, const std::string& path, uint64_t offset,
                                 uint64_t size) {
  std::string bytes(size, '\0');
  TRY_ASSIGN(const size_t got, file.read(offset, bytes));
  if (got < size) return broken(path);
  return bytes;
}

// Of everything in front of the times, without mark and checksum themselves.
uint32_t checksum_of(std::string_view front) { return crc32c(front.substr(8)); }

}  // namespace

bool TierIndex::verify(uint64_t offset, std::string_view bytes) const {
  for (size_t page = offset / kTierPageBytes; !bytes.empty(); ++page) {
    const std::string_view one = bytes.substr(0, kTierPageBytes);
    if (page >= pages.size() || crc32c(one) != pages[page]) return false;
    bytes.remove_prefix(one.size());
  }
  return true;
}

std::string encode_tier_index(const TierIndex& index,
                              const std::vector<std::vector<BatchTime>>& times) {
  std::string entries = encode_index(index.entries);
  const uint64_t front = kHeadSize + index.pages.size() * sizeof(uint32_t) + entries.size() +
                         (times.size() + 1) * sizeof(uint64_t);
  std::string offsets;
  std::string area;
  ByteWriter offsets_out(offsets);
  for (size_t i = 0; i < times.size(); ++i) {
    offsets_out.put(front + area.size());
    area += encode_times(index.entries[i], times[i]);
  }
  offsets_out.put(front + area.size());

  std::string bytes;
  ByteWriter out(bytes);
  out.put(kMark);
  out.put(uint32_t{0});
  out.put(kFormatVersion);
  out.put(static_cast<uint32_t>(index.kind));
  out.put(index.file_id);
  out.put(index.length);
  out.put(index.chunk_bytes);
  out.put(front);
  out.put(uint64_t{entries.size()});
  bytes.resize(kHeadSize);
  for (const uint32_t page : index.pages) out.put(page);
  bytes += entries;
  bytes += offsets;
  MS_ASSERT(bytes.size() == front);
  store_le(bytes.data() + 4, checksum_of(bytes));
  return bytes + area;
}

Result<TierIndex> load_tier_index(File& file, const std::string& path) {
  TRY_ASSIGN(const std::string head, read_exactly(file, path, 0, kHeadSize));
  ByteReader in(head);
  if (in.get<uint32_t>() != kMark) return broken(path);
  const auto checksum = in.get<uint32_t>();
  if (in.get<uint32_t>() != kFormatVersion) return broken(path);
  TierIndex index;
  index.kind = static_cast<DataKind>(in.get<uint32_t>());
  index.file_id = in.get<uint64_t>();
  index.length = in.get<uint64_t>();
  index.chunk_bytes = in.get<uint64_t>();
  const auto front = in.get<uint64_t>();
  const auto entries_bytes = in.get<uint64_t>();
  const uint64_t pages = (index.length + kTierPageBytes - 1) / kTierPageBytes;
  if (front > kMaxFrontBytes || index.chunk_bytes == 0 || index.chunk_bytes % kTierPageBytes != 0 ||
      entries_bytes > front || kHeadSize + pages * sizeof(uint32_t) + entries_bytes > front) {
    return broken(path);
  }
  TRY_ASSIGN(const std::string bytes, read_exactly(file, path, 0, front));
  if (checksum_of(bytes) != checksum) return broken(path);
  ByteReader rest(std::string_view(bytes).substr(kHeadSize));
  index.pages.resize(pages);
  for (uint32_t& page : index.pages) page = rest.get<uint32_t>();
  const size_t at = kHeadSize + pages * sizeof(uint32_t);
  auto entries = decode_index(std::string_view(bytes).substr(at, entries_bytes));
  if (!entries) return broken(path);
  index.entries = *std::move(entries);
  ByteReader offsets(std::string_view(bytes).substr(at + entries_bytes));
  index.times.resize(index.entries.size() + 1);
  for (uint64_t& offset : index.times) offset = offsets.get<uint64_t>();
  if (!offsets.ok() || offsets.remaining() != 0) return broken(path);
  return index;
}

Result<std::vector<BatchTime>> load_times(File& file, const std::string& path,
                                          const TierIndex& index, size_t entry) {
  const uint64_t offset = index.times[entry];
  TRY_ASSIGN(const std::string bytes,
             read_exactly(file, path, offset, index.times[entry + 1] - offset));
  std::string_view rest = bytes;
  if (rest.size() < sizeof(uint32_t)) return broken(path);
  rest.remove_prefix(sizeof(uint32_t));
  if (crc32c(rest) != load_le<uint32_t>(bytes.data())) return broken(path);
  std::vector<BatchTime> times;
  BatchTime at{index.entries[entry].first, index.entries[entry].first_arrival_ms};
  while (!rest.empty()) {
    const auto counters = get_varint(rest);
    const auto ms = get_varint(rest);
    if (!counters || !ms) return broken(path);
    at.first += *counters;
    at.arrival_ms += static_cast<TimeMs>(*ms);
    times.push_back(at);
  }
  return times;
}

}  // namespace millstream::local
