// Figures and messages that several files of the local log share.
#pragma once

#include <chrono>
#include <cstddef>

#include "log/shard_log.h"

namespace millstream::local {

// A body below this is copied when it is committed, and its checksum is checked on the
// caller's thread; above, the caller's buffer is written and kept as it is.
inline constexpr size_t kSmallBodyBytes = 4096;

// What one frame takes of the queue: large enough that one fdatasync serves many, small enough
// that nobody waits long for the others' bytes.
inline constexpr size_t kFrameBytes = size_t{16} << 20;

// How long an append waits for room in the journal before it is refused.
inline constexpr std::chrono::milliseconds kRoomPatience{2000};

inline Error no_such_shard(ShardId shard) {
  return Error{ErrorCode::kNotFound,
               fmt::format("There is no shard {} in the log.", static_cast<uint64_t>(shard))};
}

}  // namespace millstream::local
