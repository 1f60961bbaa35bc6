// A change that a caller asked for: waits in the committer's queue, becomes part of a frame.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "log/local/completion.h"
#include "log/shard_log.h"

namespace millstream::local {

// Ownership: stands in the caller's coroutine frame. Written by the caller before it is
//            submitted, then by the committer, which touches it no more once it is completed.
struct Op : Completion {
  enum class Kind : uint8_t {
    kAppend,
    kOpenWriter,
    kCreate,
    kSeal,
    kRemove,
    kTrim,
    kSetRetention,
  };

  Kind kind = Kind::kAppend;
  ShardId shard{};
  ShardOptions options;             // kCreate; kSetRetention: the retention alone
  Counter counter = 0;              // kTrim: first; kSeal: the end, as the answer
  std::vector<ShardBatch> batches;  // kAppend
  WriterStamp stamp;                // kAppend; kOpenWriter: the writer alone
  size_t bytes = 0;                 // of the batches' bodies
  std::chrono::nanoseconds queued{};

  std::optional<Error> error;
  std::vector<Appended> appended;  // kAppend
  OpenedWriter opened;             // kOpenWriter
};

}  // namespace millstream::local
