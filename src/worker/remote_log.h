// The shard log over a channel: a worker appends and reads as if the log were its own.
#pragma once

#include <functional>
#include <memory>

#include "log/shard_log.h"
#include "worker/channel.h"

namespace millstream::worker {

// In the server: answers a worker's calls. `may_use` says which shards it may read or append to
// (checked on every call; kAccessDenied), `writer` is the only stamp it may use (0: none).
// Only append, open_writer, read, wait, position_at, status, trim are served.
struct LogAccess {
  std::function<bool(ShardId shard, bool write)> may_use;
  uint64_t writer = 0;
};
void serve_log(Channel& channel, ShardLog& log, LogAccess access);

// In the worker. The channel outlives it. Reads come in one copy from the socket into the
// buffer that the batches share.
std::unique_ptr<ShardLog> make_remote_log(std::shared_ptr<Channel> channel);

}  // namespace millstream::worker
