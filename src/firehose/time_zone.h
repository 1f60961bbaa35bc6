// Time zones by their names in the IANA database of this machine (package tzdata).
#pragma once

#include <string>
#include <string_view>

#include "base/env.h"
#include "base/result.h"

namespace millstream::firehose {

// Constant, copied freely; refers to the database, which lives as long as the process.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "Asia/Tokyo"; empty: UTC. Errors: kInvalidArgument.
  static Result<TimeZone> find(std::string_view name);

  // What clocks there show, as if it were UTC.
  TimeMs local_time(TimeMs utc) const;

 private:
  const void* zone_ = nullptr;  // date::time_zone, which only the .cc knows; nullptr: UTC
};

}  // namespace millstream::firehose
