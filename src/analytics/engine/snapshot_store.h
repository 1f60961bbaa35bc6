// Snapshots of a job's state in a folder: one file each.
//
// File <name>.snapshot: blocks of u32 length, u32 CRC32C of the payload, payload; the first has
// the head, the last says how many came before. A file is there wholly or not at all (written
// under another name, synced, renamed).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analytics/engine/batch_record.h"
#include "analytics/engine/job_state.h"
#include "analytics/engine/replay.h"
#include "base/env.h"
#include "log/shard_log.h"

namespace millstream::analytics {

// Writes a snapshot key group by key group. Between steps the job may go on: what is replayed
// from `changelog_next` on brings every group up to date.
//
// Threads: one at a time; blocks. Memory: one key group of one operator.
class SnapshotWriter {
 public:
  // `head`: with all positions and the nodes' names.
  static Result<std::unique_ptr<SnapshotWriter>> begin(Env& env, std::string folder,
                                                       std::string name, const BatchHead& head,
                                                       Counter changelog_next, JobState& state,
                                                       size_t nodes);
  ~SnapshotWriter();

  // Writes some groups, until about `bytes` have been written. True: all are.
  Result<bool> step(JobState& state, size_t bytes);
  // Makes it durable under its name. Everything that the groups hold must be durable by now.
  Result<> finish();

  const std::string& name() const { return name_; }
  Counter changelog_next() const { return changelog_next_; }

 private:
  SnapshotWriter(Env& env, std::string folder, std::string name);
  Result<> write_block(std::string_view payload);

  Env& env_;
  std::string folder_;
  std::string name_;
  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
  uint64_t blocks_ = 0;
  size_t nodes_ = 0;
  size_t next_node_ = 0;
  uint32_t next_group_ = 0;
  Counter changelog_next_ = 0;
  bool finished_ = false;
};

// Where the changelog goes on after it. Errors: kNotFound, kCorruption.
Result<Counter> load_snapshot(Env& env, const std::string& folder, const std::string& name,
                              Replay& into);
// The newest of those that jobs take by themselves.
Result<std::optional<std::string>> newest_snapshot(Env& env, const std::string& folder);
std::string automatic_snapshot_name(uint64_t batch);
// Those that jobs took by themselves, but `keep`; and what an interrupted one left.
Result<> remove_old_snapshots(Env& env, const std::string& folder, const std::string& keep);

}  // namespace millstream::analytics
