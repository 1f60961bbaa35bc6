// Java's regular expressions, as the AWS models use them, on RE2 (linear time, no look-around).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millstream::wire {

// A Java pattern as conditions on the whole text that must all hold.
struct Re2Condition {
  std::string regex;  // for RE2, matched against the whole text
  bool must_match = true;
};

// What of Java's dialect is known: \uXXXX (and pairs), \s with \x0B, '.' without Java's line
// terminators, \p{ASCII}, possessive quantifiers (as greedy ones), and look-ahead at the start.
// Look-around elsewhere can't be expressed, but for one form: the models' host-name label.
std::vector<Re2Condition> to_re2(std::string_view java);

}  // namespace millstream::wire
