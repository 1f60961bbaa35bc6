#include "cli/sql_script.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "analytics/sql/parser.h"
#include "base/text.h"

namespace millstream::cli {
namespace {

namespace sql = analytics::sql;

enum class Role : uint8_t { kDefinition, kQuery, kInsert, kQuestion };

Role role_of(const sql::Statement& statement) {
  const auto is = [&]<class T>(std::type_identity<T>) {
    return std::holds_alternative<T>(statement.body);
  };
  if (is(std::type_identity<sql::QueryPtr>())) return Role::kQuery;
  if (is(std::type_identity<sql::Insert>()) || is(std::type_identity<sql::StatementSet>())) {
    return Role::kInsert;
  }
  if (is(std::type_identity<sql::Explain>()) || is(std::type_identity<sql::Show>()) ||
      is(std::type_identity<sql::Describe>())) {
    return Role::kQuestion;
  }
  return Role::kDefinition;
}

void blank(std::string& text, size_t begin, size_t end) {
  std::replace_if(
      text.begin() + static_cast<ptrdiff_t>(begin), text.begin() + static_cast<ptrdiff_t>(end),
      [](char c) { return c != '\n'; }, ' ');
}

struct Piece {
  Role role = Role::kDefinition;
  size_t begin = 0;  // with what stands before it: comments
  size_t end = 0;    // with its semicolon
};

// The script up to the end of pieces[last], without what is neither definition nor in
// [first, last].
std::string text_of(std::string_view script, const std::vector<Piece>& pieces, size_t first,
                    size_t last) {
  std::string text(script.substr(0, pieces[last].end));
  for (size_t i = 0; i < first; ++i) {
    if (pieces[i].role != Role::kDefinition) blank(text, pieces[i].begin, pieces[i].end);
  }
  return text;
}

}  // namespace

Result<SqlScript> split_script(std::string_view script) {
  TRY_ASSIGN(const std::vector<sql::Statement> statements,
             sql::parse_script(script, sql::Dialect::kFlink));
  SqlScript out;
  std::vector<Piece> pieces;
  for (const sql::Statement& statement : statements) {
    const size_t begin = pieces.empty() ? 0 : pieces.back().end;
    const size_t semicolon = script.find(';', statement.end_offset);
    const size_t end = semicolon == std::string_view::npos ? script.size() : semicolon + 1;
    pieces.push_back({role_of(statement), begin, end});
    if (const auto* table = std::get_if<sql::CreateTable>(&statement.body)) {
      out.names.push_back(sql::name_text(table->name));
    } else if (const auto* view = std::get_if<sql::CreateView>(&statement.body)) {
      out.names.push_back(sql::name_text(view->name));
    }
  }
  size_t done = 0;  // pieces that a step has had
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].role == Role::kDefinition) {
      out.definitions += script.substr(pieces[i].begin, pieces[i].end - pieces[i].begin);
      continue;
    }
    const size_t first = i;
    if (pieces[i].role == Role::kInsert) {
      while (i + 1 < pieces.size() && pieces[i + 1].role == Role::kInsert) ++i;
    }
    out.steps.push_back({text_of(script, pieces, first, i), pieces[i].role == Role::kQuery,
                         pieces[i].role == Role::kInsert});
    done = i + 1;
  }
  if (done < pieces.size()) {
    out.steps.push_back({text_of(script, pieces, pieces.size(), pieces.size() - 1)});
  }
  return out;
}

std::string without_lines(std::string_view message, size_t lines) {
  constexpr std::string_view kLine = "line ";
  const size_t digits = message.find_first_not_of("0123456789", kLine.size());
  if (!message.starts_with(kLine) || digits == std::string_view::npos) return std::string(message);
  const auto line = parse_integer<size_t>(message.substr(kLine.size(), digits - kLine.size()));
  if (!line || *line <= lines) return std::string(message);
  return fmt::format("{}{}{}", kLine, *line - lines, message.substr(digits));
}

}  // namespace millstream::cli
