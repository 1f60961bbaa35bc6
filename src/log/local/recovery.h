// Brings the log's state back from manifest and journal.
#pragma once

#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/health.h"
#include "log/local/journal_space.h"
#include "log/local/journal_writer.h"
#include "log/local/manifest.h"
#include "log/local/tail_frames.h"

namespace millstream::local {

struct RecoveredJournal {
  uint64_t epoch = 0;
  Lsn next = 1;  // the next frame's number
  uint64_t replayed_bytes = 0;
  // The last good frame, which may have been in the page cache only: to be written again.
  JournalFileRef last_file;
  uint64_t last_offset = 0;
};

// Reads the journal from the manifest's position on, and applies it to `shards` and `writers`,
// which hold the manifest's state. The torn tail ends it; damage elsewhere is reported, and the
// records it took are marked as damaged.
//
// Threads: one, before any other runs.
class JournalRecovery {
 public:
  JournalRecovery(Env& env, std::string folder, ShardTable& shards, WriterTable& writers,
                  TailFrames& frames, JournalSpace& space, Health& health);

  Result<RecoveredJournal> run(const Manifest& manifest);

 private:
  Result<std::vector<JournalFileRef>> find_files();
  Result<JournalFileRef> open_file(const std::string& name, uint64_t size);
  // `next`: the file of the chain that follows; may be null. False: the chain ends here.
  Result<bool> replay(const JournalFileRef& file, const JournalFile* next);
  void apply(const JournalFileRef& file, uint64_t frame_offset,
             const std::vector<JournalEntry>& entries, const std::vector<bool>& good_pieces);
  void apply_run(const RunEntry& entry, const std::vector<bool>& good_pieces, size_t first_piece);
  ShardState* shard_of(ShardId shard);
  void report(const std::string& file, uint64_t offset, uint64_t length, std::string what);

  Env& env_;
  const std::string folder_;
  ShardTable& shards_;
  WriterTable& writers_;
  TailFrames& frames_;
  JournalSpace& space_;
  Health& health_;

  RecoveredJournal result_;
  Lsn position_ = 1;            // frames before are in the manifest
  Lsn expected_ = 1;            // the next frame to apply
  TailFrame::Content content_;  // of the frame at hand
  bool damage_seen_ = false;
};

// Writes the last good frame again into a new journal file, raises the epoch, and syncs both:
// after this everything that was recovered is durable, whatever state a crash left it in. The
// writer then stands at the next frame.
Result<uint64_t> secure_tail(const RecoveredJournal& recovered, JournalSpace& space,
                             JournalWriter& writer);

}  // namespace millstream::local
