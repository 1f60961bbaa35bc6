// Suspends until a shard has records past a position.
#pragma once

#include <atomic>
#include <chrono>

#include "base/async.h"
#include "log/local/shard_state.h"

namespace millstream::local {

// See ShardLog::wait. Honours the cancellation of the awaiting coroutine (kCancelled).
awaitable<Result<>> wait_for_records(ShardRef shard, Counter position,
                                     std::chrono::milliseconds timeout,
                                     const std::atomic<bool>& closing);

}  // namespace millstream::local
