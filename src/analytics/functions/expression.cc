#include "analytics/functions/expression.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/function.h"

namespace millstream::analytics {
namespace {

// Views upon views share their parts: an expression is a graph, and its text can be
// exponentially longer. Beyond this it is cut.
constexpr size_t kMaxTextBytes = size_t{256} << 10;

using Visited = std::unordered_set<const BoundExpression*>;

void collect_columns(const BoundExpression& expression, Visited& visited,
                     std::vector<int>& columns) {
  if (!visited.insert(&expression).second) return;
  if (expression.kind == BoundKind::kColumn) columns.push_back(expression.column);
  for (const BoundPtr& argument : expression.arguments) {
    collect_columns(*argument, visited, columns);
  }
}

bool deterministic(const BoundExpression& expression, Visited& visited) {
  if (!visited.insert(&expression).second) return true;
  if (expression.kind == BoundKind::kProctime || expression.kind == BoundKind::kCurrentTime) {
    return false;
  }
  if (expression.kind == BoundKind::kCall && !expression.function->deterministic) return false;
  return std::ranges::all_of(expression.arguments, [&visited](const BoundPtr& argument) {
    return deterministic(*argument, visited);
  });
}

// Pairs met before: had they differed, the comparison would have ended there. Without them shared
// parts would be compared once for each way that leads to them, exponentially often.
using PairsAsked = std::set<std::pair<const BoundExpression*, const BoundExpression*>>;

bool same_parts(const BoundExpression& a, const BoundExpression& b, PairsAsked& asked) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.column != b.column || a.function != b.function ||
      a.try_cast != b.try_cast || a.arguments.size() != b.arguments.size() || a.type != b.type ||
      a.literal != b.literal) {
    return false;
  }
  if (a.arguments.empty() || !asked.emplace(&a, &b).second) return true;
  for (size_t i = 0; i < a.arguments.size(); ++i) {
    if (!same_parts(*a.arguments[i], *b.arguments[i], asked)) return false;
  }
  return true;
}

// Rebuilds an expression with other columns; shared parts stay shared.
template <class Replace>
class Rewriter {
 public:
  explicit Rewriter(Replace replace) : replace_(std::move(replace)) {}

  BoundPtr rewrite(const BoundPtr& expression) {
    if (expression->kind == BoundKind::kColumn) return replace_(expression);
    if (expression->arguments.empty()) return expression;
    if (const auto found = done_.find(expression.get()); found != done_.end()) {
      return found->second;
    }
    bool changed = false;
    std::vector<BoundPtr> arguments;
    arguments.reserve(expression->arguments.size());
    for (const BoundPtr& argument : expression->arguments) {
      arguments.push_back(rewrite(argument));
      changed |= arguments.back() != argument;
    }
    BoundPtr result = expression;
    if (changed) {
      auto copy = std::make_shared<BoundExpression>(*expression);
      copy->arguments = std::move(arguments);
      result = std::move(copy);
    }
    done_.emplace(expression.get(), result);
    return result;
  }

 private:
  Replace replace_;
  std::unordered_map<const BoundExpression*, BoundPtr> done_;
};

class TextWriter {
 public:
  explicit TextWriter(std::span<const Field> schema) : schema_(schema) {}

  std::string take() {
    if (text_.size() > kMaxTextBytes) {
      text_.resize(kMaxTextBytes);
      text_ += "...";
    }
    return std::move(text_);
  }

  void write(const BoundExpression& expression) {
    if (text_.size() > kMaxTextBytes) return;
    switch (expression.kind) {
      case BoundKind::kColumn:
        return write_column(expression.column);
      case BoundKind::kLiteral:
        text_ += value_text(expression.literal, expression.type);
        return;
      case BoundKind::kCall:
        return write_call(expression);
      case BoundKind::kCast: {
        Type target = expression.type;
        target.nullable = true;
        text_ += expression.try_cast ? "TRY_CAST(" : "CAST(";
        write(*expression.arguments[0]);
        text_ += fmt::format(" AS {})", type_text(target));
        return;
      }
      case BoundKind::kCase:
        return write_case(expression);
      case BoundKind::kAnd:
        return write_joined(expression, " AND ");
      case BoundKind::kOr:
        return write_joined(expression, " OR ");
      case BoundKind::kCoalesce:
        return write_list("COALESCE", expression);
      case BoundKind::kProctime:
        text_ += "PROCTIME()";
        return;
      case BoundKind::kCurrentTime:
        text_ += current_time_name(expression.type);
        return;
    }
  }

 private:
  static std::string_view current_time_name(const Type& type) {
    switch (type.kind) {
      case TypeKind::kDate:
        return "CURRENT_DATE";
      case TypeKind::kTime:
        return "LOCALTIME";
      case TypeKind::kTimestamp:
        return "LOCALTIMESTAMP";
      default:
        return "CURRENT_TIMESTAMP";
    }
  }

