// A JSON text read once, from left to right, without copies and without padding behind it.
//
// Accepts what Jackson accepts as Flink sets it up: RFC 8259, and unescaped control characters
// in strings. Every byte passed is checked (syntax, UTF-8), also of values that nobody needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "analytics/formats/value_parser.h"

namespace millstream::analytics {

// Jackson's limits (StreamReadConstraints).
inline constexpr size_t kMaxJsonDepth = 1000;
inline constexpr size_t kMaxJsonNumberLength = 1000;

struct JsonString {
  std::string_view raw;  // between the quotes
  bool escaped = false;  // has backslashes
};

enum class JsonKind : uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull };

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text)
      : begin_(text.data()), p_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return p_ == end_; }
  const char* place() const { return p_; }
  void move_to(const char* place) { p_ = place; }
  std::string_view rest() const { return {p_, static_cast<size_t>(end_ - p_)}; }

  void skip_space() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }
  // The character if it is next; white space before it is skipped.
  bool take(char c) {
    if (p_ != end_ && *p_ == c) {
      ++p_;
      return true;
    }
    skip_space();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  // These bytes, exactly here.
  bool take_bytes(std::string_view bytes) {
    if (static_cast<size_t>(end_ - p_) < bytes.size() || !same_bytes(p_, bytes)) return false;
    p_ += bytes.size();
    return true;
  }

  // What kind of value starts here, nothing consumed; white space before it is skipped. False:
  // none does (see error()).
  bool kind(JsonKind& kind);

  // A string, from its quote on.
  bool string(JsonString& result);
  bool number(NumberParts& parts);
  bool literal(std::string_view word);  // "true", "false", "null"
  // One value of any kind; no recursion. `depth`: of containers open already.
  bool skip_value(size_t depth);

  // What was wrong at the first call that returned false: "byte 17: expected ':'".
  std::string error() const;
  bool fail(const char* what) {
    if (what_ == nullptr) {
      what_ = what;
      failed_at_ = p_;
    }
    return false;
  }
  bool failed() const { return what_ != nullptr; }

 private:
  static bool same_bytes(const char* a, std::string_view b) {
    const char* const with = b.data();
    size_t left = b.size();
    size_t at = 0;
    // Member names are short: eight bytes at a time beat a call of memcmp.
    for (; left >= 8; left -= 8, at += 8) {
      if (load(a + at) != load(with + at)) return false;
    }
    for (; left > 0; --left, ++at) {
      if (a[at] != with[at]) return false;
    }
    return true;
  }
  static uint64_t load(const char* from) {
    uint64_t value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }

  const char* begin_;
  const char* p_;
  const char* end_;
  const char* what_ = nullptr;
  const char* failed_at_ = nullptr;
};

// The characters of an escaped string, appended. False: an escape is wrong.
bool append_unescaped(std::string& out, std::string_view raw);
// A value's text as Jackson's tree prints it: no white space, escapes resolved, doubles as Java
// writes them. `value` has been passed by skip_value().
void append_compact(std::string& out, std::string_view value);

}  // namespace millstream::analytics
