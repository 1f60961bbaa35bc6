// Java's regular expressions on RE2: linear time for any pattern and text.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "base/result.h"

namespace millstream::analytics {

// A compiled pattern.
//
// What RE2 lacks (look-around, back-references, possessive quantifiers, intersections and unions
// of character classes) is refused by name; what both have means the same, but for these: `.`
// excludes \n only, and `$` stands for the very end only.
// Threads: any number match at once.
class RegexPattern {
 public:
  // Errors: kInvalidArgument.
  static Result<RegexPattern> compile(std::string_view java_pattern);
  // A pattern of SIMILAR TO: matches the whole text.
  static Result<RegexPattern> compile_similar(std::string_view pattern, std::string_view escape);

  // The leftmost match at or behind byte `from`; groups[0] is the whole of it. Groups that take
  // no part have no data.
  bool find(std::string_view text, size_t from, std::span<re2::StringPiece> groups) const;
  bool matches_somewhere(std::string_view text) const { return find(text, 0, {}); }
  int groups() const { return regex_->NumberOfCapturingGroups(); }

 private:
  std::unique_ptr<re2::RE2> regex_;
  std::string required_;  // every match contains it: most texts without one are told quickly
};

}  // namespace millstream::analytics
