// Calendar arithmetic on the numbers that DATE, TIME, TIMESTAMP and intervals are held as, their
// text forms, and time zones. Proleptic Gregorian calendar; any year that 64 bits of microseconds
// reach.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analytics/data/type.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

inline constexpr int64_t kMicrosPerMilli = 1000;
inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;
inline constexpr int64_t kMillisPerDay = 86'400'000;

// Towards minus infinity; b > 0.
constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
constexpr int64_t floor_mod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest < 0 ? rest + b : rest;
}
// Sums that wrap instead of being undefined: users' times may lie anywhere.
constexpr int64_t wrap_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
constexpr int64_t wrap_sub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
constexpr int64_t wrap_mul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

struct CivilDate {
  int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;
};
CivilDate civil_from_days(int64_t days);  // since 1970-01-01
int64_t days_from_civil(int64_t year, int month, int day);
int days_in_month(int64_t year, int month);
int iso_weekday(int64_t days);  // Monday 1 to Sunday 7
int day_of_year(int64_t days);  // 1 to 366
int64_t iso_year(int64_t days);
int iso_week(int64_t days);  // 1 to 53
// The same day so many months later, or the last one of a shorter month.
int64_t add_months_to_days(int64_t days, int64_t months);
int64_t add_months(int64_t micros, int64_t months);
// Whole months from `from` to `to` (negative if `to` is earlier).
int64_t months_between(int64_t from, int64_t to);

using sql::TimeUnit;
// The names of units ("MINUTE", "DOW", …), upper case, also plural and SQL_TSI_ forms.
std::optional<TimeUnit> parse_time_unit(std::string_view name);
std::string_view time_unit_name(TimeUnit unit);
// The field of a time; of kWeek: the ISO week; kSecond: without fraction; smaller ones: within
// the second.
int64_t extract_unit(TimeUnit unit, int64_t micros);
// The start of the unit that `micros` lies in; kWeek starts on Sunday as Calcite's does (Flink
// and the Kinesis dialect). `up`: the next start unless it is one.
int64_t floor_to_unit(TimeUnit unit, int64_t micros, bool up = false);
// Microseconds of a unit of fixed length; 0: months and longer.
int64_t unit_micros(TimeUnit unit);

// "2020-01-02", "03:04:05.678", "2020-01-02 03:04:05.678": exactly `digits` of the second.
void append_date(std::string& out, int64_t days);
void append_time(std::string& out, int64_t micros_of_day, int digits);
// At least `width` digits, zeroes in front.
void append_padded(std::string& out, int64_t value, int width);
void append_timestamp(std::string& out, int64_t micros, int digits);
// "+1-02" and "+1 02:03:04.005".
void append_interval_months(std::string& out, int64_t months);
void append_interval_millis(std::string& out, int64_t millis);

// "2020-1-2", also with a time behind it, which is dropped.
std::optional<int64_t> parse_date(std::string_view text);
// "3:04[:05[.678]]": milliseconds of the day.
std::optional<int64_t> parse_time(std::string_view text);
// "2020-01-02[ 03:04:05[.678901]]"; `lenient` also takes 'T' between and minutes alone.
// Digits beyond microseconds are dropped.
std::optional<int64_t> parse_timestamp(std::string_view text, bool lenient = false);

// Whole units of a number of digits below the second: TIMESTAMP(3) has whole milliseconds.
int64_t truncate_to_precision(int64_t micros, int digits);

// A time zone of the IANA data base, "UTC", or an offset ("GMT+08:00", "+08:00").
//
// Threads: any. Life cycle: for ever (kept in a table).
class TimeZone {
 public:
  virtual ~TimeZone() = default;
  // Microseconds to add to UTC at a point in time.
  virtual int64_t offset_us(int64_t utc_us) const = 0;
  int64_t to_local(int64_t utc_us) const { return wrap_add(utc_us, offset_us(utc_us)); }
  // The point in time of a local time; of two the earlier, in a gap the one after it by as much
  // (java.time's choice).
  virtual int64_t to_utc(int64_t local_us) const = 0;
};
// Errors: kInvalidArgument: no such zone.
Result<const TimeZone*> find_time_zone(std::string_view name);
// The same where the name has been checked before; UTC if it is wrong.
const TimeZone& checked_time_zone(std::string_view name);

}  // namespace millstream::analytics
