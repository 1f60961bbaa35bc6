#include "firehose/plan.h"

#include <fmt/format.h>

#include "firehose/time_pattern.h"

namespace millstream::firehose {

uint64_t DeliveryPlan::records() const {
  uint64_t sum = 0;
  for (const ShardRange& range : ranges) sum += range.records;
  return sum;
}

std::string object_key(const DeliveryStream& stream, TimeMs oldest_ms, std::string_view uuid) {
  static const TimePattern pattern = *TimePattern::parse("yyyy-MM-dd-HH-mm-ss");
  const S3Destination& to = stream.destination;
  return fmt::format("{}{}-{}-{}-{}{}", to.prefix.evaluate(oldest_ms, to.zone), stream.key.name,
                     stream.version, pattern.format(to.zone.local_time(oldest_ms)), uuid,
                     to.extension);
}

}  // namespace millstream::firehose
