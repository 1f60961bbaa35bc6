#include "analytics/sql/lexer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace millstream::analytics::sql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0U) == 0x80; }

// The bytes of the UTF-8 character that begins with `first`.
size_t character_length(char first) {
  const auto byte = static_cast<uint8_t>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

uint32_t decode(std::string_view character) {
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(character[i]));
  };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return ((byte(0) & 0x1FU) << 6U) | (byte(1) & 0x3FU);
    case 3:
      return ((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
    default:
      return ((byte(0) & 0x07U) << 18U) | ((byte(1) & 0x3FU) << 12U) | ((byte(2) & 0x3FU) << 6U) |
             (byte(3) & 0x3FU);
  }
}

// Characters beyond ASCII are letters, except in the blocks of signs, punctuation and symbols:
// dashes and quotes pasted from a word processor must not become names.
bool is_unicode_letter(uint32_t code) {
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  static constexpr std::array<Range, 14> kSigns{{{0x80, 0xA9},
                                                 {0xAB, 0xB4},
                                                 {0xB6, 0xB9},
                                                 {0xBB, 0xBF},
                                                 {0xD7, 0xD7},
                                                 {0xF7, 0xF7},
                                                 {0x2000, 0x2BFF},
                                                 {0x3000, 0x3004},
                                                 {0x3008, 0x3020},
                                                 {0xE000, 0xF8FF},
                                                 {0xFE10, 0xFE6F},
                                                 {0xFEFF, 0xFF20},
                                                 {0xFFE0, 0xFFFF},
                                                 {0x1F000, 0x1FAFF}}};
  return std::ranges::none_of(
      kSigns, [&](const Range& range) { return code >= range.first && code <= range.last; });
}

class Lexer {
 public:
  Lexer(std::string_view script, Dialect dialect) : script_(script), dialect_(dialect) {}

  Tokens run() && {
    if (script_.starts_with("\xEF\xBB\xBF"))
      place_.offset = 3;  // a byte order mark is no character
    while (tokens_.error.empty()) {
      if (!skip_blanks()) break;
      if (offset() == script_.size()) {
        finish();
        break;
      }
      next();
    }
    return std::move(tokens_);
  }

 private:
  size_t offset() const { return place_.offset; }
  char at(size_t ahead) const {
    return offset() + ahead < script_.size() ? script_[offset() + ahead] : '\0';
  }
  bool rest_starts_with(std::string_view text) const {
    return script_.substr(offset()).starts_with(text);
  }

  void advance(size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      const char c = script_[place_.offset++];
      if (c == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if (!is_continuation(c)) {
        ++place_.column;
      }
    }
  }

  void push(Token::Kind kind, size_t length, Word word = {}) {
    tokens_.tokens.push_back({kind, word, place_, static_cast<uint32_t>(length)});
    advance(length);
  }

  bool fail(Position position, size_t length, std::string message) {
    tokens_.error = std::move(message);
    tokens_.tokens.push_back({Token::Kind::kError, {}, position, static_cast<uint32_t>(length)});
    return false;
  }

  bool unterminated(Position begin, std::string_view what, std::string_view end) {
    tokens_.unterminated = true;
    return fail(begin, 1, fmt::format("{} that begins here does not end: expected {}", what, end));
  }

  void finish() {
    if (hint_) {
      unterminated(*hint_, "the hint", "*/");
    } else {
      push(Token::Kind::kEnd, 0);
    }
  }

