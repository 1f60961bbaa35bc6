// Tokens, what was expected of them, and errors.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"

namespace millstream::analytics::sql {
namespace {

constexpr size_t kMaxExpectedShown = 14;
constexpr size_t kMaxQuotedText = 40;

// Words first, then symbols, then descriptions; the order of looking otherwise.
std::string list_of(std::vector<std::string> expected) {
  const auto rank = [](const std::string& text) {
    if (text.starts_with('\'')) return 1;
    return text[0] >= 'A' && text[0] <= 'Z' ? 0 : 2;
  };
  std::vector<std::string> shown;
  for (int wanted = 0; wanted < 3; ++wanted) {
    for (std::string& text : expected) {
      if (rank(text) == wanted && std::ranges::find(shown, text) == shown.end()) {
        shown.push_back(text);
      }
    }
  }
  if (shown.size() > kMaxExpectedShown) {
    shown.resize(kMaxExpectedShown);
    shown.emplace_back("other continuations");
  }
  std::string list;
  for (size_t i = 0; i < shown.size(); ++i) {
    if (i > 0) list += i + 1 == shown.size() ? " or " : ", ";
    list += shown[i];
  }
  return list;
}

// Words that are hardly meant as names: what stands before them lacks something.
bool begins_clause(Word word) {
  static constexpr std::array<Word, 22> kClauses{
      "SELECT", "FROM",      "WHERE", "GROUP", "HAVING", "ORDER", "WINDOW", "UNION",
      "EXCEPT", "INTERSECT", "JOIN",  "ON",    "USING",  "AS",    "AND",    "OR",
      "WHEN",   "THEN",      "ELSE",  "END",   "INSERT", "CREATE"};
  return std::ranges::find(kClauses, word) != kClauses.end();
}

// At most kMaxQuotedText characters of one line.
std::string shortened(std::string_view text) {
  std::string result;
  size_t characters = 0;
  for (const char c : text) {
    const bool begins = (static_cast<uint8_t>(c) & 0xC0U) != 0x80;
    if (begins && ++characters > kMaxQuotedText) return result + "…";
    result += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  }
  return result;
}

}  // namespace

const Token& Parser::peek(size_t ahead) const {
  return tokens_.tokens[std::min(next_ + ahead, tokens_.tokens.size() - 1)];
}

std::string_view Parser::text_of(const Token& token) const {
  return script_.substr(token.position.offset, token.length);
}

bool Parser::is(Word word, size_t ahead) const {
  const Token& token = peek(ahead);
  return token.kind == Token::Kind::kWord && token.word == word;
}

bool Parser::is_symbol(std::string_view symbol, size_t ahead) const {
  const Token& token = peek(ahead);
  return token.kind == Token::Kind::kSymbol && text_of(token) == symbol;
}

bool Parser::is_name(size_t ahead) const {
  const Token& token = peek(ahead);
  if (token.kind == Token::Kind::kQuotedIdentifier) return true;
  return token.kind == Token::Kind::kWord && !is_reserved(token.word, dialect_);
}

bool Parser::is_query_start(size_t ahead) const {
  return is("SELECT", ahead) || is("WITH", ahead) || is("VALUES", ahead);
}

void Parser::advance() {
  if (next_ + 1 < tokens_.tokens.size()) ++next_;
  expected_.clear();
}

bool Parser::accept(Word word) {
  if (is(word)) {
    advance();
    return true;
  }
  expected_.emplace_back(word.text());
  return false;
}

bool Parser::accept_symbol(std::string_view symbol) {
  if (is_symbol(symbol)) {
    advance();
    return true;
  }
  expected_.push_back(fmt::format("'{}'", symbol));
  return false;
}

bool Parser::accept_all(std::initializer_list<Word> words) {
  size_t ahead = 0;
  bool all = true;
  for (const Word word : words) all = all && is(word, ahead++);
  if (all) {
    for (size_t i = 0; i < words.size(); ++i) advance();
    return true;
  }
  std::string text;
  for (const Word word : words) text += fmt::format("{}{}", text.empty() ? "" : " ", word.text());
  expected_.push_back(std::move(text));
  return false;
}

Result<> Parser::expect(Word word) {
  if (!accept(word)) return unexpected();
  return {};
}

Result<> Parser::expect_all(std::initializer_list<Word> words) {
  for (const Word word : words) TRY(expect(word));
  return {};
}

Result<> Parser::expect_symbol(std::string_view symbol) {
  if (!accept_symbol(symbol)) return unexpected();
  return {};
}

std::unexpected<Error> Parser::unexpected(std::string_view expected_too) {
  if (!expected_too.empty()) expected_.emplace_back(expected_too);
  const Token* token = &peek();
  if (token->kind == Token::Kind::kError) return error(token->position, tokens_.error);

  const bool alias_was_meant_otherwise =
      next_ > 0 && next_ - 1 == implicit_alias_ && token->kind != Token::Kind::kEnd &&
      token->kind != Token::Kind::kSymbol && !is_reserved(token->word, dialect_);
  if (alias_was_meant_otherwise) token = &tokens_.tokens[implicit_alias_];

  std::string message;
  if (token->kind == Token::Kind::kEnd) {
    message = "unexpected end of the script";
  } else {
    message = fmt::format("unexpected '{}'", shortened(text_of(*token)));
  }
  if (!expected_.empty()) message += ": expected " + list_of(expected_);
  const bool name_was_meant =
      token->kind == Token::Kind::kWord && is_reserved(token->word, dialect_) &&
      !begins_clause(token->word) && std::ranges::any_of(expected_, [](const std::string& text) {
        return text.ends_with("name") || text == "an expression" || text == "an alias";
      });
  if (name_was_meant) {
    message += fmt::format("; {0} is a reserved word: write {1}{2}{1} for a name of that spelling",
                           token->word.text(), flink() ? '`' : '"', text_of(*token));
  }
  return error(token->position, message);
}

std::unexpected<Error> Parser::error(Position position, std::string_view message) const {
  return std::unexpected(error_at(script_, position, message));
}

std::unexpected<Error> Parser::not_yet(Position position, std::string_view what) const {
  return error(position, fmt::format("{} is not yet supported", what));
}

Result<> Parser::check_depth() const {
  if (depth_ <= kMaxDepth) return {};
  return error(peek().position,
               fmt::format("the statement nests deeper than {} levels here: give the inner parts "
                           "names of their own (WITH, views, intermediate streams)",
                           kMaxDepth));
}

}  // namespace millstream::analytics::sql
