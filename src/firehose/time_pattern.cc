#include "firehose/time_pattern.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

namespace millstream::firehose {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};

struct Letter {
  char letter;
  int most;  // letters in a row that Java accepts
};
constexpr std::array<Letter, 15> kLetters{{{'y', 9},
                                           {'u', 9},
                                           {'M', 4},
                                           {'L', 4},
                                           {'d', 2},
                                           {'D', 3},
                                           {'E', 4},
                                           {'H', 2},
                                           {'k', 2},
                                           {'K', 2},
                                           {'h', 2},
                                           {'a', 1},
                                           {'m', 2},
                                           {'s', 2},
                                           {'S', 9}}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<> check_letter(char letter, int count, std::string_view text) {
  const auto* known = std::ranges::find(kLetters, letter, &Letter::letter);
  if (known != kLetters.end() && count <= known->most) return {};
  if (known != kLetters.end()) {
    return fail(ErrorCode::kInvalidArgument, "Too many pattern letters '{}' in timestamp:{}",
                letter, text);
  }
  return fail(ErrorCode::kInvalidArgument,
              "Pattern letter '{}' in timestamp:{} is not supported{}; put text in single quotes",
              letter, text,
              letter == 'Y' ? " (Java's week-based year; yyyy is the calendar year)" : "");
}

std::string number(int64_t value, int width) { return fmt::format("{:0{}}", value, width); }

std::string name(std::string_view full, int count) {
  return std::string(count >= 4 ? full : full.substr(0, 3));
}

}  // namespace

Result<TimePattern> TimePattern::parse(std::string_view text) {
  TimePattern pattern;
  const auto literal = [&pattern](char c) {
    if (pattern.pieces_.empty() || pattern.pieces_.back().letter != 0) {
      pattern.pieces_.push_back({});
    }
    pattern.pieces_.back().literal += c;
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (is_letter(c)) {
      const size_t end = std::min(text.find_first_not_of(c, i), text.size());
      const int count = static_cast<int>(end - i);
      TRY(check_letter(c, count, text));
      pattern.pieces_.push_back({c, count, ""});
      i = end;
    } else if (c == '\'') {
      if (i + 1 < text.size() && text[i + 1] == '\'') {
        literal('\'');
        i += 2;
        continue;
      }
      for (++i;; ++i) {
        if (i == text.size()) {
          return fail(ErrorCode::kInvalidArgument,
                      "timestamp:{} has a single quote that is not closed", text);
        }
        if (text[i] != '\'') {
          literal(text[i]);
        } else if (i + 1 < text.size() && text[i + 1] == '\'') {
          literal('\'');
          ++i;
        } else {
          break;
        }
      }
      ++i;
    } else if (std::string_view("{}#[]").contains(c)) {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' in timestamp:{} is reserved; put it in single quotes", c, text);
    } else {
      literal(c);
      ++i;
    }
  }
  if (pattern.pieces_.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "A timestamp expression needs a pattern, e.g. "
                "!{{timestamp:yyyy/MM/dd}}");
  }
  return pattern;
}

std::string TimePattern::format(TimeMs local) const {
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> time{milliseconds(local)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const int64_t year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month());
  const int64_t in_day = (time - day).count();
  const int64_t hour = in_day / 3'600'000;
  std::string out;
  for (const Piece& piece : pieces_) {
    const int count = piece.count;
    switch (piece.letter) {
      case 0:
        out += piece.literal;
        break;
      case 'y':
      case 'u':
        out += count == 2 ? number(year % 100, 2) : number(year, count);
        break;
      case 'M':
      case 'L':
        out += count >= 3 ? name(kMonths[month - 1], count) : number(month, count);
        break;
      case 'd':
        out += number(static_cast<unsigned>(date.day()), count);
        break;
      case 'D': {
        const auto first = std::chrono::sys_days(date.year() / std::chrono::January / 1);
        out += number((day - first).count() + 1, count);
        break;
      }
      case 'E':
        out += name(kDays[std::chrono::weekday(day).c_encoding()], count);
        break;
      case 'H':
        out += number(hour, count);
        break;
      case 'k':
        out += number(hour == 0 ? 24 : hour, count);
        break;
      case 'K':
        out += number(hour % 12, count);
        break;
      case 'h':
        out += number(hour % 12 == 0 ? 12 : hour % 12, count);
        break;
      case 'a':
        out += hour < 12 ? "AM" : "PM";
        break;
      case 'm':
        out += number(in_day / 60'000 % 60, count);
        break;
      case 's':
        out += number(in_day / 1000 % 60, count);
        break;
      case 'S':
        out += (number(in_day % 1000, 3) + "000000").substr(0, static_cast<size_t>(count));
        break;
      default:
        MS_ASSERT(false);
    }
  }
  return out;
}

}  // namespace millstream::firehose
