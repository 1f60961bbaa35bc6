// Calls: arguments, FILTER, OVER, windows.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"

namespace millstream::analytics::sql {

Result<ExpressionPtr> Parser::call(QualifiedName name, Position position) {
  const Nesting nesting(*this);
  TRY(check_depth());
  ExpressionPtr result = node(ExpressionKind::kCall, position);
  result->name = std::move(name);
  TRY(expect_symbol("("));
  TRY(call_arguments(*result));
  TRY(expect_symbol(")"));
  TRY(call_suffixes(*result));
  return finish(std::move(result));
}

// * | [DISTINCT | ALL] argument, … [ORDER BY …]
Result<> Parser::call_arguments(Expression& call) {
  if (is_symbol(")")) return {};
  if (is_symbol("*")) {
    call.star = true;
    advance();
    return {};
  }
  if (is("DISTINCT")) {
    call.distinct = true;
    advance();
  } else if (is("ALL")) {
    advance();
  }
  do {
    TRY(call_argument(call));
  } while (accept_symbol(","));
  if (accept_all({"ORDER", "BY"})) {
    TRY_ASSIGN(call.order_by, order_items());
  }
  return {};
}

// [name =>] value
Result<> Parser::call_argument(Expression& call) {
  const bool named = is_symbol("=>", 1) && (peek().kind == Token::Kind::kWord ||
                                            peek().kind == Token::Kind::kQuotedIdentifier);
  std::string argument_name;
  if (named) {
    argument_name = take_identifier().text;
    advance();
  } else if (!call.argument_names.empty() && !call.argument_names.back().empty()) {
    return error(peek().position, "an argument without a name can't follow one with a name");
  }
  TRY_ASSIGN(call.arguments.emplace_back(), argument_value());
  if (named || !call.argument_names.empty()) {
    call.argument_names.resize(call.arguments.size() - 1);
    call.argument_names.push_back(std::move(argument_name));
  }
  return {};
}

Result<ExpressionPtr> Parser::argument_value() {
  if (is("TABLE")) return table_argument();
  if (is("DEFAULT")) return not_yet(peek().position, "DEFAULT as an argument");
  if (is("MODEL") &&
      (peek(1).kind == Token::Kind::kWord || peek(1).kind == Token::Kind::kQuotedIdentifier)) {
    return not_yet(peek().position, "a MODEL as an argument");
  }
  if (is_query_start()) {
    return not_yet(peek().position, "a query as an argument without parentheses");
  }
  return expression();
}

// TABLE t [PARTITION BY k | (k, …)] [ORDER BY …]
Result<ExpressionPtr> Parser::table_argument() {
  ExpressionPtr result = node(ExpressionKind::kTable, peek().position);
  advance();
  if (is_symbol("(")) {
    return not_yet(peek().position,
                   "a query as the table of a table function (give it a name by WITH or a view)");
  }
  TRY_ASSIGN(result->name, qualified_name("a table name"));
  const Position window_begin = peek().position;
  auto window = std::make_unique<WindowSpecification>();
  window->position = window_begin;
  if (accept_all({"PARTITION", "BY"})) {
    if (is_symbol("(")) {
      advance();
      TRY_ASSIGN(window->partition_by, expression_list());
      TRY(expect_symbol(")"));
    } else {
      TRY_ASSIGN(window->partition_by.emplace_back(), expression());
    }
  }
  if (accept_all({"ORDER", "BY"})) {
    TRY_ASSIGN(window->order_by.emplace_back(), order_item());
  }
  if (!window->partition_by.empty() || !window->order_by.empty()) result->over = std::move(window);
  return finish(std::move(result));
}

// DESCRIPTOR(column, …)
Result<ExpressionPtr> Parser::descriptor() {
  ExpressionPtr result = node(ExpressionKind::kDescriptor, peek().position);
  advance();
  TRY(expect_symbol("("));
  do {
    ExpressionPtr column = node(ExpressionKind::kName, peek().position);
    TRY_ASSIGN(column->name, qualified_name("a column name"));
    if (is_name()) return not_yet(peek().position, "a type in DESCRIPTOR");
    TRY_ASSIGN(result->arguments.emplace_back(), finish(std::move(column)));
  } while (accept_symbol(","));
  TRY(expect_symbol(")"));
  return finish(std::move(result));
}

// [RESPECT NULLS] [FILTER (WHERE e)] [OVER …]
Result<> Parser::call_suffixes(Expression& call) {
  if (is("WITHIN")) return not_yet(peek().position, "WITHIN GROUP");
  if (is("IGNORE") && is("NULLS", 1)) return not_yet(peek().position, "IGNORE NULLS");
  if (is("RESPECT") && is("NULLS", 1)) {  // the default
    advance();
    advance();
  }
  if (is("FILTER")) {
    advance();
    TRY(expect_symbol("("));
    TRY(expect("WHERE"));
    TRY_ASSIGN(call.filter, expression());
    TRY(expect_symbol(")"));
  }
  if (is("IGNORE") && is("NULLS", 1)) return not_yet(peek().position, "IGNORE NULLS");
  if (is("OVER")) {
    TRY_ASSIGN(call.over, over());
  }
  return {};
}

// OVER w | OVER (…)
Result<std::unique_ptr<WindowSpecification>> Parser::over() {
  TRY(expect("OVER"));
  auto window = std::make_unique<WindowSpecification>();
  if (is_symbol("(")) {
    TRY_ASSIGN(*window, window_in_parentheses());
    return window;
  }
  window->position = peek().position;
  TRY_ASSIGN(window->base, identifier("a window name"));
  return window;
}

// ([w] [PARTITION BY …] [ORDER BY …] [ROWS | RANGE …] [ALLOW PARTIAL])
Result<WindowSpecification> Parser::window_in_parentheses() {
  WindowSpecification window;
  window.position = peek().position;
  TRY(expect_symbol("("));
  if (is_name() && !is("PARTITION") && !is("ALLOW")) window.base = take_identifier();
  if (accept_all({"PARTITION", "BY"})) {
    TRY_ASSIGN(window.partition_by, expression_list());
  }
  if (accept_all({"ORDER", "BY"})) {
    TRY_ASSIGN(window.order_by, order_items());
  }
  // The grammar page of Flink's documentation has this order.
  if (window.partition_by.empty() && accept_all({"PARTITION", "BY"})) {
    TRY_ASSIGN(window.partition_by, expression_list());
  }
  const bool rows = accept("ROWS");
  if (rows || accept("RANGE")) {
    window.has_frame = true;
    window.rows = rows;
    TRY(frame(window));
  }
  if (is("ALLOW") && is("PARTIAL", 1)) {  // the default
    advance();
    advance();
  }
  if (is("DISALLOW")) return not_yet(peek().position, "DISALLOW PARTIAL");
  if (is("EXCLUDE")) return not_yet(peek().position, "EXCLUDE");
  TRY(expect_symbol(")"));
  return window;
}

// BETWEEN bound AND bound | bound
Result<> Parser::frame(WindowSpecification& window) {
  if (accept("BETWEEN")) {
    TRY_ASSIGN(window.start, frame_bound());
    TRY(expect("AND"));
    TRY_ASSIGN(window.end, frame_bound());
    return {};
  }
  TRY_ASSIGN(FrameBound bound, frame_bound());
  // "RANGE INTERVAL '1' HOUR FOLLOWING" begins at the current row (Kinesis: windows of joins).
  const bool following = bound.kind == FrameBound::Kind::kFollowing ||
                         bound.kind == FrameBound::Kind::kUnboundedFollowing;
  (following ? window.end : window.start) = std::move(bound);
  return {};
}

Result<FrameBound> Parser::frame_bound() {
  FrameBound bound;
  if (accept_all({"CURRENT", "ROW"})) return bound;
  const bool unbounded = accept("UNBOUNDED");
  if (!unbounded) {
    TRY_ASSIGN(bound.offset, expression(binding::kSum));
  }
  if (accept("PRECEDING")) {
    bound.kind = unbounded ? FrameBound::Kind::kUnboundedPreceding : FrameBound::Kind::kPreceding;
    return bound;
  }
  TRY(expect("FOLLOWING"));
  bound.kind = unbounded ? FrameBound::Kind::kUnboundedFollowing : FrameBound::Kind::kFollowing;
  return bound;
}

Result<std::vector<OrderItem>> Parser::order_items() {
  std::vector<OrderItem> items;
  do {
    TRY_ASSIGN(items.emplace_back(), order_item());
  } while (accept_symbol(","));
  return items;
}

// e [ASC | DESC] [NULLS FIRST | NULLS LAST]
Result<OrderItem> Parser::order_item() {
  OrderItem item;
  TRY_ASSIGN(item.expression, expression());
  if (accept("DESC")) {
    item.descending = true;
  } else {
    (void)accept("ASC");
  }
  if (is("NULLS")) {
    advance();
    item.nulls_first = accept("FIRST");
    if (!*item.nulls_first) {
      TRY(expect("LAST"));
    }
  }
  return item;
}

}  // namespace millstream::analytics::sql
