// Names, strings, numbers, time units, options.
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"
#include "base/text.h"

namespace millstream::analytics::sql {
namespace {

// SQL Reference, "Identifiers": up to 128 characters.
constexpr size_t kMaxIdentifierCharacters = 128;

size_t characters_of(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return count;
}

void append_utf8(std::string& text, uint32_t code) {
  const auto push = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0U | (code >> 6U));
    push(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    push(0xE0U | (code >> 12U));
    push(0x80U | ((code >> 6U) & 0x3FU));
    push(0x80U | (code & 0x3FU));
  } else {
    push(0xF0U | (code >> 18U));
    push(0x80U | ((code >> 12U) & 0x3FU));
    push(0x80U | ((code >> 6U) & 0x3FU));
    push(0x80U | (code & 0x3FU));
  }
}

// Reads `digits` hexadecimal digits at `place` as a character.
std::optional<uint32_t> code_point(std::string_view text, size_t place, size_t digits) {
  if (place + digits > text.size()) return std::nullopt;
  uint32_t code = 0;
  const char* begin = text.data() + place;
  const auto result = std::from_chars(begin, begin + digits, code, 16);
  if (result.ptr != begin + digits || result.ec != std::errc()) return std::nullopt;
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) || code == 0) return std::nullopt;
  return code;
}

std::string without_doubled_quotes(std::string_view text, char quote) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == quote) ++i;
  }
  return result;
}

// U&'…': \263A, \+01F600, \\. Nothing where an escape is wrong.
std::optional<std::string> without_unicode_escapes(std::string_view text, char escape) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != escape) {
      result += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == escape) {
      result += escape;
      ++i;
      continue;
    }
    const bool long_form = i + 1 < text.size() && text[i + 1] == '+';
    const size_t skip = long_form ? 2 : 1;
    const size_t digits = long_form ? 6 : 4;
    const auto code = code_point(text, i + skip, digits);
    if (!code) return std::nullopt;
    append_utf8(result, *code);
    i += skip + digits - 1;
  }
  return result;
}

// e'…': \n, \t, \', \\, \x41, \u263A, \U0001F600.
std::optional<std::string> without_c_escapes(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      if (text[i] == '\'') ++i;  // doubled
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    static constexpr std::string_view kLetters = "bfnrt";
    static constexpr std::string_view kMeanings = "\b\f\n\r\t";
    if (const size_t letter = kLetters.find(text[i]); letter != std::string_view::npos) {
      result += kMeanings[letter];
      continue;
    }
    const size_t digits = text[i] == 'x' ? 2 : text[i] == 'u' ? 4 : text[i] == 'U' ? 8 : 0;
    if (digits == 0) {
      result += text[i];
      continue;
    }
    const auto code = code_point(text, i + 1, digits);
    if (!code) return std::nullopt;
    append_utf8(result, *code);
    i += digits;
  }
  return result;
}

