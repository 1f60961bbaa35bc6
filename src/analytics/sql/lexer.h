// A script's text as tokens of a dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/sql/ast.h"
#include "analytics/sql/keywords.h"

namespace millstream::analytics::sql {

struct Token {
  enum class Kind : uint8_t {
    kEnd,    // behind the last one
    kError,  // the last one, where the script can't be read: Tokens::error says why
    kWord,   // unquoted: an identifier or a keyword
    kQuotedIdentifier,
    kNumber,
    kString,  // with its prefix: e'…', U&'…', _UTF8'…'
    kSymbol,
    kHintBegin,  // /*+ and its */ (Flink)
    kHintEnd,
  };
  Kind kind = Kind::kEnd;
  Word word;  // of kWord, if the grammars know it
  Position position;
  uint32_t length = 0;

  uint32_t end() const { return position.offset + length; }
};

struct Tokens {
  std::vector<Token> tokens;  // the last is kEnd or kError
  std::string error;
  bool unterminated = false;  // the error is a quote or comment that never ends
};

// Splits a script of at most kMaxScriptBytes of valid UTF-8 (first_invalid_utf8). Work and memory
// are linear in its length. A failure is the last token, so that whoever reads the tokens reports
// what stands before it first.
Tokens tokenize(std::string_view script, Dialect dialect);

// The offset of the first byte that isn't UTF-8; npos if all is.
size_t first_invalid_utf8(std::string_view text);
// The line and column of an offset.
Position position_of(std::string_view script, size_t offset);

}  // namespace millstream::analytics::sql
