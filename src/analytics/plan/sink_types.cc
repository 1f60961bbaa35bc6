#include "analytics/plan/sink_types.h"

#include <algorithm>

#include <fmt/format.h>

#include "analytics/plan/expression_binder.h"

namespace millstream::analytics {
namespace {

bool is_written(const TableColumn& column) {
  return column.computed == nullptr && column.metadata == Metadata::kNone;
}

// What Flink's messages list: without time attributes.
std::string column_text(std::string_view name, Type type) {
  type.time = TimeAttribute::kNone;
  return fmt::format("{}: {}", name, type_text(type));
}

}  // namespace

std::shared_ptr<const Table> written_part(const std::shared_ptr<const Table>& table) {
  if (std::ranges::all_of(table->columns, is_written)) return table;
  auto sink = std::make_shared<Table>(*table);
  sink->columns.clear();
  std::vector<int> places;
  for (const TableColumn& column : table->columns) {
    places.push_back(is_written(column) ? static_cast<int>(sink->columns.size()) : -1);
    if (is_written(column)) sink->columns.push_back(column);
  }
  const auto moved = [&places](std::vector<int>& columns) {
    for (int& column : columns) column = places[static_cast<size_t>(column)];
    std::erase(columns, -1);
  };
  moved(sink->primary_key);
  moved(sink->partitioned_by);
  // Watermarks are the readers'.
  sink->rowtime.reset();
  sink->watermark = nullptr;
  return sink;
}

Result<std::vector<int>> insert_targets(const NameRules& rules, const sql::Insert& insert,
                                        const Table& table) {
  std::vector<int> targets;
  if (insert.columns.empty()) {
    for (size_t i = 0; i < table.columns.size(); ++i) targets.push_back(static_cast<int>(i));
    return targets;
  }
  std::vector<std::string> known;
  for (const TableColumn& column : table.columns) known.push_back(column.name);
  for (const sql::Identifier& identifier : insert.columns) {
    const std::string name = rules.name(identifier);
    const std::string prefix = name + ".";
    const size_t before = targets.size();
    for (size_t i = 0; i < known.size(); ++i) {
      if (known[i] != name && !known[i].starts_with(prefix)) continue;
      if (std::ranges::find(targets, static_cast<int>(i)) != targets.end()) {
        return error_at(rules, identifier.position,
                        fmt::format("Target column '{}' is assigned more than once", name));
      }
      targets.push_back(static_cast<int>(i));
    }
    if (targets.size() == before) {
      return error_at(
          rules, identifier.position,
          fmt::format("Unknown target column '{}'{}", name, nearest_names(name, known)));
    }
  }
  return targets;
}

bool stores_implicitly(const Type& from, const Type& to) {
  if (from.kind == TypeKind::kNull) return true;
  switch (to.kind) {
    case TypeKind::kVarchar:
      return from.is_string();
    case TypeKind::kVarbinary:
      return from.is_binary();
    case TypeKind::kTinyint:
    case TypeKind::kSmallint:
    case TypeKind::kInteger:
    case TypeKind::kBigint:
      return from.is_integer() && from.kind <= to.kind;
    case TypeKind::kFloat:
      return from.is_numeric() && from.kind != TypeKind::kDouble;
    case TypeKind::kDouble:
    case TypeKind::kDecimal:
      return from.is_numeric();
    case TypeKind::kDate:
    case TypeKind::kTime:
      return from.kind == to.kind || from.kind == TypeKind::kTimestamp;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return from.is_timestamp();
    default:
      return from.kind == to.kind;
  }
}

std::string schema_mismatch(std::string_view table, std::string_view cause, const Relation& query,
                            const Table& sink, const std::vector<int>& targets) {
  std::string from;
  for (size_t i = 0; i < query.columns.size(); ++i) {
    if (query.columns[i].visibility == Visibility::kHidden) continue;
    if (!from.empty()) from += ", ";
    from += column_text(query.columns[i].name, query.plan->schema[i].type);
  }
  std::string to;
  for (const int target : targets) {
    if (!to.empty()) to += ", ";
    const TableColumn& column = sink.columns[static_cast<size_t>(target)];
    to += column_text(column.name, column.type);
  }
  return fmt::format(
      "Column types of query result and sink for '{}' do not match.\nCause: {}\n\nQuery schema: "
      "[{}]\nSink schema:  [{}]",
      table, cause, from, to);
}

}  // namespace millstream::analytics
