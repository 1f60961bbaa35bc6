#include "analytics/functions/time_value.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace millstream::analytics {
namespace {

// The calendar repeats every 400 years.
constexpr int64_t kDaysPerEra = 146'097;
// From 0000-03-01, where a year's last day is the leap day, to 1970-01-01.
constexpr int64_t kEpochShift = 719'468;

bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

struct UnitName {
  std::string_view name;
  TimeUnit unit;
};
constexpr auto kUnitNames = std::to_array<UnitName>({
    {"MILLISECOND", TimeUnit::kMillisecond},
    {"SECOND", TimeUnit::kSecond},
    {"MINUTE", TimeUnit::kMinute},
    {"HOUR", TimeUnit::kHour},
    {"DAY", TimeUnit::kDay},
    {"WEEK", TimeUnit::kWeek},
    {"MONTH", TimeUnit::kMonth},
    {"QUARTER", TimeUnit::kQuarter},
    {"YEAR", TimeUnit::kYear},
    {"DOW", TimeUnit::kDow},
    {"DOY", TimeUnit::kDoy},
    {"EPOCH", TimeUnit::kEpoch},
    {"DECADE", TimeUnit::kDecade},
    {"CENTURY", TimeUnit::kCentury},
    {"MILLENNIUM", TimeUnit::kMillennium},
    {"ISODOW", TimeUnit::kIsoDow},
    {"ISOYEAR", TimeUnit::kIsoYear},
    {"MICROSECOND", TimeUnit::kMicrosecond},
    {"NANOSECOND", TimeUnit::kNanosecond},
});

// Centuries and millennia count from year 1.
int64_t count_from_one(int64_t year, int64_t years) {
  return year > 0 ? (year + years - 1) / years : (year - years + 1) / years;
}

int64_t floor_year(TimeUnit unit, int64_t year) {
  switch (unit) {
    case TimeUnit::kDecade:
      return floor_div(year, 10) * 10;
    case TimeUnit::kCentury:
      return floor_div(year - 1, 100) * 100 + 1;
    case TimeUnit::kMillennium:
      return floor_div(year - 1, 1000) * 1000 + 1;
    default:
      return year;
  }
}

int64_t years_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kDecade:
      return 10;
    case TimeUnit::kCentury:
      return 100;
    case TimeUnit::kMillennium:
      return 1000;
    default:
      return 1;
  }
}

int64_t floor_calendar(TimeUnit unit, int64_t micros, bool up) {
  const CivilDate date = civil_from_days(floor_div(micros, kMicrosPerDay));
  int64_t year = date.year;
  int month = 1;
  if (unit == TimeUnit::kMonth) {
    month = date.month;
  } else if (unit == TimeUnit::kQuarter) {
    month = (date.month - 1) / 3 * 3 + 1;
  } else {
    year = floor_year(unit, year);
  }
  const int64_t start = wrap_mul(days_from_civil(year, month, 1), kMicrosPerDay);
  if (!up || start == micros) return start;
  if (unit == TimeUnit::kMonth) return add_months(start, 1);
  if (unit == TimeUnit::kQuarter) return add_months(start, 3);
  return wrap_mul(days_from_civil(year + years_of(unit), 1, 1), kMicrosPerDay);
}

int64_t extract_from_date(TimeUnit unit, int64_t days) {
  const CivilDate date = civil_from_days(days);
  switch (unit) {
    case TimeUnit::kYear:
      return date.year;
    case TimeUnit::kQuarter:
      return (date.month - 1) / 3 + 1;
    case TimeUnit::kMonth:
      return date.month;
    case TimeUnit::kWeek:
      return iso_week(days);
    case TimeUnit::kDow:
      return iso_weekday(days) % 7 + 1;
    case TimeUnit::kIsoDow:
      return iso_weekday(days);
    case TimeUnit::kDoy:
      return day_of_year(days);
    case TimeUnit::kIsoYear:
      return iso_year(days);
    case TimeUnit::kDecade:
      return date.year / 10;
    case TimeUnit::kCentury:
      return count_from_one(date.year, 100);
    case TimeUnit::kMillennium:
      return count_from_one(date.year, 1000);
    default:
      return date.day;
  }
}

}  // namespace

