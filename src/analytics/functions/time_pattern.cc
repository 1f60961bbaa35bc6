#include "analytics/functions/time_pattern.h"

#include <algorithm>
#include <array>

#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

constexpr auto kMonths =
    std::to_array<std::string_view>({"January", "February", "March", "April", "May", "June", "July",
                                     "August", "September", "October", "November", "December"});
constexpr auto kDays = std::to_array<std::string_view>(
    {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"});
constexpr std::string_view kLetters = "yuMLdDEaHkhKmsSnzXxZ";
constexpr size_t kMaxPatternBytes = 1000;
constexpr int kMaxCount = 19;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_numeric(char letter, int count) {
  if (letter == 'M' || letter == 'L') return count <= 2;
  return letter != 0 && letter != 'E' && letter != 'a' && letter != 'z' && letter != 'X' &&
         letter != 'x' && letter != 'Z';
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// The name that `text` starts with, long or of three letters; 0-based.
template <size_t N>
std::optional<int> take_name(std::string_view& text, const std::array<std::string_view, N>& names) {
  for (size_t i = 0; i < N; ++i) {
    for (const size_t length : {names[i].size(), size_t{3}}) {
      if (text.size() >= length &&
          equal_ignoring_case(text.substr(0, length), names[i].substr(0, length))) {
        text.remove_prefix(length);
        return static_cast<int>(i);
      }
    }
  }
  return std::nullopt;
}

// A number of `least` to `most` digits.
std::optional<int64_t> take_number(std::string_view& text, size_t least, size_t most) {
  int64_t value = 0;
  size_t digits = 0;
  while (digits < most && digits < text.size() && is_digit(text[digits])) {
    value = value * 10 + (text[digits] - '0');
    ++digits;
  }
  if (digits < least) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

// "Z", "+01", "+0100", "+01:00", "GMT+1", "UTC".
std::optional<int64_t> take_zone(std::string_view& text) {
  if (text.starts_with('Z')) {
    text.remove_prefix(1);
    return 0;
  }
  const bool named = text.starts_with("GMT") || text.starts_with("UTC");
  if (named) text.remove_prefix(3);
  if (text.empty() || (text[0] != '+' && text[0] != '-')) {
    return named ? std::optional<int64_t>(0) : std::nullopt;
  }
  const bool negative = text[0] == '-';
  text.remove_prefix(1);
  const auto hours = take_number(text, 1, 2);
  if (!hours || *hours > 18) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  const int64_t minutes = take_number(text, 2, 2).value_or(0);
  const int64_t offset = (*hours * 60 + minutes) * kMicrosPerMinute;
  return negative ? -offset : offset;
}

void append_offset(std::string& out, int64_t offset_us, bool zulu, bool colon, bool minutes) {
  if (offset_us == 0 && zulu) {
    out += 'Z';
    return;
  }
  out += offset_us < 0 ? '-' : '+';
  const int64_t total = (offset_us < 0 ? -offset_us : offset_us) / kMicrosPerMinute;
  append_padded(out, total / 60, 2);
  if (!minutes && total % 60 == 0) return;
  if (colon) out += ':';
  append_padded(out, total % 60, 2);
}

std::string refused(std::string_view pattern, std::string_view why) {
  return fmt::format("invalid date and time pattern '{}': {}", pattern.substr(0, 100), why);
}

}  // namespace

struct TimePattern::Fields {
  int64_t year = 1970;
  int64_t month = 1;
  int64_t day = 1;
  std::optional<int64_t> day_of_year;
  int64_t hour = 0;
  bool half_day = false;  // hour is 0 to 11
  bool afternoon = false;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t micros = 0;
  std::optional<int64_t> offset_us;
};

Result<TimePattern> TimePattern::compile(std::string_view pattern, Style style) {
  if (pattern.size() > kMaxPatternBytes) {
    return fail(ErrorCode::kInvalidArgument, "{}", refused(pattern, "it is too long"));
  }
  TimePattern result;
  result.style_ = style;
  const auto literal = [&result](std::string_view text) {
    if (result.items_.empty() || result.items_.back().letter != 0) result.items_.emplace_back();
    result.items_.back().text += text;
  };
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      if (i + 1 < pattern.size() && pattern[i + 1] == '\'') {
        literal("'");
        i += 2;
        continue;
      }
      const size_t end = pattern.find('\'', i + 1);
      if (end == std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "{}", refused(pattern, "a quote has no end"));
      }
      literal(pattern.substr(i + 1, end - i - 1));
      i = end + 1;
      continue;
    }
    if (!is_letter(c)) {
      if (style == Style::kFormatter &&
          (c == '[' || c == ']' || c == '{' || c == '}' || c == '#')) {
        return fail(ErrorCode::kInvalidArgument, "{}",
                    refused(pattern, fmt::format("'{}' is not yet supported", c)));
      }
      literal(pattern.substr(i, 1));
      ++i;
      continue;
    }
    int count = 1;
    while (i + static_cast<size_t>(count) < pattern.size() &&
           pattern[i + static_cast<size_t>(count)] == c) {
      ++count;
    }
    if (kLetters.find(c) == std::string_view::npos || count > kMaxCount) {
      return fail(ErrorCode::kInvalidArgument, "{}",
                  refused(pattern, fmt::format("the letter {} is not yet supported", c)));
    }
    if (!result.items_.empty() && is_numeric(c, count)) {
      Item& last = result.items_.back();
      last.joined = is_numeric(last.letter, last.count);
    }
    result.items_.push_back({.letter = c, .count = count, .text = ""});
    i += static_cast<size_t>(count);
  }
  return result;
}