  // Blanks and comments. False after an error.
  bool skip_blanks() {
    while (offset() < script_.size()) {
      const char c = at(0);
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        advance(1);
      } else if (rest_starts_with("\xC2\xA0")) {  // no-break space, from web pages
        advance(2);
      } else if (rest_starts_with("--") || rest_starts_with("//")) {
        advance(std::min(script_.find('\n', offset()), script_.size()) - offset());
      } else if (rest_starts_with("/*") && !(dialect_ == Dialect::kFlink && at(2) == '+')) {
        const Position begin = place_;
        const size_t end = script_.find("*/", offset() + 2);
        if (end == std::string_view::npos) return unterminated(begin, "the comment", "*/");
        advance(end + 2 - offset());
      } else {
        break;
      }
    }
    return true;
  }

  void next() {
    const char c = at(0);
    if (const size_t prefix = string_prefix(); prefix != std::string_view::npos) {
      string(prefix);
    } else if (is_letter(c) || c == '_' || static_cast<uint8_t>(c) >= 0x80) {
      word();
    } else if (is_digit(c) || (c == '.' && is_digit(at(1)) && !after_name())) {
      number();
    } else if (c == '"' || c == '`') {
      quoted_identifier(c);
    } else {
      symbol();
    }
  }

  // t.1 is no number; a blank before ".5" makes it one.
  bool after_name() const {
    if (tokens_.tokens.empty()) return false;
    const Token& last = tokens_.tokens.back();
    return last.end() == place_.offset && last.kind != Token::Kind::kSymbol;
  }

  // The length of what stands before the quote of a string; npos where no string begins.
  size_t string_prefix() const {
    const char c = at(0);
    if (c == '\'') return 0;
    if (c == '_') {
      size_t length = 1;  // _UTF8'…', _ISO-8859-1'…'
      while (is_letter(at(length)) || is_digit(at(length)) || at(length) == '-' ||
             at(length) == '_' || at(length) == ':' || at(length) == '.') {
        ++length;
      }
      return length > 1 && at(length) == '\'' ? length : std::string_view::npos;
    }
    if ((c == 'u' || c == 'U') && at(1) == '&' && at(2) == '\'') return 2;
    const bool one_letter = c == 'n' || c == 'N' || c == 'x' || c == 'X' ||
                            ((c == 'e' || c == 'E') && dialect_ == Dialect::kFlink);
    return one_letter && at(1) == '\'' ? 1 : std::string_view::npos;
  }

  void string(size_t prefix) {
    const bool escapes = prefix == 1 && (at(0) == 'e' || at(0) == 'E');
    size_t end = offset() + prefix + 1;
    for (;; ++end) {
      if (end >= script_.size()) {
        unterminated(place_, "the string", "'");
        return;
      }
      if (escapes && script_[end] == '\\') {
        ++end;
      } else if (script_[end] == '\'') {
        if (end + 1 >= script_.size() || script_[end + 1] != '\'') break;
        ++end;
      }
    }
    push(Token::Kind::kString, end + 1 - offset());
  }

  void quoted_identifier(char quote) {
    if (quote != (dialect_ == Dialect::kKinesis ? '"' : '`')) {
      fail(place_, 1,
           dialect_ == Dialect::kKinesis
               ? "unexpected '`': names are quoted by \"…\", strings by '…'"
               : "unexpected '\"': names are quoted by `…`, strings by '…'");
      return;
    }
    size_t end = offset() + 1;
    for (;; ++end) {
      if (end >= script_.size()) {
        unterminated(place_, "the quoted name", std::string_view(&quote, 1));
        return;
      }
      if (static_cast<uint8_t>(script_[end]) < 0x20) {
        fail(place_, 1, "the quoted name that begins here holds a control character or a line end");
        return;
      }
      if (script_[end] != quote) continue;
      if (end + 1 >= script_.size() || script_[end + 1] != quote) break;
      ++end;
    }
    if (end == offset() + 1) {
      fail(place_, 2, "a quoted name can't be empty");
      return;
    }
    push(Token::Kind::kQuotedIdentifier, end + 1 - offset());
  }

  void word() {
    size_t length = 0;
    while (offset() + length < script_.size()) {
      const char c = at(length);
      if (static_cast<uint8_t>(c) >= 0x80) {
        const std::string_view character = script_.substr(offset() + length, character_length(c));
        if (!is_unicode_letter(decode(character))) break;
        length += character.size();
      } else if (is_letter(c) || is_digit(c) || c == '_' || c == '$') {
        ++length;
      } else {
        break;
      }
    }
    if (length == 0) {
      unexpected_character();
      return;
    }
    std::string upper(script_.substr(offset(), length));
    for (char& c : upper) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    push(Token::Kind::kWord, length, Word::of(upper));
  }

  void number() {
    size_t length = 0;
    while (is_digit(at(length))) ++length;
    if (at(length) == '.') {
      ++length;
      while (is_digit(at(length))) ++length;
    }
    if (at(length) == 'e' || at(length) == 'E') {
      size_t digits = length + 1;
      if (at(digits) == '+' || at(digits) == '-') ++digits;
      if (is_digit(at(digits))) {
        while (is_digit(at(digits))) ++digits;
        length = digits;
      }
    }
    push(Token::Kind::kNumber, length);
  }

  void symbol() {
    if (rest_starts_with("/*+")) {
      if (!hint_) hint_ = place_;
      push(Token::Kind::kHintBegin, 3);
      return;
    }
    if (hint_ && rest_starts_with("*/")) {
      hint_.reset();
      push(Token::Kind::kHintEnd, 2);
      return;
    }
    static constexpr std::array<std::string_view, 8> kPairs{
        "<>", "<=", ">=", "!=", "||", "=>", "::", "->"};
    for (const std::string_view pair : kPairs) {
      if (rest_starts_with(pair)) {
        push(Token::Kind::kSymbol, 2);
        return;
      }
    }
    static constexpr std::string_view kSingles = "+-*/%()[]{},.;:=<>?";
    if (kSingles.contains(at(0))) {
      push(Token::Kind::kSymbol, 1);
    } else {
      unexpected_character();
    }
  }

  void unexpected_character() {
    const std::string_view character = script_.substr(offset(), character_length(at(0)));
    const uint32_t code = decode(character);
    std::string message;
    if (code < 0x20 || code == 0x7F || (code >= 0x80 && code < 0xA0)) {
      message = fmt::format("unexpected control character U+{:04X}", code);
    } else if (code < 0x80) {
      message = fmt::format("unexpected '{}'", character);
    } else {
      message = fmt::format("unexpected '{}' (U+{:04X})", character, code);
    }
    if (code == 0x2018 || code == 0x2019 || code == 0x201C || code == 0x201D) {
      message += ": quotes must be straight, ' and \"";
    } else if (code >= 0x2010 && code <= 0x2015) {
      message += ": write '-' or, for a comment, '--'";
    }
    fail(place_, character.size(), std::move(message));
  }

  std::string_view script_;
  Dialect dialect_;
  Position place_;
  std::optional<Position> hint_;
  Tokens tokens_;
};

}  // namespace

Tokens tokenize(std::string_view script, Dialect dialect) { return Lexer(script, dialect).run(); }

size_t first_invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x80) {
      ++i;
      continue;
    }
    const size_t length = character_length(text[i]);
    if (byte < 0xC2 || byte > 0xF4 || i + length > text.size()) return i;
    for (size_t k = 1; k < length; ++k) {
      if (!is_continuation(text[i + k])) return i;
    }
    const uint32_t code = decode(text.substr(i, length));
    const bool too_short = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (too_short || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return i;
    i += length;
  }
  return std::string_view::npos;
}

Position position_of(std::string_view script, size_t offset) {
  Position position;
  for (; position.offset < offset && position.offset < script.size(); ++position.offset) {
    const char c = script[position.offset];
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if (!is_continuation(c)) {
      ++position.column;
    }
  }
  return position;
}

}  // namespace millstream::analytics::sql
