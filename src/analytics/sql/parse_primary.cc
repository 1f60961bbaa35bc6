// Operands: literals, names, parentheses, and forms that begin with a word of their own.
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"
#include "analytics/sql/tree.h"

namespace millstream::analytics::sql {
namespace {

// Functions without parentheses.
constexpr std::array<Word, 13> kNiladic{
    "CURRENT_TIMESTAMP",     "CURRENT_DATE", "CURRENT_TIME",  "LOCALTIME",    "LOCALTIMESTAMP",
    "CURRENT_ROW_TIMESTAMP", "USER",         "CURRENT_USER",  "SESSION_USER", "SYSTEM_USER",
    "CURRENT_CATALOG",       "CURRENT_PATH", "CURRENT_SCHEMA"};

}  // namespace

// The rule for a word that begins a form of its own here; nothing for a name.
Parser::Form Parser::form_at_word() const {
  struct Entry {
    Word word;
    Form form;
  };
  // Whatever follows.
  static constexpr std::array<Entry, 11> kAlways{{
      {"NULL", &Parser::null_literal},
      {"TRUE", &Parser::boolean_literal},
      {"FALSE", &Parser::boolean_literal},
      {"UNKNOWN", &Parser::boolean_literal},
      {"INTERVAL", &Parser::interval_literal},
      {"CASE", &Parser::case_expression},
      {"ARRAY", &Parser::array},
      {"UNIQUE", &Parser::refused_form},
      {"MULTISET", &Parser::refused_form},
      {"PERIOD", &Parser::refused_form},
      {"ROW", &Parser::row},
  }};
  // Before '('.
  static constexpr std::array<Entry, 24> kCalls{{
      {"CAST", &Parser::cast},
      {"TRY_CAST", &Parser::cast},
      {"EXTRACT", &Parser::extract},
      {"FLOOR", &Parser::floor},
      {"CEIL", &Parser::floor},
      {"CEILING", &Parser::floor},
      {"TRIM", &Parser::trim},
      {"SUBSTRING", &Parser::substring},
      {"POSITION", &Parser::position},
      {"OVERLAY", &Parser::overlay},
      {"TIMESTAMPADD", &Parser::timestamp_add},
      {"TIMESTAMPDIFF", &Parser::timestamp_add},
      {"EXISTS", &Parser::exists},
      {"CURSOR", &Parser::cursor},
      {"DESCRIPTOR", &Parser::descriptor},
      {"JSON_VALUE", &Parser::json_call},
      {"JSON_QUERY", &Parser::json_call},
      {"JSON_EXISTS", &Parser::json_call},
      {"JSON_OBJECT", &Parser::json_object},
      {"JSON_OBJECTAGG", &Parser::refused_form},
      {"JSON_ARRAYAGG", &Parser::refused_form},
      {"SAFE_CAST", &Parser::refused_form},
      {"TREAT", &Parser::refused_form},
      {"CONVERT", &Parser::refused_form},
  }};
  const Word word = peek().word;
  if (word == Word()) return nullptr;
  const bool call = is_symbol("(", 1);
  for (const Entry& entry : kAlways) {
    if (entry.word == word && is_reserved(word, dialect_)) return entry.form;
  }
  if (call) {
    for (const Entry& entry : kCalls) {
      if (entry.word == word) return entry.form;
    }
    if (!flink() && is("STEP")) return &Parser::step;
  }
  const bool string_follows = peek(1).kind == Token::Kind::kString;
  if (string_follows && (is("DATE") || is("TIME") || is("TIMESTAMP"))) return &Parser::time_literal;
  if (flink() && is("MAP") && is_symbol("[", 1)) return &Parser::refused_form;
  for (const Word niladic : kNiladic) {
    if (niladic == word && !call) return &Parser::niladic_call;
  }
  return nullptr;
}

Result<ExpressionPtr> Parser::primary() {
  switch (peek().kind) {
    case Token::Kind::kNumber:
      return number();
    case Token::Kind::kString:
      return string();
    case Token::Kind::kQuotedIdentifier:
      return name_or_call();
    case Token::Kind::kSymbol:
      if (is_symbol("(")) return parenthesised();
      if (is_symbol("?")) return not_yet(peek().position, "a parameter '?'");
      return unexpected("an expression");
    case Token::Kind::kWord:
      if (const Form form = form_at_word()) return (this->*form)();
      if (is_name() || (is_function_word(peek().word) && is_symbol("(", 1))) return name_or_call();
      return unexpected("an expression");
    default:
      return unexpected("an expression");
  }
}

Result<ExpressionPtr> Parser::number() {
  ExpressionPtr result = node(ExpressionKind::kNumber, peek().position);
  result->text = text_of(peek());
  advance();
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::string() {
  ExpressionPtr result = node(ExpressionKind::kString, peek().position);
  TRY_ASSIGN(result->text, string_literal("a string"));
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::null_literal() {
  ExpressionPtr result = node(ExpressionKind::kNull, peek().position);
  advance();
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::boolean_literal() {
  ExpressionPtr result = node(ExpressionKind::kBoolean, peek().position);
  result->text = peek().word.text();
  advance();
  return finish(std::move(result));
}

// DATE '…', TIME '…', TIMESTAMP '…'
Result<ExpressionPtr> Parser::time_literal() {
  ExpressionPtr result = node(is("DATE")   ? ExpressionKind::kDate
                              : is("TIME") ? ExpressionKind::kTime
                                           : ExpressionKind::kTimestamp,
                              peek().position);
  advance();
  TRY_ASSIGN(result->text, string_literal("a string"));
  return finish(std::move(result));
}

// INTERVAL [+|-] '…' unit [TO unit]
Result<ExpressionPtr> Parser::interval_literal() {
  ExpressionPtr result = node(ExpressionKind::kInterval, peek().position);
  advance();
  const bool negative = is_symbol("-");
  if (negative || is_symbol("+")) advance();
  if (peek().kind == Token::Kind::kNumber) {
    return error(peek().position, fmt::format("an interval's number is written as a string: "
                                              "INTERVAL '{}'",
                                              text_of(peek())));
  }
  TRY_ASSIGN(result->text, string_literal("the interval's length as a string, as in '10'"));
  if (negative) result->text.insert(0, 1, '-');
  TRY_ASSIGN(IntervalQualifier qualifier, interval_qualifier());
  result->unit = qualifier.unit;
  result->unit_to = qualifier.unit_to;
  result->type.arguments = std::move(qualifier.digits);
  return finish(std::move(result));
}

// (e), (a, b), (query), (a - b) SECOND
Result<ExpressionPtr> Parser::parenthesised() {
  const Position begin = peek().position;
  advance();
  ExpressionPtr result;
  if (is_query_start()) {
    result = node(ExpressionKind::kSubquery, begin);
    TRY_ASSIGN(result->query, query());
  } else {
    TRY_ASSIGN(std::vector<ExpressionPtr> list, expression_list());
    if (list.size() > 1) {
      result = node(ExpressionKind::kRow, begin);
      result->arguments = std::move(list);
    } else {
      result = std::move(list[0]);
      result->position = begin;
      // ((SELECT …) UNION ALL …)
      if (result->kind == ExpressionKind::kSubquery && is_query_tail()) {
        TRY_ASSIGN(result->query, query_rest(std::move(result->query)));
      }
    }
  }
  TRY(expect_symbol(")"));
  TRY_ASSIGN(result, finish(std::move(result)));
  const bool difference = result->kind == ExpressionKind::kBinary && result->text == "-";
  if (!difference || !time_unit_at() || !is_reserved(peek().word, dialect_)) return result;
  ExpressionPtr interval = node(ExpressionKind::kCast, begin);
  interval->text = "CAST";
  interval->arguments.push_back(std::move(result));
  TRY_ASSIGN(interval->type, interval_type(peek().position));
  return finish(std::move(interval));
}

Result<ExpressionPtr> Parser::name_or_call() {
  const Position begin = peek().position;
  QualifiedName name;
  if (is_name()) {
    TRY_ASSIGN(name, qualified_name("a name"));
  } else {
    name.push_back(take_identifier());  // a reserved word that is a function
  }
  if (is_symbol("(")) return call(std::move(name), begin);
  ExpressionPtr result = node(ExpressionKind::kName, begin);
  result->name = std::move(name);
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::niladic_call() {
  ExpressionPtr result = node(ExpressionKind::kCall, peek().position);
  result->name.push_back(take_identifier());
  return finish(std::move(result));
}

// CASE [operand] WHEN … THEN … [ELSE …] END
Result<ExpressionPtr> Parser::case_expression() {
  ExpressionPtr result = node(ExpressionKind::kCase, peek().position);
  advance();
  if (!is("WHEN")) {
    result->has_operand = true;
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  }
  TRY(expect("WHEN"));
  do {
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
    if (result->has_operand && is_symbol(",")) {
      return not_yet(peek().position, "a list of values after WHEN");
    }
    TRY(expect("THEN"));
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  } while (accept("WHEN"));
  if (accept("ELSE")) {
    result->has_else = true;
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  }
  TRY(expect("END"));
  return finish(std::move(result));
}

// CAST(e AS type), TRY_CAST(…)
Result<ExpressionPtr> Parser::cast() {
  ExpressionPtr result = node(ExpressionKind::kCast, peek().position);
  result->text = peek().word.text();
  if (result->text == "TRY_CAST" && !flink()) {
    return error(peek().position, "TRY_CAST belongs to Flink SQL: write CAST(… AS type)");
  }
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  TRY(expect("AS"));
  TRY_ASSIGN(result->type, type());
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::exists() {
  ExpressionPtr result = node(ExpressionKind::kExists, peek().position);
  advance();
  TRY_ASSIGN(result->query, query_in_parentheses());
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::row() {
  ExpressionPtr result = node(ExpressionKind::kRow, peek().position);
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments, expression_list());
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// ARRAY[…]
Result<ExpressionPtr> Parser::array() {
  ExpressionPtr result = node(ExpressionKind::kArray, peek().position);
  advance();
  if (is_symbol("(")) return not_yet(result->position, "ARRAY (query)");
  TRY(expect_symbol("["));
  TRY_ASSIGN(result->arguments, expression_list());
  TRY(expect_symbol("]"));
  return finish(std::move(result));
}

// CURSOR(query)
Result<ExpressionPtr> Parser::cursor() {
  ExpressionPtr result = node(ExpressionKind::kCursor, peek().position);
  advance();
  TRY_ASSIGN(result->query, query_in_parentheses());
  return finish(std::move(result));
}

Result<ExpressionPtr> Parser::refused_form() {
  return not_yet(peek().position, peek().word.text());
}

}  // namespace millstream::analytics::sql
