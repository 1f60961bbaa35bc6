// SELECT and its clauses, FROM excepted.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"

namespace millstream::analytics::sql {

Result<QueryPtr> Parser::select_query() {
  const Nesting nesting(*this);
  TRY(check_depth());
  auto result = std::make_unique<Query>();
  result->position = peek().position;
  result->select = std::make_unique<Select>();
  Select& select = *result->select;
  select.position = peek().position;
  advance();
  TRY(query_hints());
  TRY(select_quantifiers(select));
  do {
    TRY_ASSIGN(select.items.emplace_back(), select_item());
  } while (accept_symbol(","));
  TRY(select_clauses(select));
  return finish(std::move(result));
}

// [STREAM] [ALL | DISTINCT]
Result<> Parser::select_quantifiers(Select& select) {
  if (is("STREAM")) {
    if (flink()) {
      return error(peek().position, "SELECT STREAM belongs to the Kinesis dialect: write SELECT");
    }
    select.stream = true;
    advance();
  }
  if (is("DISTINCT")) {
    select.distinct = true;
    advance();
  } else if (is("ALL")) {
    advance();
  }
  return {};
}

// * | t.* | expression [[AS] alias]
Result<SelectItem> Parser::select_item() {
  SelectItem item;
  if (is_star_item()) {
    TRY_ASSIGN(item.expression, star_item());
    if (is("EXCLUDE") || (is("EXCEPT") && is_symbol("(", 1)) ||
        (is("REPLACE") && is_symbol("(", 1))) {
      return not_yet(peek().position, fmt::format("* {}", peek().word.text()));
    }
    return item;
  }
  TRY_ASSIGN(item.expression, expression());
  TRY_ASSIGN(item.alias, alias());
  return item;
}

bool Parser::is_star_item() const {
  if (is_symbol("*")) return true;
  size_t ahead = 0;
  while ((is_name(ahead) || (ahead > 0 && peek(ahead).kind == Token::Kind::kWord)) &&
         is_symbol(".", ahead + 1)) {
    ahead += 2;
    if (is_symbol("*", ahead)) return true;
  }
  return false;
}

Result<ExpressionPtr> Parser::star_item() {
  ExpressionPtr star = node(ExpressionKind::kStar, peek().position);
  while (!is_symbol("*")) {
    star->name.push_back(take_identifier());
    advance();  // the dot
  }
  advance();
  return finish(std::move(star));
}

Result<> Parser::select_clauses(Select& select) {
  if (accept("FROM")) {
    TRY_ASSIGN(select.from, tables());
  }
  if (accept("WHERE")) {
    TRY_ASSIGN(select.where, expression());
  }
  TRY(windowed_by(select));
  if (accept_all({"GROUP", "BY"})) TRY(group_by(select));
  TRY(windowed_by(select));
  if (accept("HAVING")) {
    TRY_ASSIGN(select.having, expression());
  }
  if (accept("WINDOW")) TRY(named_windows(select));
  if (is("QUALIFY") && !is_symbol(",", 1)) return not_yet(peek().position, "QUALIFY");
  return {};
}

// WINDOWED BY STAGGER | TUMBLING | SLIDING ([PARTITION BY …] RANGE INTERVAL …)
Result<> Parser::windowed_by(Select& select) {
  if (flink()) return {};
  const Position begin = peek().position;
  if (!accept_all({"WINDOWED", "BY"})) return {};
  if (select.windowed_by) return error(begin, "a SELECT has one WINDOWED BY clause at most");
  auto clause = std::make_unique<WindowedBy>();
  clause->position = begin;
  for (const Word kind : {Word("STAGGER"), Word("TUMBLING"), Word("SLIDING")}) {
    if (!accept(kind)) continue;
    clause->kind = kind.text();
    break;
  }
  if (clause->kind.empty()) return unexpected();
  TRY(expect_symbol("("));
  if (accept_all({"PARTITION", "BY"})) {
    TRY_ASSIGN(clause->partition_by, expression_list());
  }
  TRY(expect("RANGE"));
  TRY_ASSIGN(clause->range, expression());
  if (is("PRECEDING")) advance();  // SLIDING (… RANGE INTERVAL '1' MINUTE PRECEDING)
  TRY(expect_symbol(")"));
  select.windowed_by = std::move(clause);
  return {};
}

// item, …: an expression, (a, b), (), GROUPING SETS (…), CUBE (…), ROLLUP (…)
Result<> Parser::group_by(Select& select) {
  if (is("ALL") || is("DISTINCT")) {
    return not_yet(peek().position, fmt::format("GROUP BY {}", peek().word.text()));
  }
  do {
    const bool sets = is("GROUPING") && is("SETS", 1);
    if (sets || ((is("CUBE") || is("ROLLUP")) && is_symbol("(", 1))) {
      select.grouping_sets = true;
      TRY(grouping_sets());
    } else if (is_symbol("(") && is_symbol(")", 1)) {
      select.grouping_sets = true;  // the one group of all rows
      advance();
      advance();
    } else {
      TRY_ASSIGN(ExpressionPtr item, expression());
      if (item->kind == ExpressionKind::kRow) {
        for (ExpressionPtr& part : item->arguments) select.group_by.push_back(std::move(part));
      } else {
        select.group_by.push_back(std::move(item));
      }
    }
  } while (accept_symbol(","));
  return {};
}

// Reads over it: the planner refuses it by name, at its SELECT.
Result<> Parser::grouping_sets() {
  const Nesting nesting(*this);
  TRY(check_depth());
  const bool sets = is("GROUPING");
  advance();
  if (sets) advance();
  TRY(expect_symbol("("));
  do {
    const bool nested = (is("GROUPING") && is("SETS", 1)) || is("CUBE") || is("ROLLUP");
    if (nested) {
      TRY(grouping_sets());
    } else if (is_symbol("(") && is_symbol(")", 1)) {
      advance();
      advance();
    } else {
      TRY(expression());
    }
  } while (accept_symbol(","));
  return expect_symbol(")");
}

// WINDOW w AS (…), …
Result<> Parser::named_windows(Select& select) {
  do {
    NamedWindow window;
    TRY_ASSIGN(window.name, identifier("a window name"));
    TRY(expect("AS"));
    TRY_ASSIGN(window.window, window_in_parentheses());
    select.windows.push_back(std::move(window));
  } while (accept_symbol(","));
  return {};
}

}  // namespace millstream::analytics::sql
