// The half of value_parser.h about dates and times.
#include <algorithm>

#include "analytics/formats/value_parser.h"

namespace millstream::analytics {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kMaxYear = 200'000;  // microseconds since 1970 fit into 64 bits

// Days since 1970-01-01 in the proleptic Gregorian calendar; `day` may be past the month's end.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  // Years that begin in March: the leap day comes last.
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

int64_t days_in_month(int64_t year, int64_t month) {
  constexpr int8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : p_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return p_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - p_); }
  char peek() const { return p_ == end_ ? '\0' : *p_; }
  bool take(char c) {
    if (peek() != c || done()) return false;
    ++p_;
    return true;
  }
  // `least` to `most` digits.
  bool number(size_t least, size_t most, int64_t& value) {
    size_t count = 0;
    value = 0;
    for (; count < most && p_ != end_ && is_digit(*p_); ++p_, ++count) {
      value = value * 10 + (*p_ - '0');
    }
    return count >= least;
  }
  // Up to nine digits of a fraction, as microseconds.
  bool fraction(int64_t& micros, bool any_length) {
    micros = 0;
    int64_t unit = kMicrosPerSecond / 10;
    size_t count = 0;
    for (; p_ != end_ && is_digit(*p_); ++p_, ++count) {
      micros += (*p_ - '0') * unit;
      unit /= 10;
    }
    return any_length || count <= 9;
  }

 private:
  const char* p_;
  const char* end_;
};

enum class DayRule : uint8_t {
  kStrict,   // the day must exist
  kClamp,    // Java's SMART: 31 February is its last day
  kRunOver,  // java.sql.Date.valueOf
};

bool take_date(Reader& in, DayRule rule, bool short_fields, int64_t& days) {
  const bool negative = in.take('-');
  const bool longer = !negative && in.take('+');
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  const size_t least = short_fields ? 1 : 2;
  if (!in.number(longer ? 5 : 4, longer || negative ? 10 : 4, year) || !in.take('-') ||
      !in.number(least, 2, month) || !in.take('-') || !in.number(least, 2, day)) {
    return false;
  }
  if (year > kMaxYear || month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (negative) year = -year;
  const int64_t last = days_in_month(year, month);
  if (day > last) {
    if (rule == DayRule::kStrict) return false;
    if (rule == DayRule::kClamp) day = last;
  }
  days = days_from_civil(year, month, day);
  return true;
}

struct ClockRule {
  bool seconds = true;        // must be there
  bool short_fields = false;  // one digit is enough
  bool midnight24 = false;    // "24:00:00" is the end of the day
  bool any_fraction = false;  // digits after the ninth are cut
};

// Microseconds of the day.
bool take_clock(Reader& in, const ClockRule& rule, int64_t& micros) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  const size_t least = rule.short_fields ? 1 : 2;
  if (!in.number(least, 2, hour) || !in.take(':') || !in.number(least, 2, minute)) return false;
  if (in.take(':')) {
    if (!in.number(least, 2, second)) return false;
    if (in.take('.') && !in.fraction(fraction, rule.any_fraction)) return false;
  } else if (rule.seconds) {
    return false;
  }
  const bool end_of_day =
      rule.midnight24 && hour == 24 && minute == 0 && second == 0 && fraction == 0;
  if ((hour > 23 && !end_of_day) || minute > 59 || second > 59) return false;
  micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

// "Z", "+02:00", "-05:30:10": seconds east of UTC.
bool take_offset(Reader& in, int64_t& seconds) {
  seconds = 0;
  if (in.take('Z') || in.take('z')) return true;
  const bool west = in.peek() == '-';
  if (!in.take('-') && !in.take('+')) return false;
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!in.number(2, 2, hour)) return false;
  const bool colon = in.take(':');
  if ((colon || !in.done()) && !in.number(2, 2, minute)) return false;
  if (in.take(':') && !in.number(2, 2, second)) return false;
  if (hour > 18 || minute > 59 || second > 59) return false;
  seconds = (hour * 60 + minute) * 60 + second;
  if (west) seconds = -seconds;
  return true;
}

int64_t cut(int64_t micros, int32_t precision) {
  int64_t unit = 1;
  for (int32_t i = precision; i < kMaxTimestampPrecision; ++i) unit *= 10;
  const int64_t rest = micros % unit;
  return micros - (rest < 0 ? rest + unit : rest);
}

bool take_lenient(Reader& in, bool zone, int64_t& micros) {
  int64_t days = 0;
  int64_t clock = 0;
  int64_t offset = 0;
  if (!take_date(in, DayRule::kStrict, true, days)) return false;
  if (in.take(' ') || in.take('T') || in.take('t')) {
    const ClockRule rule{
        .seconds = false, .short_fields = true, .midnight24 = false, .any_fraction = true};
    if (!take_clock(in, rule, clock)) return false;
    if (!in.done() && !take_offset(in, offset)) return false;
  }
  (void)zone;
  micros = days * kSecondsPerDay * kMicrosPerSecond + clock - offset * kMicrosPerSecond;
  return in.done();
}

}  // namespace

bool parse_timestamp(std::string_view text, TimeSyntax syntax, bool zone, int32_t precision,
                     int64_t& micros) {
  Reader in(text);
  if (syntax == TimeSyntax::kLenient) {
    if (!take_lenient(in, zone, micros)) return false;
    micros = cut(micros, precision);
    return true;
  }
  // Java's formatters: ISO_LOCAL_DATE_TIME resolves strictly, the composed ones smartly.
  const bool strict = syntax == TimeSyntax::kIso && !zone;
  const ClockRule rule{.seconds = syntax == TimeSyntax::kSql,
                       .short_fields = false,
                       .midnight24 = !strict,
                       .any_fraction = false};
  int64_t days = 0;
  int64_t clock = 0;
  int64_t offset = 0;
  if (!take_date(in, strict ? DayRule::kStrict : DayRule::kClamp, false, days)) return false;
  const bool separated =
      syntax == TimeSyntax::kSql ? in.take(' ') : in.take('T') || (strict && in.take('t'));
  if (!separated || !take_clock(in, rule, clock)) return false;
  if (syntax == TimeSyntax::kIsoWithOffset) {
    if (!take_offset(in, offset)) return false;
  } else if (zone && !in.take('Z')) {
    return false;
  }
  if (!in.done()) return false;
  micros =
      cut(days * kSecondsPerDay * kMicrosPerSecond + clock - offset * kMicrosPerSecond, precision);
  return true;
}

bool parse_date(std::string_view text, bool lenient, int64_t& days) {
  Reader in(text);
  return take_date(in, lenient ? DayRule::kRunOver : DayRule::kStrict, lenient, days) && in.done();
}

bool parse_time(std::string_view text, bool seconds, int32_t precision, int64_t& millis) {
  Reader in(text);
  const ClockRule rule{
      .seconds = seconds, .short_fields = false, .midnight24 = seconds, .any_fraction = false};
  int64_t micros = 0;
  if (!take_clock(in, rule, micros) || !in.done()) return false;
  millis = cut(micros, std::min(precision, 3)) / 1000 % (kSecondsPerDay * 1000);
  return true;
}

}  // namespace millstream::analytics
