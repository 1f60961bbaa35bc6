#include "analytics/plan/table_definition.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analytics/plan/expression_binder.h"
#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/options.h"
#include "analytics/plan/type_names.h"

namespace millstream::analytics {
namespace {

// Flink: a time attribute counts at most milliseconds.
constexpr int32_t kMaxRowtimePrecision = 3;

struct MetadataKey {
  std::string_view key;
  Metadata metadata;
  Type (*type)();
};
// flink-connector-aws, "Available Metadata".
constexpr std::array kStreamMetadata = std::to_array<MetadataKey>({
    {"timestamp", Metadata::kArrivalTime,
     [] {
       Type type = make_type(TypeKind::kTimestampLtz, false);
       type.precision = 3;
       return type;
     }},
    {"sequence-number", Metadata::kSequenceNumber, [] { return varchar_type(128, false); }},
    {"shard-id", Metadata::kShardId, [] { return varchar_type(128, false); }},
});

// One CREATE TABLE under way.
class TableBuilder {
 public:
  TableBuilder(const sql::CreateTable& statement, const NameRules& rules)
      : statement_(statement), rules_(rules) {}

  Result<std::shared_ptr<const Table>> build(const Table* like) {
    table_ = std::make_shared<Table>();
    if (like != nullptr) *table_ = *like;
    for (const TableColumn& column : table_->columns) {
      physical_ = std::max(physical_, column.position + 1);
    }
    table_->name = rules_.name(statement_.name.back());
    for (const auto& [key, value] : statement_.options) table_->options[key] = value;
    TRY(at(statement_.name.back().position, set_connector()));
    for (const sql::ColumnDefinition& column : statement_.columns) TRY(add_column(column));
    if (table_->columns.empty()) {
      return fail_at(statement_.name.back().position,
                     fmt::format("table '{}' has no columns", table_->name));
    }
    TRY(bind_computed());
    TRY(set_watermark());
    TRY(set_keys());
    TRY(at(statement_.name.back().position, check_table_options(*table_)));
    return table_;
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, const std::string& message) const {
    return error_at(rules_, position, message);
  }
  Result<> at(sql::Position position, Result<> result) const {
    if (result) return {};
    return error_at(rules_, position, result.error());
  }

  Result<> set_connector() {
    TRY_ASSIGN(table_->connector, connector_of(table_->options));
    TRY_ASSIGN(table_->format, format_of(table_->options));
    return {};
  }

  Result<> add_column(const sql::ColumnDefinition& definition) {
    const std::string name = rules_.name(definition.name);
    const auto same = [&](const TableColumn& column) {
      return column.name == name || column.name.starts_with(name + ".");
    };
    if (std::ranges::any_of(table_->columns, same)) {
      return fail_at(definition.name.position,
                     fmt::format("A column named '{}' already exists in the table.", name));
    }
    if (definition.computed != nullptr) {
      computed_.emplace_back(static_cast<int>(table_->columns.size()), &definition);
      table_->columns.push_back({.name = name, .type = make_type(TypeKind::kNull)});
      return {};
    }
    TRY_ASSIGN(Type type, resolve_type(definition.type, rules_.dialect, rules_.script));
    if (definition.metadata) return add_metadata(definition, name, std::move(type));
    if (type.kind == TypeKind::kRow && table_->format != Format::kJson &&
        table_->format != Format::kNone) {
      return fail_at(definition.type.position, fmt::format("ROW in format {} is not yet supported",
                                                           format_text(table_->format)));
    }
    for (LeafColumn& leaf : leaves_of(name, type)) {
      table_->columns.push_back({.name = std::move(leaf.name),
                                 .type = std::move(leaf.type),
                                 .path = std::move(leaf.path),
                                 .position = physical_++});
    }
    return {};
  }

