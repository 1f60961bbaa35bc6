// Operators: precedence climbing over prefix(), which reads the operands.
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"
#include "analytics/sql/tree.h"

namespace millstream::analytics::sql {

ExpressionPtr Parser::node(ExpressionKind kind, Position position) const {
  auto result = std::make_unique<Expression>();
  result->kind = kind;
  result->position = position;
  return result;
}

// Ends a node behind the last token read, unless that would make its tree too high.
Result<ExpressionPtr> Parser::finish(ExpressionPtr node) const {
  node->end_offset = next_ == 0 ? 0 : tokens_.tokens[next_ - 1].end();
  node->height = height_of(*node);
  if (node->height > kMaxTreeHeight) {
    return error(node->position,
                 fmt::format("the expression that begins here has more than {} operators or levels "
                             "inside each other: put parts of it in parentheses or sub-queries",
                             kMaxTreeHeight));
  }
  return node;
}

Result<ExpressionPtr> Parser::expression(int least_binding) {
  const Nesting nesting(*this);
  TRY(check_depth());
  TRY_ASSIGN(ExpressionPtr left, prefix());
  while (true) {
    const std::optional<Infix> op = infix();
    if (!op || op->binding < least_binding) return left;
    TRY_ASSIGN(left, infix_rest(std::move(left), *op));
  }
}

Result<ExpressionPtr> Parser::prefix() {
  const Position position = peek().position;
  int operand_binding = binding::kSign;
  std::string_view op;
  if (is("NOT")) {
    op = "NOT";
    operand_binding = binding::kNot;
  } else if (is_symbol("-") || is_symbol("+")) {
    op = is_symbol("-") ? "-" : "+";
  } else {
    TRY_ASSIGN(ExpressionPtr operand, primary());
    return postfix(std::move(operand));
  }
  advance();
  ExpressionPtr unary = node(ExpressionKind::kUnary, position);
  unary->text = op;
  TRY_ASSIGN(unary->arguments.emplace_back(), expression(operand_binding));
  return finish(std::move(unary));
}

std::optional<Parser::Infix> Parser::infix() const {
  const Token& token = peek();
  if (token.kind == Token::Kind::kWord) {
    if (is("OR")) return Infix{binding::kOr, "OR"};
    if (is("AND")) return Infix{binding::kAnd, "AND"};
    if (is("IS")) return Infix{binding::kIs, {}};
    const size_t word = is("NOT") ? 1 : 0;
    if (is("BETWEEN", word) || is("IN", word) || is("LIKE", word) || is("SIMILAR", word) ||
        is("ILIKE", word) || is("RLIKE", word)) {
      return Infix{binding::kRange, {}};
    }
    return std::nullopt;
  }
  if (token.kind != Token::Kind::kSymbol) return std::nullopt;
  static constexpr std::array<Infix, 13> kSymbols{{{binding::kComparison, "="},
                                                   {binding::kComparison, "<>"},
                                                   {binding::kComparison, "!="},
                                                   {binding::kComparison, "<"},
                                                   {binding::kComparison, "<="},
                                                   {binding::kComparison, ">"},
                                                   {binding::kComparison, ">="},
                                                   {binding::kSum, "+"},
                                                   {binding::kSum, "-"},
                                                   {binding::kProduct, "*"},
                                                   {binding::kProduct, "/"},
                                                   {binding::kProduct, "%"},
                                                   {binding::kProduct, "||"}}};
  const std::string_view text = text_of(token);
  for (const Infix& candidate : kSymbols) {
    if (candidate.op == text) return candidate;
  }
  return std::nullopt;
}

Result<ExpressionPtr> Parser::infix_rest(ExpressionPtr left, Infix op) {
  if (op.binding == binding::kIs) return is_rest(std::move(left));
  if (op.binding == binding::kRange) return range_rest(std::move(left));
  if (op.op == "AND" || op.op == "OR" || op.op == "||") return chain(std::move(left), op);
  if (op.binding == binding::kComparison) return comparison(std::move(left), op);
  advance();
  ExpressionPtr binary = node(ExpressionKind::kBinary, left->position);
  binary->text = op.op;
  binary->arguments.push_back(std::move(left));
  TRY_ASSIGN(binary->arguments.emplace_back(), expression(op.binding + 1));
  return finish(std::move(binary));
}

// a AND b AND …: generated conditions have thousands of terms.
Result<ExpressionPtr> Parser::chain(ExpressionPtr left, Infix op) {
  std::vector<ExpressionPtr> operands;
  operands.push_back(std::move(left));
  while (true) {
    const std::optional<Infix> next = infix();
    if (!next || next->op != op.op) break;
    advance();
    TRY_ASSIGN(operands.emplace_back(), expression(op.binding + 1));
  }
  return finish(balanced(op.op, operands));
}

Result<ExpressionPtr> Parser::comparison(ExpressionPtr left, Infix op) {
  advance();
  const bool quantified = (is("ANY") || is("SOME") || is("ALL")) && is_symbol("(", 1);
  if (quantified) {
    return not_yet(peek().position, fmt::format("a comparison with {} (…)", peek().word.text()));
  }
  ExpressionPtr binary = node(ExpressionKind::kBinary, left->position);
  binary->text = op.op == "!=" ? "<>" : op.op;
  binary->arguments.push_back(std::move(left));
  TRY_ASSIGN(binary->arguments.emplace_back(), expression(op.binding + 1));
  return finish(std::move(binary));
}

// IS [NOT] NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM e
Result<ExpressionPtr> Parser::is_rest(ExpressionPtr left) {
  advance();
  const bool negated = accept("NOT");
  if (accept_all({"DISTINCT", "FROM"})) {
    ExpressionPtr binary = node(ExpressionKind::kBinary, left->position);
    binary->text = negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
    binary->arguments.push_back(std::move(left));
    TRY_ASSIGN(binary->arguments.emplace_back(), expression(binding::kComparison + 1));
    return finish(std::move(binary));
  }
  if (is("JSON") || is("EMPTY") || is("OF")) {
    return not_yet(peek().position, fmt::format("IS {}", peek().word.text()));
  }
  ExpressionPtr result = node(ExpressionKind::kIs, left->position);
  result->negated = negated;
  result->arguments.push_back(std::move(left));
  for (const Word word : {Word("NULL"), Word("TRUE"), Word("FALSE"), Word("UNKNOWN")}) {
    if (!accept(word)) continue;
    result->text = word.text();
    return finish(std::move(result));
  }
  return unexpected();
}

Result<ExpressionPtr> Parser::range_rest(ExpressionPtr left) {
  const bool negated = is("NOT");
  if (negated) advance();
  if (is("BETWEEN")) return between_rest(std::move(left), negated);
  if (is("IN")) return in_rest(std::move(left), negated);
  if (is("ILIKE") || is("RLIKE")) return not_yet(peek().position, peek().word.text());
  return like_rest(std::move(left), negated);
}

Result<ExpressionPtr> Parser::between_rest(ExpressionPtr left, bool negated) {
  advance();
  ExpressionPtr between = node(ExpressionKind::kBetween, left->position);
  between->negated = negated;
  between->arguments.push_back(std::move(left));
  if (is("SYMMETRIC")) {
    between->text = "SYMMETRIC";
    advance();
  } else if (is("ASYMMETRIC")) {
    advance();
  }
  TRY_ASSIGN(between->arguments.emplace_back(), expression(binding::kSum));
  TRY(expect("AND"));
  TRY_ASSIGN(between->arguments.emplace_back(), expression(binding::kSum));
  return finish(std::move(between));
}

Result<ExpressionPtr> Parser::in_rest(ExpressionPtr left, bool negated) {
  advance();
  ExpressionPtr in = node(ExpressionKind::kIn, left->position);
  in->negated = negated;
  in->arguments.push_back(std::move(left));
  TRY(expect_symbol("("));
  if (is_query_start()) {
    TRY_ASSIGN(in->query, query());
  } else {
    TRY_ASSIGN(std::vector<ExpressionPtr> list, expression_list());
    // IN ((SELECT …)) and IN ((SELECT …) UNION …)
    if (list.size() == 1 && list[0]->kind == ExpressionKind::kSubquery) {
      TRY_ASSIGN(in->query, query_rest(std::move(list[0]->query)));
    } else {
      for (ExpressionPtr& item : list) in->arguments.push_back(std::move(item));
    }
  }
  TRY(expect_symbol(")"));
  return finish(std::move(in));
}

// [NOT] LIKE | SIMILAR TO pattern [ESCAPE e]
Result<ExpressionPtr> Parser::like_rest(ExpressionPtr left, bool negated) {
  ExpressionPtr like = node(ExpressionKind::kLike, left->position);
  like->negated = negated;
  like->text = is("LIKE") ? "LIKE" : "SIMILAR TO";
  advance();
  if (like->text == "SIMILAR TO") TRY(expect("TO"));
  like->arguments.push_back(std::move(left));
  const bool quantified = (is("ANY") || is("SOME") || is("ALL")) && is_symbol("(", 1);
  if (quantified) {
    return not_yet(peek().position, fmt::format("{} {}", like->text, peek().word.text()));
  }
  TRY_ASSIGN(like->arguments.emplace_back(), expression(binding::kSum));
  if (accept("ESCAPE")) {
    TRY_ASSIGN(like->arguments.emplace_back(), expression(binding::kSum));
  }
  return finish(std::move(like));
}

// a[i]; what else may follow an operand is refused by name.
Result<ExpressionPtr> Parser::postfix(ExpressionPtr left) {
  while (true) {
    if (flink() && is_symbol("[")) {
      ExpressionPtr element = node(ExpressionKind::kElement, left->position);
      advance();
      element->arguments.push_back(std::move(left));
      TRY_ASSIGN(element->arguments.emplace_back(), expression());
      TRY(expect_symbol("]"));
      TRY_ASSIGN(left, finish(std::move(element)));
      continue;
    }
    const Position here = peek().position;
    if (is_symbol(".")) return not_yet(here, "access to a field of an expression");
    if (is_symbol("::")) return error(here, "unexpected '::': write CAST(… AS type)");
    if (is("COLLATE")) return not_yet(here, "COLLATE");
    if (is("AT") && (is("TIME", 1) || is("LOCAL", 1))) return not_yet(here, "AT TIME ZONE");
    if (is("OVERLAPS") || is("PRECEDES") || is("SUCCEEDS") || is("EQUALS") ||
        (is("CONTAINS") && is_symbol("(", 1)) || is("SUBMULTISET") ||
        (is("MEMBER") && is("OF", 1)) || is("MULTISET")) {
      return not_yet(here, fmt::format("operator {}", peek().word.text()));
    }
    return left;
  }
}

Result<std::vector<ExpressionPtr>> Parser::expression_list() {
  std::vector<ExpressionPtr> list;
  do {
    TRY_ASSIGN(list.emplace_back(), expression());
  } while (accept_symbol(","));
  return list;
}

}  // namespace millstream::analytics::sql
