// Queries: WITH, set operations, ORDER BY and LIMIT around the SELECTs of parse_select.cc.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"
#include "analytics/sql/tree.h"

namespace millstream::analytics::sql {

Result<QueryPtr> Parser::finish(QueryPtr query) const {
  query->height = height_of(*query);
  if (query->height > kMaxTreeHeight) {
    return error(
        query->position,
        fmt::format("the query that begins here has more than {} levels of expressions and "
                    "sub-queries: give its inner parts names (WITH, views)",
                    kMaxTreeHeight));
  }
  return query;
}

// [WITH …] operand [set operations] [ORDER BY …] [LIMIT …]
Result<QueryPtr> Parser::query() {
  const Nesting nesting(*this);
  TRY(check_depth());
  const Position begin = peek().position;
  std::vector<CommonTable> with;
  if (is("WITH")) {
    TRY_ASSIGN(with, common_tables());
  }
  TRY_ASSIGN(QueryPtr first, query_operand());
  TRY_ASSIGN(QueryPtr result, query_rest(std::move(first)));
  if (with.empty()) return result;
  if (!result->with.empty()) result = wrapped(std::move(result));
  result->with = std::move(with);
  result->position = begin;
  return finish(std::move(result));
}

Result<QueryPtr> Parser::query_rest(QueryPtr left) {
  TRY_ASSIGN(left, intersections(std::move(left)));
  TRY_ASSIGN(left, unions(std::move(left)));
  if (!is_query_tail()) return left;
  // "(SELECT … LIMIT 5) ORDER BY a" sorts the five.
  if (!left->order_by.empty() || left->limit || left->offset) left = wrapped(std::move(left));
  TRY(order_and_limit(*left));
  return finish(std::move(left));
}

bool Parser::is_set_operator() const {
  return is("UNION") || is("EXCEPT") || is("INTERSECT") || (flink() && is("MINUS"));
}

bool Parser::is_query_tail() const {
  return is_set_operator() || is("ORDER") || is("LIMIT") || is("OFFSET") || is("FETCH");
}

// SELECT * FROM (query)
QueryPtr Parser::wrapped(QueryPtr query) const {
  auto outer = std::make_unique<Query>();
  outer->position = query->position;
  outer->select = std::make_unique<Select>();
  outer->select->position = query->position;
  outer->select->stream = query->select && query->select->stream;
  SelectItem star;
  star.expression = node(ExpressionKind::kStar, query->position);
  star.expression->end_offset = query->position.offset;
  outer->select->items.push_back(std::move(star));
  auto table = std::make_unique<TableReference>();
  table->kind = TableReference::Kind::kSubquery;
  table->position = query->position;
  table->query = std::move(query);
  table->height = height_of(*table);
  outer->select->from = std::move(table);
  outer->height = height_of(*outer);
  return outer;
}

// WITH a [(columns)] AS (query), …
Result<std::vector<CommonTable>> Parser::common_tables() {
  advance();
  if (is("RECURSIVE")) return not_yet(peek().position, "WITH RECURSIVE");
  std::vector<CommonTable> tables;
  do {
    CommonTable table;
    TRY_ASSIGN(table.name, identifier("a table name"));
    if (is_symbol("(")) {
      TRY_ASSIGN(table.columns, names_in_parentheses("a column name"));
    }
    TRY(expect("AS"));
    TRY_ASSIGN(table.query, query_in_parentheses());
    tables.push_back(std::move(table));
  } while (accept_symbol(","));
  return tables;
}

// left {UNION | EXCEPT} [ALL | DISTINCT] operand …; equal ones in a row become one balanced tree.
Result<QueryPtr> Parser::unions(QueryPtr left) {
  while (is("UNION") || is("EXCEPT") || (flink() && is("MINUS"))) {
    const auto kind = is("UNION") ? Query::Kind::kUnion : Query::Kind::kExcept;
    advance();
    const bool all = accept("ALL");
    if (!all) (void)accept("DISTINCT");
    TRY_ASSIGN(QueryPtr operand, query_operand());
    std::vector<QueryPtr> operands;
    operands.push_back(std::move(left));
    TRY_ASSIGN(operands.emplace_back(), intersections(std::move(operand)));
    while (kind == Query::Kind::kUnion && is("UNION") && is("ALL", 1) == all) {
      advance();
      if (!accept("ALL")) (void)accept("DISTINCT");
      TRY_ASSIGN(operand, query_operand());
      TRY_ASSIGN(operands.emplace_back(), intersections(std::move(operand)));
    }
    TRY_ASSIGN(left, finish(balanced(kind, all, operands)));
  }
  if (!is_set_operator()) {
    expected_.emplace_back("UNION");
  }
  return left;
}

// INTERSECT binds more tightly than UNION and EXCEPT.
Result<QueryPtr> Parser::intersections(QueryPtr left) {
  while (is("INTERSECT")) {
    advance();
    const bool all = accept("ALL");
    if (!all) (void)accept("DISTINCT");
    std::vector<QueryPtr> operands;
    operands.push_back(std::move(left));
    TRY_ASSIGN(operands.emplace_back(), query_operand());
    TRY_ASSIGN(left, finish(balanced(Query::Kind::kIntersect, all, operands)));
  }
  return left;
}

Result<QueryPtr> Parser::query_operand() {
  if (is("SELECT")) return select_query();
  if (is("VALUES")) return values();
  if (is("TABLE") && flink()) return whole_table();
  if (is_symbol("(")) return query_in_parentheses();
  expected_.emplace_back("SELECT");
  expected_.emplace_back("VALUES");
  return unexpected("a query in parentheses");
}

Result<QueryPtr> Parser::query_in_parentheses() {
  const Nesting nesting(*this);
  TRY(check_depth());
  TRY(expect_symbol("("));
  TRY_ASSIGN(QueryPtr result, query());
  TRY(expect_symbol(")"));
  return result;
}

// VALUES (a, b), (c, d) | VALUES a, b
Result<QueryPtr> Parser::values() {
  auto result = std::make_unique<Query>();
  result->kind = Query::Kind::kValues;
  result->position = peek().position;
  advance();
  do {
    TRY_ASSIGN(ExpressionPtr row, expression());
    std::vector<ExpressionPtr>& columns = result->rows.emplace_back();
    if (row->kind == ExpressionKind::kRow) {
      columns = std::move(row->arguments);
    } else {
      columns.push_back(std::move(row));
    }
  } while (accept_symbol(","));
  return finish(std::move(result));
}

// TABLE t is SELECT * FROM t.
Result<QueryPtr> Parser::whole_table() {
  auto result = std::make_unique<Query>();
  result->position = peek().position;
  result->select = std::make_unique<Select>();
  result->select->position = peek().position;
  SelectItem star;
  star.expression = node(ExpressionKind::kStar, peek().position);
  star.expression->end_offset = peek().end();
  result->select->items.push_back(std::move(star));
  advance();
  TableReferencePtr table = table_node(TableReference::Kind::kNamed);
  TRY_ASSIGN(table->name, qualified_name("a table name"));
  TRY_ASSIGN(result->select->from, finish(std::move(table)));
  return finish(std::move(result));
}

// [ORDER BY …] [LIMIT n | ALL] [OFFSET n [ROW | ROWS]] [FETCH …]
Result<> Parser::order_and_limit(Query& query) {
  if (accept_all({"ORDER", "BY"})) {
    TRY_ASSIGN(query.order_by, order_items());
  }
  if (accept("LIMIT") && !accept("ALL")) {
    TRY_ASSIGN(query.limit, expression());
    if (is_symbol(",")) return not_yet(peek().position, "LIMIT start, count");
  }
  if (accept("OFFSET")) {
    TRY_ASSIGN(query.offset, expression());
    if (!accept("ROWS")) (void)accept("ROW");
  }
  if (is("FETCH")) return fetch(query);
  return {};
}

// FETCH FIRST | NEXT [n] ROW | ROWS ONLY
Result<> Parser::fetch(Query& query) {
  const Position begin = peek().position;
  if (query.limit) return error(begin, "a query has either LIMIT or FETCH, not both");
  advance();
  if (!accept("FIRST")) {
    TRY(expect("NEXT"));
  }
  if (is("ROW") || is("ROWS")) {
    query.limit = node(ExpressionKind::kNumber, begin);
    query.limit->text = "1";
    query.limit->end_offset = peek().position.offset;
  } else {
    TRY_ASSIGN(query.limit, expression());
  }
  if (!accept("ROWS")) {
    TRY(expect("ROW"));
  }
  return expect("ONLY");
}

}  // namespace millstream::analytics::sql
