// Where a reader of a shard starts: the five types of a position, and what has to come with each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/env.h"
#include "base/result.h"
#include "log/shard_log.h"
#include "streams/catalog.h"

namespace millstream::streams {

// As the caller of `operation` ("GetShardIterator", "SubscribeToShard") gave it.
struct StartingPoint {
  std::string_view operation;
  std::string
      type;  // AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, AT_TIMESTAMP, TRIM_HORIZON, LATEST
  std::optional<std::string> sequence_number;
  std::optional<TimeMs> timestamp;
};

// The counter at which reading begins: of the next record or below it. Errors: kInvalidArgument
// with AWS's texts, those of the log. All references outlive the call.
awaitable<Result<Counter>> starting_position(ShardLog& log, Clock& clock, StartingPoint point,
                                             const Stream& stream, const Shard& shard);

}  // namespace millstream::streams
