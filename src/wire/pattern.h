// A regular expression of the models (Java's dialect), compiled at its first use.
#pragma once

#include <atomic>
#include <string_view>

namespace millstream::wire {

struct CompiledPattern;

// Life cycle: static; the compiled form lives until the process ends.
// Threads:    any.
class Pattern {
 public:
  constexpr explicit Pattern(std::string_view text) : text_(text) {}
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  std::string_view text() const { return text_; }  // as in the model, for messages
  // Whether the whole of `value` (UTF-8) matches, as Java's Matcher.matches(). The time is
  // linear in its length.
  bool matches(std::string_view value) const;

 private:
  const CompiledPattern& compiled() const;
  std::string_view text_;
  mutable std::atomic<const CompiledPattern*> compiled_{nullptr};
};

}  // namespace millstream::wire
