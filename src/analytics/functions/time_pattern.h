// Patterns of dates and times as Java writes them: "yyyy-MM-dd HH:mm:ss.SSS".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millstream::analytics {

// A time read by a pattern; fields that it does not name are those of 1970-01-01 00:00.
struct PatternTime {
  int64_t local_us = 0;
  std::optional<int64_t> offset_us;  // of a zone in the text
};

// A compiled pattern.
//
// Letters: y u M L d D E a H k h K m s S n z X x Z and quoted text; names are English. What else
// java.time or SimpleDateFormat know is refused by name.
class TimePattern {
 public:
  enum class Style : uint8_t {
    kFormatter,   // java.time.format.DateTimeFormatter: S is a fraction; the whole text must match
    kSimpleDate,  // java.text.SimpleDateFormat: S is milliseconds; more text may follow
  };
  // Errors: kInvalidArgument.
  static Result<TimePattern> compile(std::string_view pattern, Style style);

  void format(std::string& out, int64_t local_us, int64_t offset_us = 0) const;
  std::optional<PatternTime> parse(std::string_view text) const;

 private:
  struct Item {
    char letter = 0;  // 0: literal text
    int count = 0;
    std::string text;
    bool joined = false;  // another number follows at once: its width is fixed
  };
  struct Fields;
  bool parse_item(const Item& item, std::string_view& text, Fields& fields) const;
  void format_item(const Item& item, std::string& out, int64_t local_us, int64_t offset_us) const;

  std::vector<Item> items_;
  Style style_ = Style::kFormatter;
};

}  // namespace millstream::analytics