CivilDate civil_from_days(int64_t days) {
  const int64_t shifted = wrap_add(days, kEpochShift);
  const int64_t era = floor_div(shifted, kDaysPerEra);
  const int64_t day_of_era = shifted - era * kDaysPerEra;
  // Leap days before it: one in 4 years (1,460 days), none in the 100th, one in the 400th.
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t in_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  // Months from March have 30.6 days on average: 153 days in each five.
  const int64_t month = (5 * in_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(in_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

int64_t days_from_civil(int64_t year, int month, int day) {
  const int64_t shifted_year = year - (month <= 2 ? 1 : 0);
  const int64_t era = floor_div(shifted_year, 400);
  const int64_t year_of_era = shifted_year - era * 400;
  const int64_t from_march = month > 2 ? month - 3 : month + 9;
  const int64_t in_year = (153 * from_march + 2) / 5 + day - 1;
  const int64_t in_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + in_year;
  return era * kDaysPerEra + in_era - kEpochShift;
}

int days_in_month(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month == 2 && is_leap(year)) return 29;
  return kDays[static_cast<size_t>(month - 1)];
}

int iso_weekday(int64_t days) {
  return static_cast<int>(floor_mod(wrap_add(days, 3), 7)) + 1;  // 1970-01-01 was a Thursday
}

int day_of_year(int64_t days) {
  return static_cast<int>(days - days_from_civil(civil_from_days(days).year, 1, 1)) + 1;
}

int64_t iso_year(int64_t days) {
  // The year of the week's Thursday.
  return civil_from_days(days - iso_weekday(days) + 4).year;
}

int iso_week(int64_t days) {
  const int64_t thursday = days - iso_weekday(days) + 4;
  return (day_of_year(thursday) - 1) / 7 + 1;
}

int64_t add_months_to_days(int64_t days, int64_t months) {
  // Beyond this no TIMESTAMP reaches; keeps the sums below from overflowing.
  months = std::clamp(months, int64_t{-12'000'000}, int64_t{12'000'000});
  const CivilDate date = civil_from_days(days);
  const int64_t count = date.year * 12 + (date.month - 1) + months;
  const int64_t year = floor_div(count, 12);
  const int month = static_cast<int>(floor_mod(count, 12)) + 1;
  return days_from_civil(year, month, std::min(date.day, days_in_month(year, month)));
}

int64_t add_months(int64_t micros, int64_t months) {
  const int64_t days = floor_div(micros, kMicrosPerDay);
  const int64_t rest = floor_mod(micros, kMicrosPerDay);
  return wrap_add(wrap_mul(add_months_to_days(days, months), kMicrosPerDay), rest);
}

int64_t months_between(int64_t from, int64_t to) {
  if (to < from) return -months_between(to, from);
  const CivilDate a = civil_from_days(floor_div(from, kMicrosPerDay));
  const CivilDate b = civil_from_days(floor_div(to, kMicrosPerDay));
  const int64_t months = (b.year - a.year) * 12 + b.month - a.month;
  return add_months(from, months) > to ? months - 1 : months;
}

std::optional<TimeUnit> parse_time_unit(std::string_view name) {
  if (name.starts_with("SQL_TSI_")) name.remove_prefix(8);
  for (const UnitName& unit : kUnitNames) {
    if (name == unit.name) return unit.unit;
    if (name.size() == unit.name.size() + 1 && name.ends_with('S') && name.starts_with(unit.name)) {
      return unit.unit;
    }
  }
  if (name == "FRAC_SECOND") return TimeUnit::kMicrosecond;
  return std::nullopt;
}

std::string_view time_unit_name(TimeUnit unit) {
  for (const UnitName& entry : kUnitNames) {
    if (entry.unit == unit) return entry.name;
  }
  return "UNIT";
}

int64_t unit_micros(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMicrosecond:
      return 1;
    case TimeUnit::kMillisecond:
      return kMicrosPerMilli;
    case TimeUnit::kSecond:
      return kMicrosPerSecond;
    case TimeUnit::kMinute:
      return kMicrosPerMinute;
    case TimeUnit::kHour:
      return kMicrosPerHour;
    case TimeUnit::kDay:
      return kMicrosPerDay;
    case TimeUnit::kWeek:
      return 7 * kMicrosPerDay;
    default:
      return 0;
  }
}

int64_t extract_unit(TimeUnit unit, int64_t micros) {
  const int64_t of_day = floor_mod(micros, kMicrosPerDay);
  switch (unit) {
    case TimeUnit::kEpoch:
      return floor_div(micros, kMicrosPerSecond);
    case TimeUnit::kHour:
      return of_day / kMicrosPerHour;
    case TimeUnit::kMinute:
      return of_day / kMicrosPerMinute % 60;
    case TimeUnit::kSecond:
      return of_day / kMicrosPerSecond % 60;
    case TimeUnit::kMillisecond:
      return of_day % kMicrosPerSecond / 1000;
    case TimeUnit::kMicrosecond:
      return of_day % kMicrosPerSecond;
    case TimeUnit::kNanosecond:
      return of_day % kMicrosPerSecond * 1000;
    default:
      return extract_from_date(unit, floor_div(micros, kMicrosPerDay));
  }
}

int64_t floor_to_unit(TimeUnit unit, int64_t micros, bool up) {
  const int64_t length = unit_micros(unit);
  if (length == 0) return floor_calendar(unit, micros, up);
  // Weeks start on Sunday; 1970-01-04 was one.
  const int64_t shift = unit == TimeUnit::kWeek ? 3 * kMicrosPerDay : 0;
  const int64_t rest = floor_mod(wrap_sub(micros, shift), length);
  if (rest == 0) return micros;
  return up ? wrap_add(micros, length - rest) : wrap_sub(micros, rest);
}

void append_padded(std::string& out, int64_t value, int width) {
  std::array<char, 24> text{};
  int count = 0;
  const bool negative = value < 0;
  auto rest = negative ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  do {
    text[static_cast<size_t>(count++)] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (count < width) text[static_cast<size_t>(count++)] = '0';
  if (negative) out += '-';
  while (count > 0) out += text[static_cast<size_t>(--count)];
}

void append_date(std::string& out, int64_t days) {
  const CivilDate date = civil_from_days(days);
  append_padded(out, date.year, 4);
  out += '-';
  append_padded(out, date.month, 2);
  out += '-';
  append_padded(out, date.day, 2);
}

void append_time(std::string& out, int64_t micros_of_day, int digits) {
  append_padded(out, micros_of_day / kMicrosPerHour, 2);
  out += ':';
  append_padded(out, micros_of_day / kMicrosPerMinute % 60, 2);
  out += ':';
  append_padded(out, micros_of_day / kMicrosPerSecond % 60, 2);
  if (digits <= 0) return;
  out += '.';
  const size_t start = out.size();
  append_padded(out, micros_of_day % kMicrosPerSecond, 6);
  out.resize(start + static_cast<size_t>(std::min(digits, 6)));
}

void append_timestamp(std::string& out, int64_t micros, int digits) {
  append_date(out, floor_div(micros, kMicrosPerDay));
  out += ' ';
  append_time(out, floor_mod(micros, kMicrosPerDay), digits);
}

void append_interval_months(std::string& out, int64_t months) {
  out += months < 0 ? '-' : '+';
  const auto size = months < 0 ? ~static_cast<uint64_t>(months) + 1 : static_cast<uint64_t>(months);
  append_padded(out, static_cast<int64_t>(size / 12), 1);
  out += '-';
  append_padded(out, static_cast<int64_t>(size % 12), 2);
}

void append_interval_millis(std::string& out, int64_t millis) {
  out += millis < 0 ? '-' : '+';
  const auto size = millis < 0 ? ~static_cast<uint64_t>(millis) + 1 : static_cast<uint64_t>(millis);
  append_padded(out, static_cast<int64_t>(size / kMillisPerDay), 1);
  out += ' ';
  append_time(out, static_cast<int64_t>(size % kMillisPerDay) * kMicrosPerMilli, 3);
}

int64_t truncate_to_precision(int64_t micros, int digits) {
  if (digits >= 6) return micros;
  int64_t unit = 1;
  for (int i = digits; i < 6; ++i) unit *= 10;
  return wrap_sub(micros, floor_mod(micros, unit));
}

}  // namespace millstream::analytics
