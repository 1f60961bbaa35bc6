// FROM: tables, sub-queries, table functions, joins.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"
#include "analytics/sql/tree.h"

namespace millstream::analytics::sql {

TableReferencePtr Parser::table_node(TableReference::Kind kind) const {
  auto result = std::make_unique<TableReference>();
  result->kind = kind;
  result->position = peek().position;
  return result;
}

Result<TableReferencePtr> Parser::finish(TableReferencePtr table) const {
  table->height = height_of(*table);
  if (table->height > kMaxTreeHeight) {
    return error(table->position,
                 fmt::format("the FROM clause holds more than {} joins or levels: give its inner "
                             "parts names (WITH, views)",
                             kMaxTreeHeight));
  }
  return table;
}

// joined, joined, …
Result<TableReferencePtr> Parser::tables() {
  TRY_ASSIGN(TableReferencePtr left, joined_tables());
  while (accept_symbol(",")) {
    auto join = std::make_unique<TableReference>();
    join->kind = TableReference::Kind::kJoin;
    join->join = JoinKind::kCross;
    join->position = left->position;
    join->left = std::move(left);
    TRY_ASSIGN(join->right, joined_tables());
    TRY_ASSIGN(left, finish(std::move(join)));
  }
  return left;
}

Result<TableReferencePtr> Parser::joined_tables() {
  const Nesting nesting(*this);
  TRY(check_depth());
  TRY_ASSIGN(TableReferencePtr left, table_primary());
  while (true) {
    const bool natural = is("NATURAL");
    if (natural) advance();
    TRY_ASSIGN(const std::optional<JoinKind> kind, join_kind());
    if (!kind) {
      if (natural) return unexpected();
      return left;
    }
    TRY_ASSIGN(left, join_rest(std::move(left), *kind, natural));
  }
}

// [INNER] | LEFT [OUTER] | RIGHT [OUTER] | FULL [OUTER] | CROSS, then JOIN
Result<std::optional<JoinKind>> Parser::join_kind() {
  if (accept("JOIN")) return JoinKind::kInner;
  if (is("INNER") || is("CROSS")) {
    const JoinKind kind = is("INNER") ? JoinKind::kInner : JoinKind::kCross;
    advance();
    if (is("APPLY")) return not_yet(peek().position, "CROSS APPLY");
    TRY(expect("JOIN"));
    return kind;
  }
  if (is("OUTER") && is("APPLY", 1)) return not_yet(peek().position, "OUTER APPLY");
  if (is("ASOF")) return not_yet(peek().position, "ASOF JOIN");
  if (!is("LEFT") && !is("RIGHT") && !is("FULL")) return std::nullopt;
  const JoinKind kind = is("LEFT")    ? JoinKind::kLeft
                        : is("RIGHT") ? JoinKind::kRight
                                      : JoinKind::kFull;
  advance();
  if (is("SEMI") || is("ANTI")) {
    return not_yet(peek().position, fmt::format("{} JOIN (write EXISTS)", peek().word.text()));
  }
  (void)accept("OUTER");
  TRY(expect("JOIN"));
  return kind;
}

Result<TableReferencePtr> Parser::join_rest(TableReferencePtr left, JoinKind kind, bool natural) {
  auto join = std::make_unique<TableReference>();
  join->kind = TableReference::Kind::kJoin;
  join->join = kind;
  join->natural = natural;
  join->position = left->position;
  join->left = std::move(left);
  TRY_ASSIGN(join->right, table_primary());
  if (kind != JoinKind::kCross && !natural) {
    if (accept("ON")) {
      TRY_ASSIGN(join->on, expression());
    } else if (accept("USING")) {
      TRY_ASSIGN(join->using_columns, names_in_parentheses("a column name"));
    } else {
      return unexpected();
    }
  }
  return finish(std::move(join));
}

Result<TableReferencePtr> Parser::table_primary() {
  TableReferencePtr table;
  if (is_symbol("(")) {
    TRY_ASSIGN(table, table_in_parentheses());
  } else if (is("LATERAL")) {
    TRY_ASSIGN(table, lateral_table());
  } else if (is("TABLE") && is_symbol("(", 1)) {
    TRY_ASSIGN(table, function_table());
  } else if (is("UNNEST")) {
    TRY_ASSIGN(table, unnest_table());
  } else {
    if (is("TABLE")) advance();  // FROM TABLE t
    TRY_ASSIGN(table, named_table());
  }
  TRY(table_suffixes(*table));
  return finish(std::move(table));
}

// (query) | (joined tables)
Result<TableReferencePtr> Parser::table_in_parentheses() {
  const Nesting nesting(*this);
  TRY(check_depth());
  if (is_query_start(1)) return query_table();
  const Position begin = peek().position;
  advance();
  TRY_ASSIGN(TableReferencePtr table, tables());
  // ((SELECT …) UNION ALL …)
  const bool query = table->query && !table->alias && !table->lateral;
  if (query && is_query_tail()) {
    TRY_ASSIGN(table->query, query_rest(std::move(table->query)));
    table->kind = TableReference::Kind::kSubquery;
  }
  TRY(expect_symbol(")"));
  table->position = begin;
  return table;
}

Result<TableReferencePtr> Parser::query_table() {
  TableReferencePtr table = table_node(TableReference::Kind::kSubquery);
  TRY_ASSIGN(table->query, query_in_parentheses());
  if (table->query->kind == Query::Kind::kValues && table->query->with.empty() &&
      !table->query->limit && !table->query->offset && table->query->order_by.empty()) {
    table->kind = TableReference::Kind::kValues;
  }
  return table;
}

// TABLE (f(…))
Result<TableReferencePtr> Parser::function_table() {
  TableReferencePtr table = table_node(TableReference::Kind::kFunction);
  advance();
  TRY(expect_symbol("("));
  if (!is_name() && !is_function_word(peek().word)) return unexpected("a function name");
  TRY_ASSIGN(table->function, name_or_call());
  if (table->function->kind != ExpressionKind::kCall) return unexpected("'('");
  TRY(expect_symbol(")"));
  return table;
}

// LATERAL (query) | LATERAL TABLE (f(…)) | LATERAL UNNEST (e)
Result<TableReferencePtr> Parser::lateral_table() {
  const Position begin = peek().position;
  advance();
  TableReferencePtr table;
  if (is_symbol("(")) {
    TRY_ASSIGN(table, query_table());
  } else if (is("TABLE")) {
    TRY_ASSIGN(table, function_table());
  } else if (is("UNNEST")) {
    TRY_ASSIGN(table, unnest_table());
  } else {
    expected_.emplace_back("TABLE");
    return unexpected("a query in parentheses");
  }
  table->position = begin;
  table->lateral = true;
  return table;
}

// UNNEST(e): a call named UNNEST
Result<TableReferencePtr> Parser::unnest_table() {
  TableReferencePtr table = table_node(TableReference::Kind::kFunction);
  const Position begin = peek().position;
  QualifiedName name;
  name.push_back(take_identifier());
  TRY_ASSIGN(table->function, call(std::move(name), begin));
  if (is("WITH") && is("ORDINALITY", 1)) return not_yet(peek().position, "WITH ORDINALITY");
  return table;
}

// a.b.t [hints] | f(…)
Result<TableReferencePtr> Parser::named_table() {
  TableReferencePtr table = table_node(TableReference::Kind::kNamed);
  const Position begin = peek().position;
  if (!is_name() && !(is_function_word(peek().word) && is_symbol("(", 1))) {
    return unexpected("a table name");
  }
  if (is_name()) {
    TRY_ASSIGN(table->name, qualified_name("a table name"));
  } else {
    table->name.push_back(take_identifier());
  }
  if (is_symbol("(")) {
    table->kind = TableReference::Kind::kFunction;
    TRY_ASSIGN(table->function, call(std::move(table->name), begin));
    table->name.clear();
    return table;
  }
  TRY_ASSIGN(table->hints, table_hints());
  return table;
}

// [FOR SYSTEM_TIME AS OF e] [OVER …] [[AS] alias [(columns)]]
Result<> Parser::table_suffixes(TableReference& table) {
  if (is("FOR")) {
    advance();
    TRY(expect_all({"SYSTEM_TIME", "AS", "OF"}));
    TRY_ASSIGN(table.system_time, expression(binding::kSum));
  }
  const bool window = is("OVER") && !flink();
  if (window) {
    if (table.over) return unexpected("an alias");
    TRY_ASSIGN(table.over, over());
  }
  if (is("TABLESAMPLE")) return not_yet(peek().position, "TABLESAMPLE");
  if (is("MATCH_RECOGNIZE")) return not_yet(peek().position, "MATCH_RECOGNIZE");
  if ((is("PIVOT") || is("UNPIVOT")) && is_symbol("(", 1)) {
    return not_yet(peek().position, peek().word.text());
  }
  const Position here = peek().position;
  TRY_ASSIGN(std::optional<Identifier> name, alias());
  if (!name) return {};
  if (table.alias || table.kind == TableReference::Kind::kJoin) {
    return not_yet(here, "an alias for tables in parentheses");
  }
  table.alias = std::move(name);
  if (is_symbol("(")) {
    TRY_ASSIGN(table.column_aliases, names_in_parentheses("a column name"));
  }
  if (is("MATCH_RECOGNIZE")) return not_yet(peek().position, "MATCH_RECOGNIZE");
  if (is("TABLESAMPLE")) return not_yet(peek().position, "TABLESAMPLE");
  return {};
}

// /*+ OPTIONS('a' = 'b', …) */ behind a table
Result<Options> Parser::table_hints() {
  Options result;
  if (peek().kind != Token::Kind::kHintBegin) return result;
  advance();
  if (!is("OPTIONS")) {
    return not_yet(peek().position, fmt::format("the hint {}", text_of(peek())));
  }
  advance();
  TRY_ASSIGN(result, options());
  if (peek().kind != Token::Kind::kHintEnd) return unexpected("'*/'");
  advance();
  return result;
}

// /*+ BROADCAST(t), … */ behind SELECT. Advice on how to join batch inputs changes no result and
// is read over; other hints (STATE_TTL, LOOKUP) would.
Result<> Parser::query_hints() {
  if (peek().kind != Token::Kind::kHintBegin) return {};
  advance();
  do {
    const bool advice = is("BROADCAST") || is("SHUFFLE_HASH") || is("SHUFFLE_MERGE") ||
                        is("NEST_LOOP") || is("MULTI_JOIN");
    if (!advice) return not_yet(peek().position, fmt::format("the hint {}", text_of(peek())));
    advance();
    if (is_symbol("(")) TRY(names_in_parentheses("a table name"));
  } while (accept_symbol(","));
  if (peek().kind != Token::Kind::kHintEnd) return unexpected("'*/'");
  advance();
  return {};
}

}  // namespace millstream::analytics::sql
