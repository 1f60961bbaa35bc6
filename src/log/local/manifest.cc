#include "log/local/manifest.h"

#include <algorithm>

#include "base/hash.h"
#include "log/local/coding.h"

namespace millstream::local {
namespace {

constexpr uint32_t kManifestMark = 0x4D4A534D;  // "MSJM"
// Version 2 is written once a file is tiered: versions of Millstream that don't know of it refuse
// it, and take no such file for a missing one.
constexpr uint32_t kFormatVersion = 1;
constexpr uint32_t kTieredVersion = 2;
constexpr uint8_t kClosed = 1;
constexpr uint8_t kTiered = 2;
constexpr size_t kHeadSize = 24;

void put_shard(ByteWriter& out, const ManifestShard& shard) {
  out.put(shard.id);
  out.put(shard.options.retention_ms);
  out.put(shard.options.not_before_ms);
  out.put(shard.next);
  out.put(shard.trim);
  out.put(shard.arrival_ms);
  out.put(static_cast<uint8_t>(shard.sealed));
  out.put(static_cast<uint32_t>(shard.damaged.size()));
  for (const DamagedRange& range : shard.damaged) {
    out.put(range.first);
    out.put(range.end);
    out.put(range.last_arrival_ms);
    out.put_string(range.where);
  }
}

ManifestShard get_shard(ByteReader& in) {
  ManifestShard shard;
  shard.id = in.get<ShardId>();
  shard.options.retention_ms = in.get<TimeMs>();
  shard.options.not_before_ms = in.get<TimeMs>();
  shard.next = in.get<Counter>();
  shard.trim = in.get<Counter>();
  shard.arrival_ms = in.get<TimeMs>();
  shard.sealed = in.get<uint8_t>() != 0;
  shard.damaged.resize(in.get_count(28));
  for (DamagedRange& range : shard.damaged) {
    range.first = in.get<Counter>();
    range.end = in.get<Counter>();
    range.last_arrival_ms = in.get<TimeMs>();
    range.where = in.get_string();
  }
  return shard;
}

void put_file(ByteWriter& out, const ManifestFile& file) {
  out.put(file.id);
  out.put(file.kind);
  out.put(static_cast<uint8_t>((file.closed ? kClosed : 0) | (file.tiered ? kTiered : 0)));
  out.put(file.merges);
  out.put(file.shard);
  out.put(file.retention_ms);
  out.put(file.length);
  out.put(file.first_arrival_ms);
  out.put(file.last_arrival_ms);
  out.put(file.first);
  out.put(file.end);
}

ManifestFile get_file(ByteReader& in) {
  ManifestFile file;
  file.id = in.get<uint64_t>();
  file.kind = in.get<DataKind>();
  const auto flags = in.get<uint8_t>();
  file.closed = (flags & kClosed) != 0;
  file.tiered = (flags & kTiered) != 0;
  file.merges = in.get<uint32_t>();
  file.shard = in.get<ShardId>();
  file.retention_ms = in.get<TimeMs>();
  file.length = in.get<uint64_t>();
  file.first_arrival_ms = in.get<TimeMs>();
  file.last_arrival_ms = in.get<TimeMs>();
  file.first = in.get<Counter>();
  file.end = in.get<Counter>();
  return file;
}

void put_writer(ByteWriter& out, uint64_t id, const WriterState& writer) {
  out.put(id);
  out.put(writer.epoch);
  out.put(writer.last_number);
  out.put(static_cast<uint32_t>(writer.last.size()));
  for (const Appended& a : writer.last) {
    out.put(a.shard);
    out.put(a.first);
    out.put(a.records);
    out.put(a.arrival_ms);
  }
}

std::pair<uint64_t, WriterState> get_writer(ByteReader& in) {
  std::pair<uint64_t, WriterState> entry;
  auto& [id, writer] = entry;
  id = in.get<uint64_t>();
  writer.epoch = in.get<uint64_t>();
  writer.last_number = in.get<uint64_t>();
  writer.last.resize(in.get_count(28));
  for (Appended& a : writer.last) {
    a.shard = in.get<ShardId>();
    a.first = in.get<Counter>();
    a.records = in.get<uint32_t>();
    a.arrival_ms = in.get<TimeMs>();
  }
  return entry;
}

// Mark, checksum of all that follows it, version, spare, size of the whole.
uint32_t checksum_of(std::string_view bytes) {
  return crc32c(bytes.substr(8), crc32c(bytes.substr(0, 4)));
}

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string bytes;
  ByteWriter out(bytes);
  out.put(kManifestMark);
  out.put(uint32_t{0});
  const bool tiered = std::ranges::any_of(manifest.files, &ManifestFile::tiered);
  out.put(tiered ? kTieredVersion : kFormatVersion);
  out.put(uint32_t{0});
  out.put(uint64_t{0});
  out.put(manifest.epoch);
  out.put(manifest.position);
  out.put(manifest.closed_generation);
  out.put(manifest.next_file_id);
  out.put(static_cast<uint32_t>(manifest.shards.size()));
  for (const ManifestShard& shard : manifest.shards) put_shard(out, shard);
  out.put(static_cast<uint32_t>(manifest.files.size()));
  for (const ManifestFile& file : manifest.files) put_file(out, file);
  out.put(static_cast<uint32_t>(manifest.writers.size()));
  for (const auto& [id, writer] : manifest.writers) put_writer(out, id, writer);
  store_le(bytes.data() + 16, uint64_t{bytes.size()});
  store_le(bytes.data() + 4, checksum_of(bytes));
  return bytes;
}

Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path) {
  auto broken = [&](std::string_view what) {
    return fail(ErrorCode::kCorruption,
                "{} is damaged ({}): without it nothing says which records count. Restore the "
                "file, or the whole folder, from a backup.",
                path, what);
  };
  if (bytes.size() < kHeadSize || load_le<uint32_t>(bytes.data()) != kManifestMark ||
      load_le<uint64_t>(bytes.data() + 16) != bytes.size() ||
      load_le<uint32_t>(bytes.data() + 4) != checksum_of(bytes)) {
    return broken("wrong checksum");
  }
  const auto version = load_le<uint32_t>(bytes.data() + 8);
  if (version != kFormatVersion && version != kTieredVersion) {
    return broken("written by another version of Millstream");
  }
  ByteReader in(bytes.substr(kHeadSize));
  Manifest manifest;
  manifest.epoch = in.get<uint64_t>();
  manifest.position = in.get<Lsn>();
  manifest.closed_generation = in.get<uint64_t>();
  manifest.next_file_id = in.get<uint64_t>();
  manifest.shards.resize(in.get_count(53));
  for (ManifestShard& shard : manifest.shards) shard = get_shard(in);
  manifest.files.resize(in.get_count(70));
  for (ManifestFile& file : manifest.files) file = get_file(in);
  manifest.writers.resize(in.get_count(28));
  for (auto& writer : manifest.writers) writer = get_writer(in);
  if (!in.ok() || in.remaining() != 0) return broken("wrong structure");
  return manifest;
}

}  // namespace millstream::local
