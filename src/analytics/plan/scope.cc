#include "analytics/plan/scope.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/sql/parser.h"

namespace millstream::analytics {
namespace {

std::string joined(const std::vector<std::string>& parts, size_t from) {
  std::string text;
  for (size_t i = from; i < parts.size(); ++i) {
    if (i > from) text += '.';
    text += parts[i];
  }
  return text;
}

// How a column is meant: as a whole, or as the ROW that has it as a leaf.
enum class Match : uint8_t { kNone, kColumn, kRow };

Match match_name(const ScopeColumn& column, std::string_view name) {
  if (column.name == name) return Match::kColumn;
  if (column.name.size() > name.size() && column.name.starts_with(name) &&
      column.name[name.size()] == '.') {
    return Match::kRow;
  }
  return Match::kNone;
}

struct Found {
  std::vector<int> columns;
  Match match = Match::kNone;
  bool ambiguous = false;
};

// Of columns that an unqualified name fits: those of the best rank.
int rank_of(const ScopeColumn& column) {
  if (column.visibility == Visibility::kVisible) return 0;
  if (column.table.empty()) return 1;
  return column.visibility == Visibility::kHidden ? 2 : 3;
}

Found find_unqualified(const std::vector<ScopeColumn>& columns, std::string_view name) {
  for (int rank = 0; rank <= 3; ++rank) {
    Found found;
    std::vector<int> row;
    std::string row_table;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (rank_of(columns[i]) != rank) continue;
      const Match match = match_name(columns[i], name);
      if (match == Match::kColumn) found.columns.push_back(static_cast<int>(i));
      if (match == Match::kRow) {
        if (!row.empty() && row_table != columns[i].table) found.ambiguous = true;
        row_table = columns[i].table;
        row.push_back(static_cast<int>(i));
      }
    }
    if (!found.columns.empty()) {
      found.match = Match::kColumn;
      found.ambiguous = found.columns.size() > 1;
      return found;
    }
    if (!row.empty()) {
      found.match = Match::kRow;
      found.columns = std::move(row);
      return found;
    }
  }
  return {};
}

Found find_qualified(const std::vector<ScopeColumn>& columns, std::string_view table,
                     std::string_view name) {
  Found found;
  std::vector<int> row;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].table != table) continue;
    const Match match = match_name(columns[i], name);
    if (match == Match::kColumn) found.columns.push_back(static_cast<int>(i));
    if (match == Match::kRow) row.push_back(static_cast<int>(i));
  }
  if (!found.columns.empty()) {
    found.match = Match::kColumn;
    found.ambiguous = found.columns.size() > 1;
  } else if (!row.empty()) {
    found.match = Match::kRow;
    found.columns = std::move(row);
  }
  return found;
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      };
      const size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

Error not_found(const std::vector<ScopeColumn>& columns, const sql::QualifiedName& name,
                const std::vector<std::string>& parts, const NameRules& rules) {
  std::vector<std::string> candidates;
  if (parts.size() >= 2) {
    const bool has_table = std::ranges::any_of(
        columns, [&parts](const ScopeColumn& column) { return column.table == parts[0]; });
    const bool has_row = find_unqualified(columns, parts[0]).match == Match::kRow;
    if (has_table) {
      for (const ScopeColumn& column : columns) {
        if (column.table == parts[0]) candidates.push_back(column.name);
      }
      return sql::error_at(rules.script, name[1].position,
                           fmt::format("Column '{}' not found in table '{}'{}", joined(parts, 1),
                                       parts[0], nearest_names(joined(parts, 1), candidates)));
    }
    if (has_row) {
      for (const ScopeColumn& column : columns) candidates.push_back(column.name);
      return sql::error_at(rules.script, name[1].position,
                           fmt::format("Column '{}' not found in any table{}", joined(parts, 0),
                                       nearest_names(joined(parts, 0), candidates)));
    }
    for (const ScopeColumn& column : columns) {
      if (!column.table.empty()) candidates.push_back(column.table);
    }
    return sql::error_at(
        rules.script, name[0].position,
        fmt::format("Table '{}' not found{}", parts[0], nearest_names(parts[0], candidates)));
  }
  for (const ScopeColumn& column : columns) candidates.push_back(column.name);
  return sql::error_at(rules.script, name[0].position,
                       fmt::format("Column '{}' not found in any table{}", parts[0],
                                   nearest_names(parts[0], candidates)));
}

