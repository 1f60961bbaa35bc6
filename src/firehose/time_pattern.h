// The patterns of Java's DateTimeFormatter that make sense in object keys.
//
//   y u   year (yy: its last two digits)      H k   hour of day 0-23, 1-24
//   M L   month: number, MMM Jan, MMMM January K h   hour of half day 0-11, 1-12
//   d     day of month                        a     AM or PM
//   D     day of year                         m s   minute, second
//   E     day of week: Mon, EEEE Monday       S     fraction of the second
// The number of letters is the number of digits. 'text' stands for itself, '' for a quote, and
// so does what is neither letter nor one of {}#[]. Other letters are refused by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"

namespace millstream::firehose {

class TimePattern {
 public:
  // Errors: kInvalidArgument.
  static Result<TimePattern> parse(std::string_view text);

  // `local`: milliseconds since 1970 as the clock to be shown counts them.
  std::string format(TimeMs local) const;

 private:
  struct Piece {
    char letter = 0;  // 0: literal
    int count = 0;
    std::string literal;
  };
  std::vector<Piece> pieces_;
};

}  // namespace millstream::firehose