void TimePattern::format(std::string& out, int64_t local_us, int64_t offset_us) const {
  for (const Item& item : items_) {
    if (item.letter == 0) {
      out += item.text;
    } else {
      format_item(item, out, local_us, offset_us);
    }
  }
}

void TimePattern::format_item(const Item& item, std::string& out, int64_t local_us,
                              int64_t offset_us) const {
  const int64_t days = floor_div(local_us, kMicrosPerDay);
  const int64_t of_day = floor_mod(local_us, kMicrosPerDay);
  const int64_t hour = of_day / kMicrosPerHour;
  switch (item.letter) {
    case 'y':
    case 'u': {
      const int64_t year = civil_from_days(days).year;
      if (item.count == 2) return append_padded(out, floor_mod(year, 100), 2);
      return append_padded(out, year, item.count);
    }
    case 'M':
    case 'L': {
      const int month = civil_from_days(days).month;
      if (item.count <= 2) return append_padded(out, month, item.count);
      const std::string_view name = kMonths[static_cast<size_t>(month - 1)];
      out += name.substr(0, item.count == 3 ? 3 : item.count == 5 ? 1 : name.size());
      return;
    }
    case 'd':
      return append_padded(out, civil_from_days(days).day, item.count);
    case 'D':
      return append_padded(out, day_of_year(days), item.count);
    case 'E': {
      const std::string_view name = kDays[static_cast<size_t>(iso_weekday(days) - 1)];
      out += name.substr(0, item.count <= 3 ? 3 : name.size());
      return;
    }
    case 'a':
      out += hour < 12 ? "AM" : "PM";
      return;
    case 'H':
      return append_padded(out, hour, item.count);
    case 'k':
      return append_padded(out, hour == 0 ? 24 : hour, item.count);
    case 'h':
      return append_padded(out, hour % 12 == 0 ? 12 : hour % 12, item.count);
    case 'K':
      return append_padded(out, hour % 12, item.count);
    case 'm':
      return append_padded(out, of_day / kMicrosPerMinute % 60, item.count);
    case 's':
      return append_padded(out, of_day / kMicrosPerSecond % 60, item.count);
    case 'n':
      return append_padded(out, of_day % kMicrosPerSecond * 1000, item.count);
    case 'S': {
      const int64_t micros = of_day % kMicrosPerSecond;
      if (style_ == Style::kSimpleDate) return append_padded(out, micros / 1000, item.count);
      const size_t start = out.size();
      append_padded(out, micros, 6);
      out.resize(start + static_cast<size_t>(item.count), '0');
      return;
    }
    case 'X':
    case 'x':
      return append_offset(out, offset_us, item.letter == 'X', item.count == 3, item.count > 1);
    case 'Z':
      return append_offset(out, offset_us, false, item.count == 5, true);
    default:  // z
      out += offset_us == 0 ? "UTC" : "GMT";
      if (offset_us != 0) append_offset(out, offset_us, false, true, true);
      return;
  }
}

