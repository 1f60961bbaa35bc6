#include "analytics/sql/parser.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/lexer.h"

namespace millstream::analytics::sql {
namespace {

// How much of a line an error shows, in characters, and where the place stands in it if cut.
constexpr size_t kMaxShownCharacters = 100;
constexpr size_t kShownBefore = 60;

bool begins_character(char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80; }

// Follows BEGIN … END of statement sets, in which semicolons don't end the script.
class StatementSets {
 public:
  void see(const Token& token) {
    const bool first = at_begin_;
    at_begin_ = false;
    words_ = {words_[1], words_[2], token.word};
    if (first && open_ && token.word == Word("END")) {
      open_ = false;
    } else if (words_ == Words{"STATEMENT", "SET", "BEGIN"} ||
               words_ == Words{"BEGIN", "STATEMENT", "SET"}) {
      open_ = true;
    }
  }
  void end_statement() {
    at_begin_ = true;
    words_ = {};
  }
  bool open() const { return open_; }

 private:
  using Words = std::array<Word, 3>;

  bool at_begin_ = true;
  bool open_ = false;
  Words words_;
};

}  // namespace

Result<std::vector<Statement>> parse_script(std::string_view script, Dialect dialect) {
  if (script.size() > kMaxScriptBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "the script has {} bytes; at most {} are taken: split it into several applications",
                script.size(), kMaxScriptBytes);
  }
  if (const size_t bad = first_invalid_utf8(script); bad != std::string_view::npos) {
    const Position position = position_of(script, bad);
    return fail(ErrorCode::kInvalidArgument,
                "line {}, column {}: the byte 0x{:02X} is not UTF-8: save the script in that "
                "encoding",
                position.line, position.column, static_cast<uint8_t>(script[bad]));
  }
  return Parser(script, dialect, tokenize(script, dialect)).parse_script();
}

bool is_complete(std::string_view text, Dialect dialect) {
  // Wrong input is complete: parsing it says what is wrong.
  if (text.size() > kMaxScriptBytes || first_invalid_utf8(text) != std::string_view::npos) {
    return true;
  }
  const Tokens tokens = tokenize(text, dialect);
  if (tokens.unterminated) return false;
  if (tokens.tokens.back().kind == Token::Kind::kError) return true;
  StatementSets sets;
  bool ended = false;
  for (const Token& token : tokens.tokens) {
    if (token.kind == Token::Kind::kEnd) break;
    ended = token.kind == Token::Kind::kSymbol && text[token.position.offset] == ';';
    if (ended) {
      sets.end_statement();
    } else {
      sets.see(token);
    }
  }
  return ended && !sets.open();
}

Error error_at(std::string_view script, Position position, std::string_view message) {
  const size_t place = std::min<size_t>(position.offset, script.size());
  size_t begin = place == 0 ? 0 : script.rfind('\n', place - 1);
  begin = place == 0 || begin == std::string_view::npos ? 0 : begin + 1;
  const size_t end = std::min(script.find('\n', place), script.size());

  // The window of the line that is shown: [from, to), around the place.
  size_t from = place;
  for (size_t shown = 0; from > begin && shown < kShownBefore;) {
    --from;
    if (begins_character(script[from])) ++shown;
  }
  size_t to = from;
  for (size_t shown = 0; to < end; ++to) {
    if (begins_character(script[to]) && ++shown > kMaxShownCharacters) break;
  }
  std::string line(from > begin ? "…" : "");
  size_t caret = from > begin ? 1 : 0;
  for (size_t i = from; i < to; ++i) {
    const auto byte = static_cast<uint8_t>(script[i]);
    if (script[i] == '\r' && i + 1 == to) continue;
    line += byte < 0x20 || byte == 0x7F ? ' ' : script[i];
    if (i < place && begins_character(script[i])) ++caret;
  }
  if (to < end) line += "…";
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("line {}, column {}: {}\n  {}\n  {:>{}}", position.line, position.column,
                           message, line, '^', caret + 1)};
}

}  // namespace millstream::analytics::sql
