// Reads frames of a journal file, and judges them.
#pragma once

#include <string>
#include <vector>

#include "log/local/journal_space.h"

namespace millstream::local {

struct ReadFrame {
  FrameHead head;
  std::vector<JournalEntry> entries;
  // One for each piece of each run, in order: whether its checksum is right.
  std::vector<bool> good_pieces;
  bool bodies_good = true;
};

// Threads: one; the file must not change meanwhile.
class JournalReader {
 public:
  explicit JournalReader(const JournalFile& file) : file_(file) {}

  // The frame at `offset`; nothing where there is none with a right head and table.
  Result<std::optional<ReadFrame>> read(uint64_t offset, bool check_bodies);
  // The offset of the first frame behind `offset` with a right head and table, and a number
  // above `lsn`.
  Result<std::optional<uint64_t>> find_later(uint64_t offset, Lsn lsn);
  // Head, table and bodies as they are.
  Result<std::string> raw(uint64_t offset, uint64_t size);

 private:
  // A view that is valid until the next call; shorter at the end of the file.
  Result<std::string_view> view(uint64_t offset, uint64_t size);

  const JournalFile& file_;
  std::string window_;
  uint64_t window_offset_ = 0;
};

}  // namespace millstream::local
