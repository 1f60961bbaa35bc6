// Functions with words between their arguments.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "base/text.h"

namespace millstream::analytics::sql {

// EXTRACT(unit FROM e)
Result<ExpressionPtr> Parser::extract() {
  ExpressionPtr result = node(ExpressionKind::kExtract, peek().position);
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->unit, time_unit());
  TRY(expect("FROM"));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// FLOOR(e TO unit); FLOOR(e) is an ordinary call.
Result<ExpressionPtr> Parser::floor() {
  ExpressionPtr result = node(ExpressionKind::kFloor, peek().position);
  result->text = is("FLOOR") ? "FLOOR" : "CEIL";
  Identifier name = take_identifier();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  if (accept("TO")) {
    TRY_ASSIGN(result->unit, time_unit());
  } else {
    result->kind = ExpressionKind::kCall;
    result->text.clear();
    result->name.push_back(std::move(name));
    while (accept_symbol(",")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// STEP(e BY INTERVAL …)
Result<ExpressionPtr> Parser::step() {
  ExpressionPtr result = node(ExpressionKind::kStep, peek().position);
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  TRY(expect("BY"));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// TRIM([[BOTH | LEADING | TRAILING] [characters] FROM] e)
Result<ExpressionPtr> Parser::trim() {
  ExpressionPtr result = node(ExpressionKind::kTrim, peek().position);
  result->text = "BOTH";
  advance();
  TRY(expect_symbol("("));
  bool sided = false;
  for (const Word side : {Word("BOTH"), Word("LEADING"), Word("TRAILING")}) {
    if (!is(side)) continue;
    advance();
    result->text = side.text();
    sided = true;
    break;
  }
  if (sided && is("FROM")) {
    advance();
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  } else {
    TRY_ASSIGN(ExpressionPtr first, expression());
    if (sided) {
      TRY(expect("FROM"));
    }
    if (sided || accept("FROM")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
    result->arguments.push_back(std::move(first));
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// SUBSTRING(e FROM a [FOR b]); with commas it is an ordinary call.
Result<ExpressionPtr> Parser::substring() {
  ExpressionPtr result = node(ExpressionKind::kSubstring, peek().position);
  Identifier name = take_identifier();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  if (accept("FROM")) {
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
    if (accept("FOR")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
  } else {
    result->kind = ExpressionKind::kCall;
    result->name.push_back(std::move(name));
    while (accept_symbol(",")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// POSITION(x IN y)
Result<ExpressionPtr> Parser::position() {
  ExpressionPtr result = node(ExpressionKind::kPosition, peek().position);
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression(binding::kSum));
  TRY(expect("IN"));
  TRY_ASSIGN(result->arguments.emplace_back(), expression(binding::kSum));
  if (is("FROM")) return not_yet(peek().position, "POSITION (… IN … FROM …)");
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// OVERLAY(x PLACING y FROM a [FOR b]); with commas it is an ordinary call.
Result<ExpressionPtr> Parser::overlay() {
  ExpressionPtr result = node(ExpressionKind::kOverlay, peek().position);
  Identifier name = take_identifier();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  if (is_symbol(",")) {
    result->kind = ExpressionKind::kCall;
    result->name.push_back(std::move(name));
    while (accept_symbol(",")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
  } else {
    TRY(expect("PLACING"));
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
    TRY(expect("FROM"));
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
    if (accept("FOR")) {
      TRY_ASSIGN(result->arguments.emplace_back(), expression());
    }
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// TIMESTAMPADD(unit, a, b), TIMESTAMPDIFF(unit, a, b)
Result<ExpressionPtr> Parser::timestamp_add() {
  ExpressionPtr result =
      node(is("TIMESTAMPADD") ? ExpressionKind::kTimestampAdd : ExpressionKind::kTimestampDiff,
           peek().position);
  advance();
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->unit, time_unit());
  for (int i = 0; i < 2; ++i) {
    TRY(expect_symbol(","));
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// JSON_VALUE, JSON_QUERY, JSON_EXISTS: (e, path clauses). RETURNING is the call's type; "DEFAULT e
// ON EMPTY" and "… ON ERROR" are arguments named DEFAULT_ON_EMPTY and DEFAULT_ON_ERROR.
Result<ExpressionPtr> Parser::json_call() {
  ExpressionPtr result = node(ExpressionKind::kCall, peek().position);
  result->name.push_back(take_identifier());
  TRY(expect_symbol("("));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  if (is("FORMAT")) return not_yet(peek().position, "FORMAT JSON");
  TRY(expect_symbol(","));
  TRY_ASSIGN(result->arguments.emplace_back(), expression());
  TRY(json_clauses(*result));
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

Result<> Parser::json_clauses(Expression& call) {
  if (is("PASSING")) return not_yet(peek().position, "PASSING");
  if (accept("RETURNING")) {
    TRY_ASSIGN(call.type, type());
  }
  if (accept_all({"WITHOUT", "WRAPPER"}) || accept_all({"WITHOUT", "ARRAY", "WRAPPER"})) {
    // the default
  } else if (is("WITH")) {
    return not_yet(peek().position, "WITH WRAPPER");
  }
  while (!is_symbol(")")) TRY(json_on_clause(call));
  return {};
}

// NULL | ERROR | TRUE | FALSE | UNKNOWN | DEFAULT e, then ON EMPTY | ON ERROR
Result<> Parser::json_on_clause(Expression& call) {
  const Token behaviour = peek();
  ExpressionPtr value;
  if (accept("DEFAULT")) {
    TRY_ASSIGN(value, expression());
  } else if (accept("NULL") || accept("ERROR") || accept("TRUE") || accept("FALSE") ||
             accept("UNKNOWN")) {
    // decided below, once it is known where it stands
  } else {
    return unexpected();
  }
  TRY(expect("ON"));
  const bool on_error = is("ERROR");
  if (!on_error) {
    TRY(expect("EMPTY"));
  } else {
    advance();
  }
  if (value) {
    call.argument_names.resize(call.arguments.size());
    call.argument_names.emplace_back(on_error ? "DEFAULT_ON_ERROR" : "DEFAULT_ON_EMPTY");
    call.arguments.push_back(std::move(value));
    return {};
  }
  const bool exists = to_lower(call.name[0].text) == "json_exists";
  const bool is_default = behaviour.word == (exists ? Word("FALSE") : Word("NULL"));
  if (is_default) return {};
  return not_yet(behaviour.position,
                 fmt::format("{} ON {}", behaviour.word.text(), on_error ? "ERROR" : "EMPTY"));
}

// JSON_OBJECT([[KEY] k VALUE v | k : v], … [NULL ON NULL]): arguments k, v, k, v, …
Result<ExpressionPtr> Parser::json_object() {
  ExpressionPtr result = node(ExpressionKind::kCall, peek().position);
  result->name.push_back(take_identifier());
  TRY(expect_symbol("("));
  while (!is_symbol(")")) {
    if (accept_all({"NULL", "ON", "NULL"})) break;
    if (is("ABSENT")) return not_yet(peek().position, "ABSENT ON NULL");
    if (!result->arguments.empty()) {
      TRY(expect_symbol(","));
    }
    if (is("KEY") && !is_symbol(",", 1) && !is_symbol(":", 1) && !is("VALUE", 1)) advance();
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
    if (!accept_symbol(":")) {
      TRY(expect("VALUE"));
    }
    TRY_ASSIGN(result->arguments.emplace_back(), expression());
  }
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

}  // namespace millstream::analytics::sql
