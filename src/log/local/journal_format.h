// Bytes of a journal file: header and frames (docs/storage-format.md has the tables).
//
// A file is two copies of the header, 4 KiB each, then frames at 4 KiB-aligned offsets:
//   head (40 bytes) | table of entries | bodies of the runs, back to back | padding
// The head's CRC32C covers the salt, the head and the table; the table holds the CRC32C of
// every piece of the bodies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "log/shard_log.h"

namespace millstream::local {

using Lsn = uint64_t;  // number of a frame: rises by one from frame to frame, from 1 on

inline constexpr uint64_t kJournalAlignment = 4096;
inline constexpr uint64_t kJournalDataStart = 2 * kJournalAlignment;
inline constexpr size_t kFrameHeadSize = 40;

inline constexpr uint64_t align_up(uint64_t bytes) {
  return (bytes + kJournalAlignment - 1) & ~(kJournalAlignment - 1);
}

struct JournalHeader {
  bool os_durability = false;  // written with Durability::kOs: ends at its first bad frame
  uint64_t salt = 0;           // random, new each time the file is used again
  uint64_t generation = 0;     // rises with every file that is put into use: order of the files
  Lsn first_lsn = 0;           // of the file's first frame
  // Frames of this number and above in files of earlier generations do not count: recovery
  // dropped them as torn. Above first_lsn where recovery copied frames over.
  Lsn void_from = 0;
};

std::string encode_journal_header(const JournalHeader& header);  // kJournalAlignment bytes
std::optional<JournalHeader> decode_journal_header(std::string_view block);

// What a frame's table may say. All values are absolute.
struct EpochEntry {
  uint64_t epoch = 0;
};
struct CreateEntry {
  ShardId shard{};
  ShardOptions options;
  Counter first = 0;
};
struct PieceEntry {
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint32_t crc = 0;
};
// Consecutive records of one shard with one arrival time.
struct RunEntry {
  ShardId shard{};
  Counter first = 0;
  TimeMs arrival_ms = 0;
  std::vector<PieceEntry> pieces;
  // Not stored: sums of the pieces, and the place in the frame.
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint64_t offset = 0;
};
struct SealEntry {
  ShardId shard{};
  Counter end = 0;
};
struct RemoveEntry {
  ShardId shard{};
};
struct TrimEntry {
  ShardId shard{};
  Counter first = 0;
};
struct RetentionEntry {
  ShardId shard{};
  TimeMs retention_ms = 0;
};
struct OpenWriterEntry {
  uint64_t writer = 0;
  uint64_t epoch = 0;
};
struct WriterEntry {
  WriterStamp stamp;
  std::vector<Appended> appended;
};
using JournalEntry = std::variant<EpochEntry, CreateEntry, RunEntry, SealEntry, RemoveEntry,
                                  TrimEntry, RetentionEntry, OpenWriterEntry, WriterEntry>;

void encode_entry(const JournalEntry& entry, std::string& table);
void encode_run(ShardId shard, Counter first, TimeMs arrival_ms, uint32_t pieces,
                std::string& table);  // followed by encode_piece for each of the pieces
void encode_piece(const PieceEntry& piece, std::string& table);
// Bounds of what an entry takes in the table, for reserving space before encoding.
inline constexpr size_t kRunEntryBound = 48;
size_t writer_entry_bound(size_t ranges);

struct FrameHead {
  Lsn lsn = 0;
  uint64_t salt = 0;
  uint64_t body_bytes = 0;
  uint32_t table_bytes = 0;
  uint32_t entries = 0;

  uint64_t used_bytes() const { return kFrameHeadSize + table_bytes + body_bytes; }
  uint64_t size() const { return align_up(used_bytes()); }
};

// `frame` holds kFrameHeadSize bytes of anything, then the table: writes the head with its
// checksum.
void seal_frame(const FrameHead& head, std::string& frame);

// Whether a frame of this salt may start here: mark and salt only. The checksum comes next.
std::optional<FrameHead> peek_frame(std::string_view bytes, uint64_t salt);
// `head_and_table` = kFrameHeadSize + table_bytes bytes.
bool frame_checksum_matches(std::string_view head_and_table);
// Nothing where the table does not make sense (can't happen to one with a right checksum).
std::optional<std::vector<JournalEntry>> decode_table(const FrameHead& head,
                                                      std::string_view table);

}  // namespace millstream::local
