// As Debian's package was built.
#define ONLY_C_LOCALE 1
#define HAS_STRING_VIEW 1
#define USE_OS_TZDB 1
#include "firehose/time_zone.h"

#include <date/tz.h>

#include <chrono>
#include <stdexcept>

namespace millstream::firehose {

Result<TimeZone> TimeZone::find(std::string_view name) {
  TimeZone found;
  if (name.empty() || name == "UTC") return found;
  try {
    found.zone_ = date::locate_zone(name);
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalidArgument,
                "CustomTimeZone '{}' is unknown: use a name of the IANA time zone database such as "
                "Asia/Tokyo",
                name);
  }
  return found;
}

TimeMs TimeZone::local_time(TimeMs utc) const {
  if (zone_ == nullptr) return utc;
  const auto* zone = static_cast<const date::time_zone*>(zone_);
  const date::sys_info info = zone->get_info(std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(utc))));
  return utc + std::chrono::milliseconds(info.offset).count();
}

}  // namespace millstream::firehose
