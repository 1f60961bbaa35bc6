#include "analytics/plan/kinesis_tables.h"

#include <algorithm>
#include <array>

namespace millstream::analytics {
namespace {

struct SystemColumn {
  std::string_view name;
  Metadata metadata;
};
// Developer guide, "Configuring Application Input".
constexpr std::array kInputColumns = std::to_array<SystemColumn>({
    {"APPROXIMATE_ARRIVAL_TIME", Metadata::kArrivalTime},
    {"PARTITION_KEY", Metadata::kPartitionKey},
    {"SEQUENCE_NUMBER", Metadata::kSequenceNumber},
    {"SHARD_ID", Metadata::kShardId},
});

bool has_column(const Table& table, std::string_view name) {
  return std::ranges::find(table.columns, name, &TableColumn::name) != table.columns.end();
}

// Lengths: a partition key has at most 256 characters, a sequence number and a shard's name 128
// (API model PartitionKey, SequenceNumber, ShardId).
Type type_of(Metadata metadata) {
  if (metadata == Metadata::kArrivalTime) return timestamp_type(3);
  return varchar_type(metadata == Metadata::kPartitionKey ? 256 : 128);
}

TableColumn text_column(std::string_view name, int32_t length) {
  return {.name = std::string(name), .type = varchar_type(length)};
}
TableColumn time_column(std::string_view name) {
  return {.name = std::string(name), .type = timestamp_type(3)};
}

}  // namespace

void add_rowtime(Table& table) {
  if (table.rowtime) return;
  Type type = timestamp_type(3, TimeAttribute::kRowtime);
  type.nullable = false;
  table.rowtime = static_cast<int>(table.columns.size());
  table.columns.push_back(
      {.name = std::string(kRowtimeName), .type = std::move(type), .metadata = Metadata::kRowtime});
}

void add_system_columns(Table& table) {
  for (const SystemColumn& column : kInputColumns) {
    if (has_column(table, column.name)) continue;
    table.columns.push_back({.name = std::string(column.name),
                             .type = type_of(column.metadata),
                             .metadata = column.metadata});
  }
  add_rowtime(table);
}

bool is_system_column(const Table& table, const TableColumn& column) {
  const bool has_rowtime =
      table.rowtime &&
      table.columns[static_cast<size_t>(*table.rowtime)].metadata == Metadata::kRowtime;
  if (!has_rowtime) return false;
  if (column.metadata == Metadata::kRowtime) return true;
  const auto is_it = [&](const SystemColumn& system) {
    return system.name == column.name && system.metadata == column.metadata;
  };
  return std::ranges::any_of(kInputColumns, is_it);
}

std::shared_ptr<const Table> error_stream_table() {
  // Developer guide, "Error Handling", error stream schema.
  auto table = std::make_shared<Table>();
  table->name = kErrorStreamName;
  table->connector = Connector::kInternal;
  table->columns = {time_column("ERROR_TIME"),     text_column("ERROR_LEVEL", 10),
                    text_column("ERROR_NAME", 32), text_column("MESSAGE", 4096),
                    time_column("DATA_ROWTIME"),   text_column("DATA_ROW", 49152),
                    text_column("PUMP_NAME", 128)};
  add_rowtime(*table);
  return table;
}

}  // namespace millstream::analytics
