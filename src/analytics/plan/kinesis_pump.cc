#include "analytics/plan/kinesis_pump.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/kinesis_window.h"

namespace millstream::analytics {
namespace {

// Assignment is freer than what happens by itself inside expressions: COUNT(*) into INTEGER.
bool is_assignable(const Type& from, const Type& to) {
  if (from.kind == TypeKind::kNull) return true;
  if (from.is_numeric() && to.is_numeric()) return true;
  if (from.is_string() && to.is_string()) return true;
  if (from.is_binary() && to.is_binary()) return true;
  if (from.is_timestamp() && to.is_timestamp()) return true;
  // Text is read as a number or time by a CAST only.
  if (from.is_string() && !to.is_string()) return false;
  return can_cast_implicitly(from, to, sql::Dialect::kKinesis);
}

// The columns of the stream that an INSERT names; all of them if it names none.
Result<std::vector<int>> targets_of(const NameRules& rules, const sql::Insert& insert,
                                    const Table& stream) {
  std::vector<int> targets;
  if (insert.columns.empty()) {
    for (int i = 0; i < *stream.rowtime; ++i) targets.push_back(i);
    return targets;
  }
  std::vector<std::string> known;
  for (const TableColumn& column : stream.columns) known.push_back(column.name);
  for (const sql::Identifier& column : insert.columns) {
    const std::string name = rules.name(column);
    if (name == kRowtimeName) {
      return error_at(rules, column.position,
                      "inserting into ROWTIME is not yet supported: rows keep the ROWTIME they "
                      "have");
    }
    const auto found = std::ranges::find(known, name);
    if (found == known.end()) {
      return error_at(rules, column.position,
                      fmt::format("Unknown target column '{}' of stream '{}'{}", name, stream.name,
                                  nearest_names(name, known)));
    }
    const int target = static_cast<int>(found - known.begin());
    if (std::ranges::find(targets, target) != targets.end()) {
      return error_at(rules, column.position,
                      fmt::format("Target column '{}' is assigned more than once", name));
    }
    targets.push_back(target);
  }
  return targets;
}

// ROWTIME, and NULL for what the INSERT did not name.
Result<> fill_rest(const NameRules& rules, sql::Position position, const Table& stream,
                   const BoundPtr& rowtime, std::vector<BoundPtr>& values) {
  for (size_t i = 0; i < stream.columns.size(); ++i) {
    const TableColumn& column = stream.columns[i];
    if (values[i] != nullptr) continue;
    if (static_cast<int>(i) == *stream.rowtime) {
      values[i] = rowtime;
      continue;
    }
    if (!column.type.nullable) {
      return error_at(
          rules, position,
          fmt::format("Column '{}' has no default value and does not allow NULLs", column.name));
    }
    values[i] = bound_literal(std::monostate(), column.type);
  }
  return {};
}

}  // namespace

Result<PlanPtr> pump_rows(const NameRules& rules, const sql::Insert& insert, std::string_view pump,
                          const Table& stream, Relation relation) {
  const sql::Position position = insert.query->position;
  std::vector<int> selected;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].visibility == Visibility::kHidden) continue;
    selected.push_back(static_cast<int>(i));
  }
  TRY_ASSIGN(const std::vector<int> targets, targets_of(rules, insert, stream));
  if (targets.size() != selected.size()) {
    return error_at(rules, position,
                    fmt::format("Number of INSERT target columns ({}) does not equal number of "
                                "source items ({}): stream '{}', pump '{}'",
                                targets.size(), selected.size(), stream.name, pump));
  }
  const Schema& schema = relation.plan->schema;
  const auto rowtime = rowtime_column(schema);
  if (!rowtime) {
    return error_at(
        rules, position,
        fmt::format("the query of pump '{}' reads no stream: its rows have no ROWTIME", pump));
  }
  std::vector<BoundPtr> values(stream.columns.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    const Field& from = schema[static_cast<size_t>(selected[i])];
    const TableColumn& to = stream.columns[static_cast<size_t>(targets[i])];
    if (!is_assignable(from.type, to.type)) {
      return error_at(rules, position,
                      fmt::format("Cannot assign to target field '{}' of type {} from source field "
                                  "'{}' of type {}: write a CAST",
                                  to.name, type_text(to.type), from.name, type_text(from.type)));
    }
    values[static_cast<size_t>(targets[i])] = bound_cast(bound_column(selected[i], from), to.type);
  }
  const BoundPtr time = bound_column(*rowtime, schema[static_cast<size_t>(*rowtime)]);
  TRY(fill_rest(rules, position, stream, time, values));
  std::vector<std::string> names;
  for (const TableColumn& column : stream.columns) names.push_back(column.name);
  return make_project(std::move(relation.plan), std::move(values), std::move(names));
}

Result<PlanPtr> output_sink(const Relation& rows, const Table& output, const std::string& name) {
  auto table = std::make_shared<Table>(output);
  const bool takes_all = table->columns.empty();
  std::vector<BoundPtr> values;
  std::vector<std::string> names;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    if (rows.columns[i].visibility == Visibility::kHidden) continue;
    const Field& field = rows.plan->schema[i];
    if (takes_all) {
      table->columns.push_back({.name = field.name,
                                .type = field.type,
                                .path = {field.name},
                                .position = static_cast<int>(table->columns.size())});
    }
    values.push_back(bound_column(static_cast<int>(i), field));
    names.push_back(field.name);
  }
  bool same = table->columns.size() == names.size();
  for (size_t i = 0; same && i < names.size(); ++i) same = table->columns[i].name == names[i];
  if (!same) {
    return fail(ErrorCode::kInvalidArgument,
                "output '{}' and the stream of that name have different columns", name);
  }
  PlanPtr input = make_project(rows.plan, std::move(values), std::move(names));
  return make_sink(std::move(input), std::move(table), name);
}

}  // namespace millstream::analytics