  Result<> add_metadata(const sql::ColumnDefinition& definition, const std::string& name,
                        Type type) {
    const std::string key = definition.metadata_key.empty() ? name : definition.metadata_key;
    if (table_->connector != Connector::kStream) {
      return fail_at(definition.name.position,
                     fmt::format("metadata column '{}' with connector {} is not yet supported",
                                 name, connector_text(table_->connector)));
    }
    const auto found = std::ranges::find(kStreamMetadata, key, &MetadataKey::key);
    if (found == kStreamMetadata.end()) {
      return fail_at(definition.name.position,
                     fmt::format("Invalid metadata key '{}' in column '{}' of table '{}'. The "
                                 "connector supports the following metadata keys for reading: "
                                 "timestamp, sequence-number, shard-id",
                                 key, name, table_->name));
    }
    const bool fits =
        found->metadata == Metadata::kArrivalTime ? type.is_timestamp() : type.is_string();
    if (!fits) {
      return fail_at(definition.name.position,
                     fmt::format("Invalid data type for metadata column '{}' of table '{}'. The "
                                 "column cannot be declared as '{}' because the type must be "
                                 "castable from metadata type '{}'.",
                                 name, table_->name, type_text(type), type_text(found->type())));
    }
    table_->columns.push_back({.name = name, .type = std::move(type), .metadata = found->metadata});
    return {};
  }

  // Scope and schema of the table; computed columns that are not bound yet have no name.
  void name_columns(std::vector<ScopeColumn>& scope, Schema& schema, bool with_computed) const {
    schema = table_->schema();
    for (size_t i = 0; i < table_->columns.size(); ++i) {
      const TableColumn& column = table_->columns[i];
      const bool unbound = column.type.kind == TypeKind::kNull;
      const bool named = with_computed || (!unbound && column.computed == nullptr);
      scope.push_back({.table = "", .name = named ? column.name : std::string()});
    }
  }

  // As in Flink, a computed column is made of columns that are not computed, wherever they stand.
  Result<> bind_computed() {
    std::vector<ScopeColumn> scope;
    Schema schema;
    name_columns(scope, schema, false);
    for (const auto& [index, definition] : computed_) {
      ExpressionBinder binder(rules_, scope, schema);
      binder.set_place("in a computed column");
      TRY_ASSIGN(BoundPtr value, binder.bind(*definition->computed));
      TableColumn& column = table_->columns[static_cast<size_t>(index)];
      column.type = value->type;
      column.computed = std::move(value);
    }
    return {};
  }

  Result<> set_watermark() {
    if (!statement_.watermark_column) return {};
    const sql::Identifier& name = *statement_.watermark_column;
    if (table_->rowtime) {
      return fail_at(name.position,
                     "There already exists a watermark on the table of LIKE: a table has one");
    }
    TRY_ASSIGN(const int index, column_index(name, "watermark"));
    TableColumn& column = table_->columns[static_cast<size_t>(index)];
    if (!column.type.is_timestamp() || column.type.precision > kMaxRowtimePrecision) {
      return fail_at(name.position,
                     fmt::format("Invalid data type of time field for watermark definition. The "
                                 "field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the "
                                 "supported precision 'p' is from 0 to 3, but the time field type "
                                 "is {}",
                                 type_text(column.type)));
    }
    std::vector<ScopeColumn> scope;
    Schema schema;
    name_columns(scope, schema, true);
    ExpressionBinder binder(rules_, scope, schema);
    binder.set_place("in a watermark");
    TRY_ASSIGN(BoundPtr watermark, binder.bind(*statement_.watermark));
    if (watermark->type.kind != column.type.kind) {
      return fail_at(statement_.watermark->position,
                     fmt::format("Invalid data type of expression for watermark definition. The "
                                 "expression must be of type {}, as the time field '{}', but is {}",
                                 type_text(column.type), column.name, type_text(watermark->type)));
    }
    table_->rowtime = index;
    table_->watermark = std::move(watermark);
    column.type.time = TimeAttribute::kRowtime;
    return {};
  }