Result<Found> find_columns(const std::vector<ScopeColumn>& columns, const sql::QualifiedName& name,
                           const NameRules& rules) {
  std::vector<std::string> parts;
  for (const sql::Identifier& part : name) parts.push_back(rules.name(part));
  Found found;
  if (parts.size() >= 2) found = find_qualified(columns, parts[0], joined(parts, 1));
  if (found.match == Match::kNone) found = find_unqualified(columns, joined(parts, 0));
  // catalog.database.table.column
  if (found.match == Match::kNone && parts.size() >= 3) {
    found = find_qualified(columns, parts[parts.size() - 2], parts.back());
  }
  if (found.match == Match::kNone) {
    return std::unexpected(not_found(columns, name, parts, rules));
  }
  if (found.ambiguous) {
    return std::unexpected(sql::error_at(
        rules.script, name[0].position,
        fmt::format("Column '{}' is ambiguous: write the table before it, as in {}.{}",
                    joined(parts, 0), columns[static_cast<size_t>(found.columns[0])].table,
                    parts.back())));
  }
  return found;
}

}  // namespace

Relation relation_of(PlanPtr plan, std::string_view table) {
  Relation relation;
  for (const Field& field : plan->schema) {
    relation.columns.push_back({std::string(table), field.name, Visibility::kVisible});
  }
  relation.plan = std::move(plan);
  return relation;
}

Result<Relation> renamed(Relation relation, std::string_view table,
                         const std::vector<std::string>& names) {
  size_t next = 0;
  for (ScopeColumn& column : relation.columns) {
    column.table = table;
    if (column.visibility == Visibility::kHidden || names.empty()) continue;
    if (next < names.size()) column.name = names[next];
    ++next;
  }
  if (!names.empty() && next != names.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "List of column aliases must have same degree as table; table has {} columns, "
                "whereas alias list has {} columns",
                next, names.size());
  }
  return relation;
}

Result<int> resolve_column(const std::vector<ScopeColumn>& columns, const sql::QualifiedName& name,
                           const NameRules& rules) {
  TRY_ASSIGN(const Found found, find_columns(columns, name, rules));
  if (found.match == Match::kColumn) return found.columns[0];
  std::string fields;
  const size_t shown = std::min<size_t>(found.columns.size(), 10);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) fields += ", ";
    fields += columns[static_cast<size_t>(found.columns[i])].name;
  }
  return std::unexpected(sql::error_at(
      rules.script, name[0].position,
      fmt::format("Column '{}' is a ROW, and a ROW as a value is not yet supported: name one of "
                  "its fields: {}",
                  sql::name_text(name), fields)));
}

Result<std::vector<int>> resolve_item(const std::vector<ScopeColumn>& columns,
                                      const sql::QualifiedName& name, const NameRules& rules) {
  TRY_ASSIGN(Found found, find_columns(columns, name, rules));
  return std::move(found.columns);
}

Result<std::vector<int>> resolve_star(const std::vector<ScopeColumn>& columns,
                                      const sql::QualifiedName& table, const NameRules& rules,
                                      sql::Position position) {
  std::vector<int> found;
  if (table.empty()) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].visibility == Visibility::kVisible) found.push_back(static_cast<int>(i));
    }
    if (found.empty()) {
      return std::unexpected(
          sql::error_at(rules.script, position, "SELECT * needs a FROM clause with columns"));
    }
    return found;
  }
  const std::string name = rules.name(table.back());
  std::vector<std::string> candidates;
  for (size_t i = 0; i < columns.size(); ++i) {
    candidates.push_back(columns[i].table);
    if (columns[i].table == name && columns[i].visibility != Visibility::kHidden) {
      found.push_back(static_cast<int>(i));
    }
  }
  if (!found.empty()) return found;
  // row.*
  const Found row = find_unqualified(columns, name);
  if (row.match == Match::kRow && !row.ambiguous) return row.columns;
  return std::unexpected(
      sql::error_at(rules.script, table[0].position,
                    fmt::format("Unknown identifier '{}': there is no such table in FROM{}", name,
                                nearest_names(name, candidates))));
}

std::string nearest_names(std::string_view name, const std::vector<std::string>& candidates) {
  // Names of a hostile script can be long and many.
  constexpr size_t kMaxCompared = 1000;
  constexpr size_t kMaxLengthCompared = 64;
  if (name.size() > kMaxLengthCompared) return {};
  std::vector<std::pair<size_t, std::string>> near;
  const size_t allowed = std::max<size_t>(1, name.size() / 3);
  for (size_t i = 0; i < std::min(candidates.size(), kMaxCompared); ++i) {
    const std::string& candidate = candidates[i];
    if (candidate.empty() || candidate.size() > kMaxLengthCompared) continue;
    const size_t away = distance(name, candidate);
    if (away <= allowed) near.emplace_back(away, candidate);
  }
  std::ranges::sort(near);
  const auto rest = std::ranges::unique(near);
  near.erase(rest.begin(), rest.end());
  if (near.empty()) return {};
  std::string text = fmt::format("; did you mean '{}'", near[0].second);
  if (near.size() > 1) text += fmt::format(" or '{}'", near[1].second);
  return text + "?";
}

}  // namespace millstream::analytics
