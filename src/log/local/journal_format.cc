#include "log/local/journal_format.h"

#include <cstring>

#include "base/hash.h"
#include "log/local/coding.h"

namespace millstream::local {
namespace {

constexpr uint32_t kHeaderMark = 0x484A534D;  // "MSJH"
constexpr uint32_t kFrameMark = 0x464A534D;   // "MSJF"
constexpr uint32_t kFormatVersion = 1;
constexpr uint32_t kFlagOsDurability = 1;
constexpr size_t kPieceSize = 12;
constexpr size_t kAppendedSize = 28;

enum class EntryType : uint8_t {
  kEpoch = 1,
  kCreate = 2,
  kRun = 3,
  kSeal = 4,
  kRemove = 5,
  kTrim = 6,
  kRetention = 7,
  kOpenWriter = 8,
  kWriter = 9,
};

uint32_t header_checksum(std::string_view block) {
  // All of the block but the checksum itself (bytes 4 to 7).
  return crc32c(block.substr(8), crc32c(block.substr(0, 4)));
}

uint32_t frame_checksum(std::string_view frame) {
  // The salt is part of the head.
  return crc32c(frame.substr(8), crc32c(frame.substr(0, 4)));
}

struct Encoder {
  ByteWriter out;

  void type(EntryType t) { out.put(t); }
  void operator()(const EpochEntry& e) {
    type(EntryType::kEpoch);
    out.put(e.epoch);
  }
  void operator()(const CreateEntry& e) {
    type(EntryType::kCreate);
    out.put(e.shard);
    out.put(e.options.retention_ms);
    out.put(e.options.not_before_ms);
    out.put(e.first);
  }
  void operator()(const RunEntry& e) {
    type(EntryType::kRun);
    out.put(e.shard);
    out.put(e.first);
    out.put(e.arrival_ms);
    out.put(static_cast<uint32_t>(e.pieces.size()));
    for (const PieceEntry& piece : e.pieces) {
      out.put(piece.records);
      out.put(piece.bytes);
      out.put(piece.crc);
    }
  }
  void operator()(const SealEntry& e) {
    type(EntryType::kSeal);
    out.put(e.shard);
    out.put(e.end);
  }
  void operator()(const RemoveEntry& e) {
    type(EntryType::kRemove);
    out.put(e.shard);
  }
  void operator()(const TrimEntry& e) {
    type(EntryType::kTrim);
    out.put(e.shard);
    out.put(e.first);
  }
  void operator()(const RetentionEntry& e) {
    type(EntryType::kRetention);
    out.put(e.shard);
    out.put(e.retention_ms);
  }
  void operator()(const OpenWriterEntry& e) {
    type(EntryType::kOpenWriter);
    out.put(e.writer);
    out.put(e.epoch);
  }
  void operator()(const WriterEntry& e) {
    type(EntryType::kWriter);
    out.put(e.stamp.writer);
    out.put(e.stamp.epoch);
    out.put(e.stamp.number);
    out.put(static_cast<uint32_t>(e.appended.size()));
    for (const Appended& a : e.appended) {
      out.put(a.shard);
      out.put(a.first);
      out.put(a.records);
      out.put(a.arrival_ms);
    }
  }
};

RunEntry decode_run(ByteReader& in) {
  RunEntry run;
  run.shard = in.get<ShardId>();
  run.first = in.get<Counter>();
  run.arrival_ms = in.get<TimeMs>();
  run.pieces.resize(in.get_count(kPieceSize));
  for (PieceEntry& piece : run.pieces) {
    piece.records = in.get<uint32_t>();
    piece.bytes = in.get<uint32_t>();
    piece.crc = in.get<uint32_t>();
    run.records += piece.records;
    run.bytes += piece.bytes;
  }
  return run;
}

WriterEntry decode_writer(ByteReader& in) {
  WriterEntry entry;
  entry.stamp.writer = in.get<uint64_t>();
  entry.stamp.epoch = in.get<uint64_t>();
  entry.stamp.number = in.get<uint64_t>();
  entry.appended.resize(in.get_count(kAppendedSize));
  for (Appended& a : entry.appended) {
    a.shard = in.get<ShardId>();
    a.first = in.get<Counter>();
    a.records = in.get<uint32_t>();
    a.arrival_ms = in.get<TimeMs>();
  }
  return entry;
}

JournalEntry decode_entry(ByteReader& in) {
  switch (in.get<EntryType>()) {
    case EntryType::kEpoch:
      return EpochEntry{in.get<uint64_t>()};
    case EntryType::kCreate: {
      CreateEntry entry;
      entry.shard = in.get<ShardId>();
      entry.options.retention_ms = in.get<TimeMs>();
      entry.options.not_before_ms = in.get<TimeMs>();
      entry.first = in.get<Counter>();
      return entry;
    }
    case EntryType::kRun:
      return decode_run(in);
    case EntryType::kSeal: {
      const auto shard = in.get<ShardId>();
      return SealEntry{shard, in.get<Counter>()};
    }
    case EntryType::kRemove:
      return RemoveEntry{in.get<ShardId>()};
    case EntryType::kTrim: {
      const auto shard = in.get<ShardId>();
      return TrimEntry{shard, in.get<Counter>()};
    }
    case EntryType::kRetention: {
      const auto shard = in.get<ShardId>();
      return RetentionEntry{shard, in.get<TimeMs>()};
    }
    case EntryType::kOpenWriter: {
      const auto writer = in.get<uint64_t>();
      return OpenWriterEntry{writer, in.get<uint64_t>()};
    }
    case EntryType::kWriter:
      return decode_writer(in);
  }
  in.fail();
  return EpochEntry{};
}

}  // namespace

std::string encode_journal_header(const JournalHeader& header) {
  std::string block;
  ByteWriter out(block);
  out.put(kHeaderMark);
  out.put(uint32_t{0});
  out.put(kFormatVersion);
  out.put(header.os_durability ? kFlagOsDurability : 0);
  out.put(header.salt);
  out.put(header.generation);
  out.put(header.first_lsn);
  out.put(header.void_from);
  block.resize(kJournalAlignment);
  store_le(block.data() + 4, header_checksum(block));
  return block;
}

std::optional<JournalHeader> decode_journal_header(std::string_view block) {
  if (block.size() < kJournalAlignment) return {};
  block = block.substr(0, kJournalAlignment);
  ByteReader in(block);
  if (in.get<uint32_t>() != kHeaderMark || in.get<uint32_t>() != header_checksum(block) ||
      in.get<uint32_t>() != kFormatVersion) {
    return {};
  }
  JournalHeader header;
  header.os_durability = (in.get<uint32_t>() & kFlagOsDurability) != 0;
  header.salt = in.get<uint64_t>();
  header.generation = in.get<uint64_t>();
  header.first_lsn = in.get<Lsn>();
  header.void_from = in.get<Lsn>();
  return header;
}

void encode_entry(const JournalEntry& entry, std::string& table) {
  std::visit(Encoder{ByteWriter(table)}, entry);
}

void encode_run(ShardId shard, Counter first, TimeMs arrival_ms, uint32_t pieces,
                std::string& table) {
  ByteWriter out(table);
  out.put(EntryType::kRun);
  out.put(shard);
  out.put(first);
  out.put(arrival_ms);
  out.put(pieces);
}

void encode_piece(const PieceEntry& piece, std::string& table) {
  ByteWriter out(table);
  out.put(piece.records);
  out.put(piece.bytes);
  out.put(piece.crc);
}

size_t writer_entry_bound(size_t ranges) { return 32 + ranges * kAppendedSize; }

void seal_frame(const FrameHead& head, std::string& frame) {
  MS_ASSERT(frame.size() == kFrameHeadSize + head.table_bytes);
  char* at = frame.data();
  store_le(at, kFrameMark);
  store_le(at + 8, head.salt);
  store_le(at + 16, head.lsn);
  store_le(at + 24, head.body_bytes);
  store_le(at + 32, head.table_bytes);
  store_le(at + 36, head.entries);
  store_le(at + 4, frame_checksum(frame));
}

std::optional<FrameHead> peek_frame(std::string_view bytes, uint64_t salt) {
  if (bytes.size() < kFrameHeadSize || load_le<uint32_t>(bytes.data()) != kFrameMark) return {};
  FrameHead head;
  head.salt = load_le<uint64_t>(bytes.data() + 8);
  head.lsn = load_le<uint64_t>(bytes.data() + 16);
  head.body_bytes = load_le<uint64_t>(bytes.data() + 24);
  head.table_bytes = load_le<uint32_t>(bytes.data() + 32);
  head.entries = load_le<uint32_t>(bytes.data() + 36);
  if (head.salt != salt) return {};
  return head;
}

bool frame_checksum_matches(std::string_view head_and_table) {
  return head_and_table.size() >= kFrameHeadSize &&
         load_le<uint32_t>(head_and_table.data() + 4) == frame_checksum(head_and_table);
}

std::optional<std::vector<JournalEntry>> decode_table(const FrameHead& head,
                                                      std::string_view table) {
  std::vector<JournalEntry> entries;
  ByteReader in(table);
  uint64_t offset = kFrameHeadSize + head.table_bytes;
  for (uint32_t i = 0; i < head.entries && in.ok(); ++i) {
    entries.push_back(decode_entry(in));
    if (auto* run = std::get_if<RunEntry>(&entries.back())) {
      run->offset = offset;
      offset += run->bytes;
    }
  }
  if (!in.ok() || in.remaining() != 0 || offset != head.used_bytes()) return {};
  return entries;
}

}  // namespace millstream::local
