// DESCRIBE and SHOW CREATE TABLE.
#include <algorithm>

#include <fmt/format.h>

#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/table_definition.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

std::string quoted(std::string_view name) { return fmt::format("`{}`", name); }

std::string_view metadata_key(Metadata metadata) {
  switch (metadata) {
    case Metadata::kArrivalTime:
      return "timestamp";
    case Metadata::kSequenceNumber:
      return "sequence-number";
    case Metadata::kShardId:
      return "shard-id";
    case Metadata::kPartitionKey:
      return "partition-key";
    case Metadata::kRowtime:
      return "rowtime";
    case Metadata::kNone:
      break;
  }
  return "";
}

std::string extras_of(const Table& table, const TableColumn& column) {
  if (is_system_column(table, column)) return "SYSTEM";
  if (column.computed != nullptr) {
    return "AS " + expression_text(*column.computed, table.schema());
  }
  if (column.metadata == Metadata::kNone) return "";
  return fmt::format("METADATA FROM '{}' VIRTUAL", metadata_key(column.metadata));
}

// A type without time attribute and NOT NULL.
std::string bare_type(Type type) {
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  return type_text(type);
}

std::string name_list(const Table& table, const std::vector<int>& columns) {
  std::string text;
  for (const int column : columns) {
    if (!text.empty()) text += ", ";
    text += quoted(table.columns[static_cast<size_t>(column)].name);
  }
  return text;
}

// A secret that an option holds is shown to nobody.
bool is_secret(std::string_view key) {
  const std::string lower = to_lower(key);
  return lower.find("secret") != std::string::npos || lower.find("password") != std::string::npos ||
         lower.find("token") != std::string::npos;
}

}  // namespace

std::string describe_table(const Table& table) {
  std::vector<std::vector<std::string>> lines{
      {"name", "type", "null", "key", "extras", "watermark"}};
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    const int index = static_cast<int>(i);
    const bool is_key = std::ranges::find(table.primary_key, index) != table.primary_key.end();
    Type type = column.type;
    type.nullable = true;
    std::string watermark;
    if (table.rowtime == index && table.watermark != nullptr) {
      watermark = expression_text(*table.watermark, table.schema());
    }
    lines.push_back({column.name, type_text(type), column.type.nullable ? "TRUE" : "FALSE",
                     is_key ? "PRI" : "", extras_of(table, column), watermark});
  }
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) row += fmt::format("{:<{}}  ", line[i], widths[i]);
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

std::string create_table_text(const Table& table) {
  std::vector<std::string> parts;
  for (const TableColumn& column : table.columns) {
    if (is_system_column(table, column)) continue;
    std::string part = quoted(column.name);
    if (column.computed != nullptr) {
      part += " " + extras_of(table, column);
    } else {
      part += " " + bare_type(column.type) + (column.type.nullable ? "" : " NOT NULL");
      if (column.metadata != Metadata::kNone) part += " " + extras_of(table, column);
    }
    parts.push_back(std::move(part));
  }
  if (table.rowtime && table.watermark != nullptr) {
    parts.push_back(fmt::format("WATERMARK FOR {} AS {}", name_list(table, {*table.rowtime}),
                                expression_text(*table.watermark, table.schema())));
  }
  if (!table.primary_key.empty()) {
    parts.push_back(
        fmt::format("PRIMARY KEY ({}) NOT ENFORCED", name_list(table, table.primary_key)));
  }
  const bool is_stream = table.connector == Connector::kInternal;
  std::string text = fmt::format("CREATE {} {} (\n  {}\n)", is_stream ? "STREAM" : "TABLE",
                                 quoted(table.name), fmt::join(parts, ",\n  "));
  if (!table.partitioned_by.empty()) {
    text += fmt::format("\nPARTITIONED BY ({})", name_list(table, table.partitioned_by));
  }
  std::vector<std::string> options;
  for (const auto& [key, value] : table.options) {
    options.push_back(fmt::format("'{}' = '{}'", key, is_secret(key) ? "******" : value));
  }
  if (!options.empty()) text += fmt::format("\nWITH (\n  {}\n)", fmt::join(options, ",\n  "));
  return text + "\n";
}

}  // namespace millstream::analytics