struct UnitWord {
  Word word;
  TimeUnit unit;
};
constexpr std::array<UnitWord, 36> kUnits{{
    {"YEAR", TimeUnit::kYear},
    {"YEARS", TimeUnit::kYear},
    {"QUARTER", TimeUnit::kQuarter},
    {"QUARTERS", TimeUnit::kQuarter},
    {"MONTH", TimeUnit::kMonth},
    {"MONTHS", TimeUnit::kMonth},
    {"WEEK", TimeUnit::kWeek},
    {"WEEKS", TimeUnit::kWeek},
    {"DAY", TimeUnit::kDay},
    {"DAYS", TimeUnit::kDay},
    {"HOUR", TimeUnit::kHour},
    {"HOURS", TimeUnit::kHour},
    {"MINUTE", TimeUnit::kMinute},
    {"MINUTES", TimeUnit::kMinute},
    {"SECOND", TimeUnit::kSecond},
    {"SECONDS", TimeUnit::kSecond},
    {"MILLISECOND", TimeUnit::kMillisecond},
    {"MICROSECOND", TimeUnit::kMicrosecond},
    {"NANOSECOND", TimeUnit::kNanosecond},
    {"DOW", TimeUnit::kDow},
    {"DOY", TimeUnit::kDoy},
    {"EPOCH", TimeUnit::kEpoch},
    {"DECADE", TimeUnit::kDecade},
    {"CENTURY", TimeUnit::kCentury},
    {"MILLENNIUM", TimeUnit::kMillennium},
    {"ISODOW", TimeUnit::kIsoDow},
    {"ISOYEAR", TimeUnit::kIsoYear},
    {"SQL_TSI_YEAR", TimeUnit::kYear},
    {"SQL_TSI_QUARTER", TimeUnit::kQuarter},
    {"SQL_TSI_MONTH", TimeUnit::kMonth},
    {"SQL_TSI_WEEK", TimeUnit::kWeek},
    {"SQL_TSI_DAY", TimeUnit::kDay},
    {"SQL_TSI_HOUR", TimeUnit::kHour},
    {"SQL_TSI_MINUTE", TimeUnit::kMinute},
    {"SQL_TSI_SECOND", TimeUnit::kSecond},
    {"SQL_TSI_MICROSECOND", TimeUnit::kMicrosecond},
}};

}  // namespace

// The name at the next token, which must be one; any word at all, if the caller allows it.
Identifier Parser::take_identifier() {
  const Token& token = peek();
  Identifier result;
  result.position = token.position;
  const std::string_view text = text_of(token);
  if (token.kind == Token::Kind::kQuotedIdentifier) {
    result.quoted = true;
    result.quote = text[0];
    result.text = without_doubled_quotes(text.substr(1, text.size() - 2), text[0]);
  } else {
    result.text = text;
  }
  advance();
  return result;
}

Result<Identifier> Parser::identifier(std::string_view what) {
  if (!is_name()) return unexpected(what);
  Identifier result = take_identifier();
  if (!flink() && characters_of(result.text) > kMaxIdentifierCharacters) {
    return error(result.position,
                 fmt::format("names have at most {} characters: this one has {}",
                             kMaxIdentifierCharacters, characters_of(result.text)));
  }
  return result;
}

Result<QualifiedName> Parser::qualified_name(std::string_view what) {
  QualifiedName name;
  TRY_ASSIGN(name.emplace_back(), identifier(what));
  while (is_symbol(".")) {
    advance();
    // After a dot even a reserved word can only be a name.
    if (peek().kind != Token::Kind::kWord && !is_name()) return unexpected("a name");
    name.push_back(take_identifier());
  }
  return name;
}

Result<std::vector<Identifier>> Parser::name_list(std::string_view what) {
  std::vector<Identifier> names;
  do {
    TRY_ASSIGN(names.emplace_back(), identifier(what));
  } while (accept_symbol(","));
  return names;
}

Result<std::vector<Identifier>> Parser::names_in_parentheses(std::string_view what) {
  TRY(expect_symbol("("));
  TRY_ASSIGN(auto names, name_list(what));
  TRY(expect_symbol(")"));
  return names;
}

std::optional<Identifier> Parser::implicit_alias() {
  const bool clause_begins =
      (is("WINDOWED") && is("BY", 1)) || is("OFFSET") || is("MINUS") || is("MATCH_RECOGNIZE");
  if (!is_name() || clause_begins) return std::nullopt;
  implicit_alias_ = next_;
  return take_identifier();
}

Result<std::optional<Identifier>> Parser::alias() {
  if (accept("AS")) {
    TRY_ASSIGN(Identifier name, identifier("an alias"));
    return name;
  }
  return implicit_alias();
}