bool TimePattern::parse_item(const Item& item, std::string_view& text, Fields& fields) const {
  const auto count = static_cast<size_t>(item.count);
  const bool simple = style_ == Style::kSimpleDate;
  // How many digits: of joined numbers as many as letters; java.time wants two where there are
  // two letters, SimpleDateFormat takes what is there.
  const bool fixed = item.joined || (!simple && count == 2);
  const auto number = [&](size_t most) {
    return fixed ? take_number(text, count, count) : take_number(text, simple ? 1 : count, most);
  };
  const auto within = [&](int64_t low, int64_t high, int64_t& field) {
    const auto value = number(item.letter == 'D' ? 3 : 2);
    if (!value || *value < low || *value > high) return false;
    field = *value;
    return true;
  };
  switch (item.letter) {
    case 'y':
    case 'u': {
      const bool negative = !item.joined && text.starts_with('-');
      if (negative) text.remove_prefix(1);
      const size_t before = text.size();
      const auto year = number(9);
      if (!year) return false;
      fields.year = negative ? -*year : *year;
      // Two digits of a two-letter year: this century's (SimpleDateFormat: from 80 years ago).
      if (count == 2 && before - text.size() == 2) {
        fields.year += simple && *year > 45 ? 1900 : 2000;
      }
      return true;
    }
    case 'M':
    case 'L':
      if (count <= 2) return within(1, 12, fields.month);
      if (const auto month = take_name(text, kMonths)) {
        fields.month = *month + 1;
        return true;
      }
      return false;
    case 'd':
      return within(1, 31, fields.day);
    case 'D':
      return within(1, 366, fields.day_of_year.emplace());
    case 'E':
      return take_name(text, kDays).has_value();
    case 'a': {
      const bool afternoon = text.size() >= 2 && equal_ignoring_case(text.substr(0, 2), "pm");
      if (!afternoon && !(text.size() >= 2 && equal_ignoring_case(text.substr(0, 2), "am"))) {
        return false;
      }
      fields.afternoon = afternoon;
      text.remove_prefix(2);
      return true;
    }
    case 'H':
      return within(0, 23, fields.hour);
    case 'k':
      if (!within(1, 24, fields.hour)) return false;
      fields.hour %= 24;
      return true;
    case 'h':
      fields.half_day = true;
      if (!within(1, 12, fields.hour)) return false;
      fields.hour %= 12;
      return true;
    case 'K':
      fields.half_day = true;
      return within(0, 11, fields.hour);
    case 'm':
      return within(0, 59, fields.minute);
    case 's':
      return within(0, 59, fields.second);
    case 'n': {
      const auto nanos = take_number(text, 1, 9);
      fields.micros = nanos.value_or(0) / 1000;
      return nanos.has_value();
    }
    case 'S': {
      if (simple) {
        const auto millis = take_number(text, 1, item.joined ? count : 9);
        fields.micros = millis.value_or(0) * 1000;
        return millis.has_value();
      }
      auto fraction = take_number(text, count, count);
      if (!fraction) return false;
      for (size_t i = count; i < 6; ++i) *fraction *= 10;
      for (size_t i = 6; i < count; ++i) *fraction /= 10;
      fields.micros = *fraction;
      return true;
    }
    default:
      fields.offset_us = take_zone(text);
      return fields.offset_us.has_value();
  }
}

std::optional<PatternTime> TimePattern::parse(std::string_view text) const {
  Fields fields;
  for (const Item& item : items_) {
    if (item.letter == 0) {
      if (!text.starts_with(item.text)) return std::nullopt;
      text.remove_prefix(item.text.size());
    } else if (!parse_item(item, text, fields)) {
      return std::nullopt;
    }
  }
  if (style_ == Style::kFormatter && !text.empty()) return std::nullopt;
  const auto month = static_cast<int>(fields.month);
  if (fields.day > days_in_month(fields.year, month)) return std::nullopt;
  int64_t days = days_from_civil(fields.year, month, static_cast<int>(fields.day));
  if (fields.day_of_year) days = days_from_civil(fields.year, 1, 1) + *fields.day_of_year - 1;
  if (fields.half_day && fields.afternoon) fields.hour += 12;
  PatternTime time;
  time.local_us = wrap_add(
      wrap_mul(days, kMicrosPerDay),
      ((fields.hour * 60 + fields.minute) * 60 + fields.second) * kMicrosPerSecond + fields.micros);
  time.offset_us = fields.offset_us;
  return time;
}

}  // namespace millstream::analytics
