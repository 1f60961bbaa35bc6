#include "log/local/journal_writer.h"

#include <chrono>
#include <thread>

#include "base/random.h"

namespace millstream::local {
namespace {

constexpr auto kSpaceRetry = std::chrono::milliseconds(100);
constexpr int kSpaceRetries = 300;
// Bytes of a write: what a disk takes at its full speed. A larger frame is several writes.
constexpr size_t kWriteBytes = size_t{4} << 20;

std::string_view padding() {
  static const std::string zeroes(kJournalAlignment, '\0');
  return zeroes;
}

}  // namespace

JournalWriter::JournalWriter(JournalSpace& space, Health& health, Durability durability)
    : space_(space), health_(health), durability_(durability), direct_(kWriteBytes) {}

uint64_t JournalWriter::room() const { return file_ ? file_->size - offset_ : 0; }

Result<bool> JournalWriter::roll(uint64_t frame_bytes, Lsn void_from) {
  JournalFileRef next = space_.take(frame_bytes);
  if (!next) return false;
  next->header = {
      .os_durability = durability_ == Durability::kOs,
      .salt = random_u64(),
      .generation = space_.next_generation(),
      .first_lsn = next_lsn_,
      .void_from = void_from == 0 ? next_lsn_ : void_from,
  };
  next->last_lsn = 0;
  file_ = std::move(next);
  offset_ = kJournalDataStart;
  const std::string header = encode_journal_header(file_->header);
  iovec part{const_cast<char*>(header.data()), header.size()};
  TRY(write_all(0, {&part, 1}));
  TRY(sync());
  // The second copy only now: a crash can tear one of them at most.
  second_header_ = header;
  return true;
}

Result<> JournalWriter::write(std::string& frame, uint32_t entries, std::span<const iovec> bodies,
                              uint64_t body_bytes) {
  FrameHead head{.lsn = next_lsn_,
                 .salt = file_->header.salt,
                 .body_bytes = body_bytes,
                 .table_bytes = static_cast<uint32_t>(frame.size() - kFrameHeadSize),
                 .entries = entries};
  MS_ASSERT(head.size() <= room());
  seal_frame(head, frame);
  parts_.clear();
  uint64_t offset = offset_;
  if (!second_header_.empty()) {
    MS_ASSERT(offset == kJournalDataStart);
    offset -= second_header_.size();
    parts_.push_back({second_header_.data(), second_header_.size()});
  }
  parts_.push_back({frame.data(), frame.size()});
  parts_.insert(parts_.end(), bodies.begin(), bodies.end());
  // Whole blocks: direct writes need them, and for others the kernel would read the last page
  // from the disk before it changes it.
  if (const uint64_t pad = head.size() - head.used_bytes(); pad > 0) {
    parts_.push_back({const_cast<char*>(padding().data()), pad});
  }
  TRY(write_all(offset, parts_));
  TRY(sync());
  second_header_.clear();
  file_->last_lsn = next_lsn_++;
  offset_ += head.size();
  return {};
}

Result<> JournalWriter::write_all(uint64_t offset, std::span<const iovec> parts) {
  for (int attempt = 0;; ++attempt) {
    auto written = write_once(offset, parts);
    if (written) return {};
    if (written.error().code != ErrorCode::kNoSpace || attempt == kSpaceRetries) {
      health_.fail({file_->path, offset, 0,
                    fmt::format("Writing the journal failed: {}. Nothing more is acknowledged; "
                                "check the disk, then restart the server.",
                                written.error().message)});
      return std::unexpected(health_.failure());
    }
    // Only where overwriting takes new blocks (copy-on-write file systems). Nothing was synced:
    // the same frame can be written again once there is space.
    health_.add({file_->path, offset, 0,
                 "The disk is full: writes wait until there is space. Free some, or lower the "
                 "retention of streams."});
    std::this_thread::sleep_for(kSpaceRetry);
    if (health_.failed()) return std::unexpected(health_.failure());
  }
}

Result<> JournalWriter::write_once(uint64_t offset, std::span<const iovec> parts) {
  // To the operating system means: into its cache.
  if (durability_ == Durability::kOs) return file_->file->write(offset, parts);
  direct_.start(*file_->file, offset);
  TRY(direct_.add(parts));
  return direct_.flush();
}

Result<> JournalWriter::sync() {
  if (durability_ == Durability::kOs) return {};
  if (auto synced = file_->file->sync(); !synced) {
    health_.fail({file_->path, offset_, 0,
                  fmt::format("Syncing the journal failed: {}. What is on the disk is unknown, "
                              "so nothing more is acknowledged; check the disk, then restart "
                              "the server.",
                              synced.error().message)});
    return std::unexpected(health_.failure());
  }
  return {};
}

}  // namespace millstream::local
