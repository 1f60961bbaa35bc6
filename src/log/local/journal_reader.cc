#include "log/local/journal_reader.h"

#include <algorithm>

#include "base/hash.h"

namespace millstream::local {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{1} << 20;

}  // namespace

Result<std::string_view> JournalReader::view(uint64_t offset, uint64_t size) {
  if (offset >= file_.size) return std::string_view();
  size = std::min(size, file_.size - offset);
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    window_.resize(std::min(std::max(size, kWindowBytes), file_.size - offset));
    window_offset_ = offset;
    TRY_ASSIGN(const size_t got, file_.file->read(offset, window_));
    window_.resize(got);
    size = std::min<uint64_t>(size, got);
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

Result<std::optional<ReadFrame>> JournalReader::read(uint64_t offset, bool check_bodies) {
  TRY_ASSIGN(const std::string_view start, view(offset, kFrameHeadSize));
  const auto head = peek_frame(start, file_.header.salt);
  if (!head || head->table_bytes > file_.size || head->body_bytes > file_.size ||
      head->size() > file_.size - offset) {
    return std::nullopt;
  }
  TRY_ASSIGN(const std::string_view bytes, view(offset, kFrameHeadSize + head->table_bytes));
  if (bytes.size() != kFrameHeadSize + head->table_bytes || !frame_checksum_matches(bytes)) {
    return std::nullopt;
  }
  auto entries = decode_table(*head, bytes.substr(kFrameHeadSize));
  if (!entries) return std::nullopt;
  ReadFrame frame{.head = *head, .entries = *std::move(entries)};
  if (!check_bodies) return frame;
  for (const JournalEntry& entry : frame.entries) {
    const auto* run = std::get_if<RunEntry>(&entry);
    if (!run) continue;
    uint64_t at = offset + run->offset;
    for (const PieceEntry& piece : run->pieces) {
      TRY_ASSIGN(const std::string_view body, view(at, piece.bytes));
      const bool good = body.size() == piece.bytes && crc32c(body) == piece.crc;
      frame.good_pieces.push_back(good);
      if (!good) frame.bodies_good = false;
      at += piece.bytes;
    }
  }
  return frame;
}

Result<std::optional<uint64_t>> JournalReader::find_later(uint64_t offset, Lsn lsn) {
  for (uint64_t at = offset + kJournalAlignment; at < file_.size; at += kJournalAlignment) {
    TRY_ASSIGN(const std::string_view start, view(at, kFrameHeadSize));
    const auto head = peek_frame(start, file_.header.salt);
    if (!head || head->lsn <= lsn) continue;
    TRY_ASSIGN(const auto frame, read(at, false));
    if (frame) return at;
  }
  return std::nullopt;
}

Result<std::string> JournalReader::raw(uint64_t offset, uint64_t size) {
  TRY_ASSIGN(const std::string_view bytes, view(offset, size));
  return std::string(bytes);
}

}  // namespace millstream::local
