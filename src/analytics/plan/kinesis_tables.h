// Tables of the Kinesis dialect: the columns that streams have without anybody writing them, and
// the predefined error stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "analytics/plan/catalog.h"

namespace millstream::analytics {

inline constexpr std::string_view kRowtimeName = "ROWTIME";
// Rows that could not be processed. Read as an in-application stream: its SourceNode's table has
// Connector::kInternal and this name; the engine feeds it.
inline constexpr std::string_view kErrorStreamName = "error_stream";

// ROWTIME as the last column, and the table's time attribute. Nothing if the table has it.
void add_rowtime(Table& table);
// What an input stream has beside its schema: APPROXIMATE_ARRIVAL_TIME, PARTITION_KEY,
// SEQUENCE_NUMBER, SHARD_ID (unless a column of the schema has that name), and ROWTIME.
void add_system_columns(Table& table);
// Found by name only: neither in * nor needed by an INSERT. False in tables of Flink.
bool is_system_column(const Table& table, const TableColumn& column);

std::shared_ptr<const Table> error_stream_table();

}  // namespace millstream::analytics
