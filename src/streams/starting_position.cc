#include "streams/starting_position.h"

#include <algorithm>

#include "streams/sequence_number.h"

namespace millstream::streams {

awaitable<Result<Counter>> starting_position(ShardLog& log, Clock& clock, StartingPoint point,
                                             const Stream& stream, const Shard& shard) {
  const std::string_view type = point.type;
  const bool by_number = type == "AT_SEQUENCE_NUMBER" || type == "AFTER_SEQUENCE_NUMBER";
  if (by_number != point.sequence_number.has_value()) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                   "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                   "StartingSequenceNumber. Request specified {} and {} StartingSequenceNumber.",
                   type, by_number ? "no" : "also a");
  }
  if (type == "TRIM_HORIZON") co_return Counter{0};
  if (type == "AT_TIMESTAMP") {
    if (!point.timestamp) {
      co_return fail(ErrorCode::kInvalidArgument,
                     "Must specify timestampInMillis parameter for iterator of type "
                     "AT_TIMESTAMP. Current request has no timestamp parameter.");
    }
    const TimeMs now = clock.now_ms();
    if (*point.timestamp > now) {
      co_return fail(ErrorCode::kInvalidArgument,
                     "The timestampInMillis parameter cannot be greater than the "
                     "currentTimestampInMillis. timestampInMillis: {}, "
                     "currentTimestampInMillis: {}",
                     *point.timestamp, now);
    }
    co_return co_await log.position_at(shard.log_id, *point.timestamp);
  }
  CO_TRY_ASSIGN(const ShardStatus status, log.status(shard.log_id));
  if (type == "LATEST") co_return status.tip;
  CO_TRY_ASSIGN(const Counter counter, check_starting_sequence_number(
                                           *point.sequence_number, point.operation, stream, shard));
  const Counter wanted = type == "AT_SEQUENCE_NUMBER" ? counter : counter + 1;
  // A number above all that were given must not hide those still to come.
  co_return std::min(wanted, status.tip);
}

}  // namespace millstream::streams
