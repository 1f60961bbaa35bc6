// Appends frames to the journal and makes them durable, one at a time.
#pragma once

#include <span>
#include <string>

#include "base/env.h"
#include "log/local/direct_writer.h"
#include "log/local/health.h"
#include "log/local/journal_space.h"
#include "log/local/local_log.h"

namespace millstream::local {

// Threads: the committer's only (recovery's before it starts).
class JournalWriter {
 public:
  JournalWriter(JournalSpace& space, Health& health, Durability durability);

  // The next frame's number.
  void start_at(Lsn next) { next_lsn_ = next; }
  Lsn next_lsn() const { return next_lsn_; }

  // Room for frames in the file in use.
  uint64_t room() const;
  uint64_t file_bytes() const { return file_ ? file_->size : 0; }
  // Of the file in use.
  uint64_t generation() const { return file_ ? file_->header.generation : 0; }

  // Goes on in the next prepared file, with room for at least one frame of `frame_bytes`; its
  // header is durable when this returns. `void_from`: see JournalHeader; 0: the next frame.
  // False: no file is ready. Errors are final.
  Result<bool> roll(uint64_t frame_bytes, Lsn void_from = 0);

  struct Place {
    JournalFileRef file;
    uint64_t offset = 0;
  };
  // Where the next frame goes; there must be room.
  Place next_place() const { return {file_, offset_}; }
  // Completes `frame` (kFrameHeadSize free bytes, then the table with `entries` entries), writes
  // it with `bodies` behind it, and syncs. After an error the log has failed (see Health).
  Result<> write(std::string& frame, uint32_t entries, std::span<const iovec> bodies,
                 uint64_t body_bytes);

 private:
  // Parts that together are whole blocks.
  Result<> write_all(uint64_t offset, std::span<const iovec> parts);
  Result<> write_once(uint64_t offset, std::span<const iovec> parts);
  Result<> sync();

  JournalSpace& space_;
  Health& health_;
  const Durability durability_;
  JournalFileRef file_;
  uint64_t offset_ = 0;
  Lsn next_lsn_ = 1;
  std::string second_header_;  // written with the file's first frame
  std::vector<iovec> parts_;
  DirectWriter direct_;
};

}  // namespace millstream::local
