// Rows as lines of objects in a lake folder: connector 'filesystem'.
//
// Exactly once: rows wait in the sink's state until an object is full or old; then its number is
// fixed with the batch that closed it, it is put once that batch is durable, and a later batch
// forgets its rows. A restart puts closed objects again: the same names, the same bytes.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "analytics/engine/file_source.h"
#include "analytics/engine/sink.h"
#include "analytics/formats/format.h"

namespace millstream::analytics {

// 'sink.rolling-policy.file-size' (16 MB) and 'sink.rolling-policy.rollover-interval' (1 min)
// close an object; PARTITIONED BY makes folders `column=value`.
class FileSink final : public Sink {
 public:
  FileSink(const PlanNode& node, SinkContext context);

  Result<std::unique_ptr<SinkWriter>> writer(uint32_t partition, OperatorState& state) override;
  awaitable<Result<>> after_commit(SinkOutput output) override;

 private:
  friend class FileWriter;

  std::shared_ptr<const Table> table_;
  Schema schema_;
  SinkContext context_;
  LakePath path_;
  size_t roll_bytes_ = 0;
  std::chrono::milliseconds roll_age_{0};
  std::string run_;  // part of the objects' names

  std::mutex mutex_;
  std::set<uint64_t> stored_;  // objects whose rows can be forgotten
};

}  // namespace millstream::analytics