  void write_column(int column) {
    const auto index = static_cast<size_t>(column);
    if (index < schema_.size()) {
      text_ += schema_[index].name;
    } else {
      text_ += fmt::format("${}", column);
    }
  }

  void write_joined(const BoundExpression& expression, std::string_view word) {
    text_ += '(';
    for (size_t i = 0; i < expression.arguments.size(); ++i) {
      if (i > 0) text_ += word;
      write(*expression.arguments[i]);
    }
    text_ += ')';
  }

  void write_list(std::string_view name, const BoundExpression& expression) {
    text_ += name;
    text_ += '(';
    for (size_t i = 0; i < expression.arguments.size(); ++i) {
      if (i > 0) text_ += ", ";
      write(*expression.arguments[i]);
    }
    text_ += ')';
  }

  void write_case(const BoundExpression& expression) {
    text_ += "CASE";
    const size_t pairs = expression.arguments.size() / 2;
    for (size_t i = 0; i < pairs; ++i) {
      text_ += " WHEN ";
      write(*expression.arguments[2 * i]);
      text_ += " THEN ";
      write(*expression.arguments[2 * i + 1]);
    }
    text_ += " ELSE ";
    write(*expression.arguments.back());
    text_ += " END";
  }

  void write_call(const BoundExpression& expression) {
    const std::string_view name = expression.function->name;
    const auto& arguments = expression.arguments;
    if (arguments.size() == 1 && name.starts_with("IS ")) {
      text_ += '(';
      write(*arguments[0]);
      text_ += fmt::format(" {})", name);
      return;
    }
    const bool is_operator = name.find_first_not_of("+-*/%|=<>") == std::string_view::npos ||
                             name == "LIKE" || name == "SIMILAR TO" || name == "IS DISTINCT FROM" ||
                             name == "IS NOT DISTINCT FROM";
    if (arguments.size() == 2 && is_operator) {
      return write_joined(expression, fmt::format(" {} ", name));
    }
    write_list(name, expression);
  }

  std::span<const Field> schema_;
  std::string text_;
};

}  // namespace

BoundPtr bound_column(int column, const Field& field) {
  auto expression = std::make_shared<BoundExpression>();
  expression->kind = BoundKind::kColumn;
  expression->type = field.type;
  expression->column = column;
  expression->text = field.name;
  return expression;
}

BoundPtr bound_literal(Value value, Type type) {
  auto expression = std::make_shared<BoundExpression>();
  expression->kind = BoundKind::kLiteral;
  type.nullable = std::holds_alternative<std::monostate>(value);
  expression->text = value_text(value, type);
  expression->type = std::move(type);
  expression->literal = std::move(value);
  return expression;
}

BoundPtr bound_cast(BoundPtr value, Type type, bool try_cast) {
  type.nullable = value->type.nullable || try_cast || type.kind == TypeKind::kDecimal;
  Type from = value->type;
  from.time = type.time;
  from.nullable = type.nullable;
  if (from == type) return value;
  auto expression = std::make_shared<BoundExpression>();
  expression->kind = BoundKind::kCast;
  expression->text = value->text;
  expression->type = std::move(type);
  expression->arguments.push_back(std::move(value));
  expression->try_cast = try_cast;
  return expression;
}

BoundPtr bound_call(const Function& function, std::vector<BoundPtr> arguments, Type type) {
  auto expression = std::make_shared<BoundExpression>();
  expression->kind = BoundKind::kCall;
  expression->type = std::move(type);
  expression->function = &function;
  expression->arguments = std::move(arguments);
  return expression;
}

bool same(const BoundExpression& a, const BoundExpression& b) {
  PairsAsked asked;
  return same_parts(a, b, asked);
}

std::string expression_text(const BoundExpression& expression, std::span<const Field> schema) {
  TextWriter writer(schema);
  writer.write(expression);
  return writer.take();
}

bool is_deterministic(const BoundExpression& expression) {
  Visited visited;
  return deterministic(expression, visited);
}

std::vector<int> columns_of(const BoundExpression& expression) {
  Visited visited;
  std::vector<int> columns;
  collect_columns(expression, visited, columns);
  std::ranges::sort(columns);
  const auto rest = std::ranges::unique(columns);
  columns.erase(rest.begin(), rest.end());
  return columns;
}

BoundPtr substitute(const BoundPtr& expression, std::span<const BoundPtr> replacements) {
  Rewriter rewriter([replacements](const BoundPtr& column) {
    return replacements[static_cast<size_t>(column->column)];
  });
  return rewriter.rewrite(expression);
}

BoundPtr remap(const BoundPtr& expression, std::span<const int> map) {
  Rewriter rewriter([map](const BoundPtr& column) -> BoundPtr {
    const int to = map[static_cast<size_t>(column->column)];
    if (to == column->column) return column;
    auto copy = std::make_shared<BoundExpression>(*column);
    copy->column = to;
    return copy;
  });
  return rewriter.rewrite(expression);
}

}  // namespace millstream::analytics
