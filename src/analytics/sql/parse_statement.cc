// Statements, CREATE excepted.
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"

namespace millstream::analytics::sql {

Result<std::vector<Statement>> Parser::parse_script() {
  std::vector<Statement> statements;
  while (true) {
    while (is_symbol(";")) advance();
    if (peek().kind == Token::Kind::kEnd) return statements;
    TRY_ASSIGN(statements.emplace_back(), statement());
    TRY(end_of_statement());
  }
}

Result<> Parser::end_of_statement() {
  if (is_symbol(";") || peek().kind == Token::Kind::kEnd) return {};
  return unexpected("the end of the statement");
}

Result<Statement> Parser::statement() {
  const Nesting nesting(*this);
  TRY(check_depth());
  const Position begin = peek().position;
  Statement result;
  TRY(refused_statement());
  if (is("CREATE")) {
    TRY_ASSIGN(result, create());
  } else if (is_query_start() || is_symbol("(") || (flink() && is("TABLE"))) {
    TRY_ASSIGN(result.body, query());
  } else if (is("INSERT")) {
    TRY_ASSIGN(result.body, insert());
  } else if (is("EXPLAIN")) {
    TRY_ASSIGN(result.body, explain());
  } else if (is("DROP")) {
    TRY_ASSIGN(result.body, drop());
  } else if (is("SHOW")) {
    TRY_ASSIGN(result.body, show());
  } else if (is("DESCRIBE") || is("DESC")) {
    TRY_ASSIGN(result.body, describe());
  } else if (is("SET") || is("RESET")) {
    TRY_ASSIGN(result.body, set_option());
  } else if (flink() && is("EXECUTE")) {
    TRY_ASSIGN(result, execute_statement());
  } else if (flink() && is("BEGIN")) {
    TRY_ASSIGN(result, begin_statement_set());
  } else {
    return unexpected(flink() ? "a statement (SELECT, CREATE TABLE, CREATE VIEW, INSERT INTO, SET, "
                                "EXPLAIN, SHOW, DESCRIBE, DROP)"
                              : "a statement (CREATE STREAM, CREATE PUMP, SELECT STREAM)");
  }
  result.position = begin;
  result.end_offset = tokens_.tokens[next_ - 1].end();
  return result;
}

// Statements that a dialect has and Millstream has not.
Result<> Parser::refused_statement() {
  static constexpr std::array<Word, 17> kRefused{
      "ALTER",   "USE",   "LOAD", "UNLOAD", "ANALYZE", "CALL",   "TRUNCATE", "DELETE", "UPDATE",
      "COMPILE", "MERGE", "ADD",  "REMOVE", "STOP",    "UPSERT", "GRANT",    "REVOKE"};
  for (const Word word : kRefused) {
    if (!is(word)) continue;
    const std::string_view what = text_of(peek(1));
    const bool named = peek(1).kind == Token::Kind::kWord;
    return not_yet(peek().position,
                   named ? fmt::format("{} {}", word.text(), what) : std::string(word.text()));
  }
  return {};
}

// INSERT INTO | OVERWRITE table [(columns)] query
Result<Insert> Parser::insert() {
  Insert result;
  TRY(expect("INSERT"));
  if (is("EXPEDITED")) return not_yet(peek().position, "INSERT EXPEDITED");
  if (flink() && accept("OVERWRITE")) {
    result.overwrite = true;
  } else {
    TRY(expect("INTO"));
  }
  TRY_ASSIGN(result.table, qualified_name(flink() ? "a table name" : "a stream name"));
  if (peek().kind == Token::Kind::kHintBegin) return not_yet(peek().position, "a hint on INSERT");
  if (is("PARTITION") && is_symbol("(", 1)) {
    return not_yet(peek().position, "INSERT … PARTITION (…)");
  }
  if (is_symbol("(") && !is_query_start(1) && !is_symbol("(", 1)) {
    TRY_ASSIGN(result.columns, names_in_parentheses("a column name"));
  }
  TRY_ASSIGN(result.query, query());
  return result;
}

// EXECUTE STATEMENT SET BEGIN … END | EXECUTE INSERT … | EXECUTE query
Result<Statement> Parser::execute_statement() {
  Statement result;
  const Position begin = peek().position;
  advance();
  if (is("PLAN")) return not_yet(begin, "EXECUTE PLAN");
  if (is("INSERT")) {
    TRY_ASSIGN(result.body, insert());
  } else if (is_query_start()) {
    TRY_ASSIGN(result.body, query());
  } else {
    TRY(expect_all({"STATEMENT", "SET", "BEGIN"}));
    TRY_ASSIGN(result.body, statement_set_body());
  }
  return result;
}

// BEGIN STATEMENT SET; … END
Result<Statement> Parser::begin_statement_set() {
  Statement result;
  TRY(expect_all({"BEGIN", "STATEMENT", "SET"}));
  TRY(expect_symbol(";"));
  TRY_ASSIGN(result.body, statement_set_body());
  return result;
}

// insert; insert; … END
Result<StatementSet> Parser::statement_set_body() {
  StatementSet result;
  while (true) {
    while (is_symbol(";")) advance();
    if (!result.inserts.empty() && accept("END")) return result;
    TRY_ASSIGN(result.inserts.emplace_back(), insert());
    TRY(expect_symbol(";"));
  }
}

// SET | SET 'key' = 'value' | RESET | RESET 'key'
Result<SetOption> Parser::set_option() {
  SetOption result;
  result.reset = is("RESET");
  advance();
  if (is_symbol(";") || peek().kind == Token::Kind::kEnd) return result;
  if (peek().kind == Token::Kind::kWord) {
    return error(peek().position,
                 fmt::format("an option's name and value are strings here: {} "
                             "'name'{}",
                             result.reset ? "RESET" : "SET", result.reset ? "" : " = 'value'"));
  }
  TRY_ASSIGN(result.key, string_literal("an option's name as a string"));
  if (result.reset) return result;
  TRY(expect_symbol("="));
  TRY_ASSIGN(result.value, string_literal("the option's value as a string"));
  return result;
}

// EXPLAIN [PLAN FOR] statement
Result<Explain> Parser::explain() {
  Explain result;
  advance();
  if (accept("PLAN")) {
    TRY(expect("FOR"));
  } else if (is("ESTIMATED_COST") || is("CHANGELOG_MODE") || is("JSON_EXECUTION_PLAN") ||
             is("PLAN_ADVICE")) {
    return not_yet(peek().position, fmt::format("EXPLAIN {}", peek().word.text()));
  }
  auto inner = std::make_unique<Statement>();
  inner->position = peek().position;
  if (flink() && accept_all({"STATEMENT", "SET", "BEGIN"})) {
    TRY_ASSIGN(inner->body, statement_set_body());
    inner->end_offset = tokens_.tokens[next_ - 1].end();
  } else {
    TRY_ASSIGN(*inner, statement());
  }
  result.statement = std::move(inner);
  return result;
}

// SHOW TABLES | VIEWS | STREAMS | PUMPS | FUNCTIONS | CREATE TABLE t | CREATE VIEW v
Result<Show> Parser::show() {
  Show result;
  const Position begin = peek().position;
  advance();
  if (accept("CREATE")) {
    result.what = is("VIEW") ? "CREATE VIEW" : "CREATE TABLE";
    if (!accept("VIEW")) {
      TRY(expect("TABLE"));
    }
    TRY_ASSIGN(result.name, qualified_name("a table name"));
    return result;
  }
  for (const Word what :
       {Word("TABLES"), Word("VIEWS"), Word("STREAMS"), Word("PUMPS"), Word("FUNCTIONS")}) {
    if (!accept(what)) continue;
    result.what = what.text();
    const bool filtered = is("FROM") || is("IN") || is("LIKE") || is("NOT") || is("ILIKE");
    if (filtered) {
      return not_yet(peek().position, fmt::format("SHOW {} {}", what.text(), peek().word.text()));
    }
    return result;
  }
  if (peek().kind != Token::Kind::kWord) return unexpected();
  return not_yet(begin, fmt::format("SHOW {}", text_of(peek())));
}

// DESCRIBE | DESC [EXTENDED] name
Result<Describe> Parser::describe() {
  Describe result;
  advance();
  if (is("EXTENDED")) advance();
  if (is("STATEMENT") || (is("CATALOG") && is_name(1)) || (is("DATABASE") && is_name(1)) ||
      (is("JOB") && peek(1).kind == Token::Kind::kString)) {
    return not_yet(peek().position, fmt::format("DESCRIBE {}", peek().word.text()));
  }
  TRY_ASSIGN(result.name, qualified_name(flink() ? "a table name" : "a stream name"));
  return result;
}

// DROP [TEMPORARY] TABLE | VIEW | STREAM | PUMP [IF EXISTS] name
Result<Drop> Parser::drop() {
  Drop result;
  const Position begin = peek().position;
  advance();
  if (flink() && is("TEMPORARY")) advance();
  static constexpr std::array<Word, 2> kOfFlink{"TABLE", "VIEW"};
  static constexpr std::array<Word, 2> kOfKinesis{"STREAM", "PUMP"};
  for (const Word what : flink() ? kOfFlink : kOfKinesis) {
    if (!accept(what)) continue;
    result.what = what.text();
    break;
  }
  if (result.what.empty()) {
    const bool known = is("FUNCTION") || is("CATALOG") || is("DATABASE") || is("MODEL") ||
                       is("MATERIALIZED") || is("SYSTEM") || is("SCHEMA");
    if (known) return not_yet(begin, fmt::format("DROP {}", peek().word.text()));
    return unexpected();
  }
  if (accept_all({"IF", "EXISTS"})) result.if_exists = true;
  TRY_ASSIGN(result.name, qualified_name("a name"));
  return result;
}

}  // namespace millstream::analytics::sql