Result<std::string> Parser::string_value(const Token& token, char unicode_escape) const {
  const std::string_view text = text_of(token);
  const size_t quote = text.find('\'');
  const std::string_view prefix = text.substr(0, quote);
  const std::string_view body = text.substr(quote + 1, text.size() - quote - 2);
  std::optional<std::string> value;
  if (prefix.empty() || prefix == "n" || prefix == "N") {
    value = without_doubled_quotes(body, '\'');
  } else if (prefix == "e" || prefix == "E") {
    value = without_c_escapes(body);
  } else if (prefix == "u&" || prefix == "U&") {
    value = without_unicode_escapes(without_doubled_quotes(body, '\''), unicode_escape);
  } else if (prefix == "x" || prefix == "X") {
    return not_yet(token.position, "a binary literal X'…'");
  } else {
    const std::string charset = to_lower(prefix.substr(1));
    if (charset != "utf8" && charset != "utf-8" && charset != "utf16" && charset != "utf-16" &&
        charset != "iso-8859-1" && charset != "latin1") {
      return error(token.position, fmt::format("unknown character set '{}': strings are UTF-8, "
                                               "write '…' or _UTF8'…'",
                                               prefix.substr(1)));
    }
    value = without_doubled_quotes(body, '\'');
  }
  if (!value) {
    return error(token.position,
                 "the string holds an escape that is no character: write \\ and the hexadecimal "
                 "digits of a Unicode character, or the escape character twice for itself");
  }
  return *std::move(value);
}

Result<std::string> Parser::string_literal(std::string_view what) {
  if (peek().kind != Token::Kind::kString) return unexpected(what);
  const Token first = peek();
  advance();
  char unicode_escape = '\\';
  if (is("UESCAPE")) {
    advance();
    const std::string_view escape = text_of(peek());
    const bool one_character =
        peek().kind == Token::Kind::kString && escape.size() == 3 && escape[0] == '\'';
    if (!one_character) return unexpected("a string of one character");
    unicode_escape = escape[1];
    advance();
  }
  TRY_ASSIGN(std::string value, string_value(first, unicode_escape));
  // Strings on lines of their own continue the first one.
  uint32_t line = first.position.line;
  while (peek().kind == Token::Kind::kString && peek().position.line > line) {
    line = peek().position.line;
    TRY_ASSIGN(const std::string more, string_value(peek(), unicode_escape));
    value += more;
    advance();
  }
  return value;
}

Result<int32_t> Parser::small_number(std::string_view what) {
  if (peek().kind != Token::Kind::kNumber) return unexpected(what);
  const auto value = parse_integer<int32_t>(text_of(peek()));
  if (!value) {
    return error(peek().position,
                 fmt::format("'{}' is no whole number between 0 and {}: expected {}",
                             text_of(peek()).substr(0, 40), INT32_MAX, what));
  }
  advance();
  return *value;
}

Result<std::vector<int32_t>> Parser::numbers_in_parentheses() {
  std::vector<int32_t> numbers;
  TRY(expect_symbol("("));
  do {
    TRY_ASSIGN(numbers.emplace_back(), small_number("a number"));
  } while (numbers.size() < 2 && accept_symbol(","));
  TRY(expect_symbol(")"));
  return numbers;
}

std::optional<TimeUnit> Parser::time_unit_at(size_t ahead) const {
  const Token& token = peek(ahead);
  if (token.kind != Token::Kind::kWord || token.word == Word()) return std::nullopt;
  for (const UnitWord& entry : kUnits) {
    if (entry.word == token.word) return entry.unit;
  }
  return std::nullopt;
}

Result<TimeUnit> Parser::time_unit() {
  const auto unit = time_unit_at();
  if (!unit) return unexpected("a time unit (SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, …)");
  advance();
  return *unit;
}

Result<Options> Parser::options() {
  Options result;
  TRY(expect_symbol("("));
  if (accept_symbol(")")) return result;
  do {
    TRY_ASSIGN(std::string key, string_literal("an option's name as a string"));
    TRY(expect_symbol("="));
    TRY_ASSIGN(std::string value, string_literal("the option's value as a string"));
    result.emplace_back(std::move(key), std::move(value));
  } while (accept_symbol(","));
  TRY(expect_symbol(")"));
  return result;
}

}  // namespace millstream::analytics::sql