  Result<int> column_index(const sql::Identifier& identifier, std::string_view what) const {
    const std::string name = rules_.name(identifier);
    std::vector<std::string> names;
    for (size_t i = 0; i < table_->columns.size(); ++i) {
      if (table_->columns[i].name == name) return static_cast<int>(i);
      names.push_back(table_->columns[i].name);
    }
    return fail_at(identifier.position,
                   fmt::format("The {} column '{}' is not defined in the table{}", what, name,
                               nearest_names(name, names)));
  }

  Result<> set_keys() {
    for (size_t i = 0; i < statement_.columns.size(); ++i) {
      if (!statement_.columns[i].primary_key) continue;
      TRY_ASSIGN(const int key, column_index(statement_.columns[i].name, "primary key"));
      TRY(add_key(key, statement_.columns[i].name.position));
    }
    for (const sql::Identifier& name : statement_.primary_key) {
      TRY_ASSIGN(const int key, column_index(name, "primary key"));
      TRY(add_key(key, name.position));
    }
    if (!statement_.partitioned_by.empty()) table_->partitioned_by.clear();
    for (const sql::Identifier& name : statement_.partitioned_by) {
      TRY_ASSIGN(const int key, column_index(name, "partition"));
      table_->partitioned_by.push_back(key);
    }
    return {};
  }

  Result<> add_key(int key, sql::Position position) {
    TableColumn& column = table_->columns[static_cast<size_t>(key)];
    if (column.computed != nullptr || column.metadata != Metadata::kNone) {
      return fail_at(position, fmt::format("Could not create a PRIMARY KEY with column '{}': it "
                                           "is not a physical column.",
                                           column.name));
    }
    column.type.nullable = false;
    table_->primary_key.push_back(key);
    return {};
  }

  const sql::CreateTable& statement_;
  const NameRules& rules_;
  std::shared_ptr<Table> table_;
  std::vector<std::pair<int, const sql::ColumnDefinition*>> computed_;
  int physical_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Table>> define_table(const sql::CreateTable& statement,
                                                  const NameRules& rules, const Table* like) {
  return TableBuilder(statement, rules).build(like);
}

Result<std::shared_ptr<const Table>> with_options(
    const Table& table, const std::vector<std::pair<std::string, std::string>>& hints) {
  auto result = std::make_shared<Table>(table);
  for (const auto& [key, value] : hints) {
    if (key == "connector") {
      return fail(ErrorCode::kInvalidArgument, "the option 'connector' can't be changed by a hint");
    }
    result->options[key] = value;
  }
  TRY_ASSIGN(result->format, format_of(result->options));
  TRY(check_table_options(*result));
  return result;
}

Result<std::shared_ptr<const Table>> define_stream(const sql::CreateStream& statement,
                                                   const NameRules& rules) {
  auto table = std::make_shared<Table>();
  table->name = rules.name(statement.name.back());
  table->connector = Connector::kInternal;
  for (const sql::ColumnDefinition& definition : statement.columns) {
    const std::string name = rules.name(definition.name);
    if (name == kRowtimeName) {
      return error_at(rules, definition.name.position,
                      "every stream has a column ROWTIME: leave it out");
    }
    if (std::ranges::find(table->columns, name, &TableColumn::name) != table->columns.end()) {
      return error_at(rules, definition.name.position,
                      fmt::format("Column '{}' is defined twice", name));
    }
    TRY_ASSIGN(Type type, resolve_type(definition.type, rules.dialect, rules.script));
    table->columns.push_back({.name = name,
                              .type = std::move(type),
                              .path = {name},
                              .position = static_cast<int>(table->columns.size())});
  }
  if (table->columns.empty()) {
    return error_at(rules, statement.name.back().position,
                    fmt::format("stream '{}' has no columns", table->name));
  }
  add_rowtime(*table);
  return table;
}

NamedRelation relation_of_table(std::shared_ptr<const Table> table) {
  Relation relation = relation_of(make_source(table));
  for (size_t i = 0; i < table->columns.size(); ++i) {
    if (is_system_column(*table, table->columns[i])) {
      relation.columns[i].visibility = Visibility::kHidden;
    }
  }
  return {.relation = std::move(relation), .table = std::move(table)};
}

}  // namespace millstream::analytics
