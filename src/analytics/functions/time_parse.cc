// Reading dates and times from text, and time zones (time_value.h).

// As Debian's package of the date library was built.
#define ONLY_C_LOCALE 1
#define HAS_STRING_VIEW 1
#define USE_OS_TZDB 1
#include <date/tz.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "analytics/functions/number_text.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits of one field; blanks around it are skipped.
std::optional<int64_t> parse_field(std::string_view text) {
  text = trim_space(text);
  if (text.empty() || text.size() > 9) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Reads `text` from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // A number of `least` to `most` digits.
  std::optional<int64_t> number(size_t least, size_t most) {
    int64_t value = 0;
    const size_t start = at_;
    while (!done() && at_ - start < most && is_digit(text_[at_])) {
      value = value * 10 + (text_[at_++] - '0');
    }
    if (at_ - start < least) return std::nullopt;
    return value;
  }
  // The digits behind a point, as microseconds.
  std::optional<int64_t> fraction() {
    int64_t value = 0;
    size_t digits = 0;
    for (; !done() && is_digit(text_[at_]); ++at_, ++digits) {
      if (digits < 6) value = value * 10 + (text_[at_] - '0');
    }
    if (digits > 9) return std::nullopt;
    for (; digits < 6; ++digits) value *= 10;
    return value;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

bool is_date(int64_t year, int64_t month, int64_t day) {
  return year >= 0 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
         day <= days_in_month(year, static_cast<int>(month));
}

class Utc final : public TimeZone {
 public:
  explicit Utc(int64_t offset_us) : offset_us_(offset_us) {}
  int64_t offset_us(int64_t) const override { return offset_us_; }
  int64_t to_utc(int64_t local_us) const override { return wrap_sub(local_us, offset_us_); }

 private:
  int64_t offset_us_;
};

// Where the data base has rules: years that the library can hold.
constexpr int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31 23:59:59

class NamedZone final : public TimeZone {
 public:
  explicit NamedZone(const date::time_zone* zone) : zone_(zone) {}

  int64_t offset_us(int64_t utc_us) const override {
    const int64_t second = clamp(floor_div(utc_us, kMicrosPerSecond));
    // Rows of a batch lie close together: the last interval of constant offset mostly holds.
    thread_local Cached cached;
    if (cached.zone != zone_ || second < cached.begin || second >= cached.end) {
      const auto info = zone_->get_info(std::chrono::sys_seconds(std::chrono::seconds(second)));
      cached = {zone_, info.begin.time_since_epoch().count(), info.end.time_since_epoch().count(),
                info.offset.count() * kMicrosPerSecond};
    }
    return cached.offset_us;
  }

  int64_t to_utc(int64_t local_us) const override {
    const int64_t second = clamp(floor_div(local_us, kMicrosPerSecond));
    const auto info = zone_->get_info(date::local_seconds(std::chrono::seconds(second)));
    // In a gap, the offset before it moves the time behind it; of two, the first is the earlier.
    return wrap_sub(local_us, info.first.offset.count() * kMicrosPerSecond);
  }

 private:
  struct Cached {
    const date::time_zone* zone = nullptr;
    int64_t begin = 0;
    int64_t end = 0;
    int64_t offset_us = 0;
  };
  static int64_t clamp(int64_t second) {
    return std::min(std::max(second, kFirstSecond), kLastSecond);
  }
  const date::time_zone* zone_;
};

// "+8", "+08:00", "-0330", also behind "GMT" or "UTC".
std::optional<int64_t> parse_offset(std::string_view name) {
  if (name == "UTC" || name == "GMT" || name == "Z" || name == "Etc/UTC" || name.empty()) return 0;
  if (name.starts_with("GMT") || name.starts_with("UTC")) name.remove_prefix(3);
  if (name.size() < 2 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  const bool negative = name[0] == '-';
  Scanner scanner(name.substr(1));
  const auto hours = scanner.number(1, 2);
  if (!hours) return std::nullopt;
  int64_t minutes = 0;
  if (!scanner.done()) {
    scanner.take(':');
    const auto rest = scanner.number(2, 2);
    if (!rest || !scanner.done()) return std::nullopt;
    minutes = *rest;
  }
  if (*hours > 18 || minutes > 59) return std::nullopt;
  const int64_t offset = (*hours * 60 + minutes) * kMicrosPerMinute;
  return negative ? -offset : offset;
}

std::unique_ptr<TimeZone> make_time_zone(std::string_view name) {
  if (const auto offset = parse_offset(name)) return std::make_unique<Utc>(*offset);
  try {
    return std::make_unique<NamedZone>(date::locate_zone(name));
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace

std::optional<int64_t> parse_date(std::string_view text) {
  if (const size_t blank = text.find(' '); blank != std::string_view::npos && blank > 0) {
    text = text.substr(0, blank);
  }
  int64_t parts[3] = {1970, 1, 1};
  for (int i = 0; i < 3; ++i) {
    const size_t hyphen = i < 2 ? text.find('-') : std::string_view::npos;
    const auto value = parse_field(text.substr(0, hyphen));
    if (!value) return std::nullopt;
    parts[i] = *value;
    if (hyphen == std::string_view::npos) break;
    text = text.substr(hyphen + 1);
  }
  if (!is_date(parts[0], parts[1], parts[2])) return std::nullopt;
  return days_from_civil(parts[0], static_cast<int>(parts[1]), static_cast<int>(parts[2]));
}

std::optional<int64_t> parse_time(std::string_view text) {
  text = trim_space(text);
  Scanner scanner(text);
  const auto hours = scanner.number(1, 2);
  if (!hours) return std::nullopt;
  int64_t minutes = 0;
  int64_t seconds = 0;
  int64_t micros = 0;
  if (scanner.take(':')) {
    const auto value = scanner.number(1, 2);
    if (!value) return std::nullopt;
    minutes = *value;
    if (scanner.take(':')) {
      const auto rest = scanner.number(1, 2);
      if (!rest) return std::nullopt;
      seconds = *rest;
      if (scanner.take('.')) {
        const auto fraction = scanner.fraction();
        if (!fraction) return std::nullopt;
        micros = *fraction;
      }
    }
  }
  if (!scanner.done() || *hours > 23 || minutes > 59 || seconds > 59) return std::nullopt;
  return ((*hours * 60 + minutes) * 60 + seconds) * 1000 + micros / 1000;
}

std::optional<int64_t> parse_timestamp(std::string_view text, bool lenient) {
  if (lenient) text = trim_space(text);
  Scanner scanner(text);
  const auto year = scanner.number(4, 4);
  if (!year || !scanner.take('-')) return std::nullopt;
  const auto month = scanner.number(1, 2);
  if (!month || !scanner.take('-')) return std::nullopt;
  const auto day = scanner.number(1, 2);
  if (!day || !is_date(*year, *month, *day)) return std::nullopt;
  const int64_t days = days_from_civil(*year, static_cast<int>(*month), static_cast<int>(*day));
  if (scanner.done()) return days * kMicrosPerDay;

  if (!scanner.take(' ') && !(lenient && scanner.take('T'))) return std::nullopt;
  const auto hours = scanner.number(1, 2);
  if (!hours || !scanner.take(':')) return std::nullopt;
  const auto minutes = scanner.number(1, 2);
  if (!minutes) return std::nullopt;
  int64_t seconds = 0;
  int64_t micros = 0;
  if (!lenient || !scanner.done()) {
    if (!scanner.take(':')) return std::nullopt;
    const auto value = scanner.number(1, 2);
    if (!value) return std::nullopt;
    seconds = *value;
    if (scanner.take('.')) {
      const auto fraction = scanner.fraction();
      if (!fraction) return std::nullopt;
      micros = *fraction;
    }
    if (lenient) scanner.take('Z');
  }
  if (!scanner.done() || *hours > 23 || *minutes > 59 || seconds > 59) return std::nullopt;
  return days * kMicrosPerDay + ((*hours * 60 + *minutes) * 60 + seconds) * kMicrosPerSecond +
         micros;
}

Result<const TimeZone*> find_time_zone(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<TimeZone>, std::less<>> zones;
  const std::lock_guard lock(mutex);
  if (const auto found = zones.find(name); found != zones.end()) return found->second.get();
  auto zone = name.size() < 64 ? make_time_zone(name) : nullptr;
  if (!zone) {
    return fail(ErrorCode::kInvalidArgument,
                "time zone '{}' is unknown: use a name of the IANA time zone database such as "
                "Asia/Tokyo, or an offset such as GMT+08:00",
                name.substr(0, 64));
  }
  return zones.emplace(std::string(name), std::move(zone)).first->second.get();
}

const TimeZone& checked_time_zone(std::string_view name) {
  static const TimeZone* const utc = *find_time_zone("UTC");
  if (name == "UTC") return *utc;
  const auto zone = find_time_zone(name);
  return zone ? **zone : *utc;
}

}  // namespace millstream::analytics
