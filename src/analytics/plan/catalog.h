// What a script's names stand for: tables, streams, views, pumps, options.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/type.h"
#include "analytics/functions/expression.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

enum class Connector : uint8_t {
  kStream,      // a Millstream stream ('kinesis'); source and sink
  kDelivery,    // a delivery stream ('firehose'); sink
  kFilesystem,  // objects of a lake folder; bounded source, sink
  kDatagen,     // rows made up; source
  kPrint,       // the application's log; sink
  kBlackhole,   // counted only; sink
  kCollect,     // the shell that asked; sink
  kInternal,    // an in-application stream of the Kinesis dialect: fed by pumps
};

enum class Format : uint8_t { kNone, kJson, kCsv, kRaw };

// A column that a source fills in from outside the record's data.
enum class Metadata : uint8_t {
  kNone,
  kArrivalTime,     // 'timestamp' of Flink's kinesis connector; APPROXIMATE_ARRIVAL_TIME
  kPartitionKey,    // "PARTITION_KEY" of an SQL application's input
  kSequenceNumber,  // 'sequence-number'
  kShardId,         // 'shard-id'
  kRowtime,         // ROWTIME of the Kinesis dialect: when the row was read; never falls
};

struct TableColumn {
  std::string name;
  Type type;
  BoundPtr computed = nullptr;  // over the columns that are not computed
  Metadata metadata = Metadata::kNone;
  // Where the value stands in the record: JSON member names from the root (a JSON path of an
  // input schema, or nested ROW fields); CSV: by `position`.
  std::vector<std::string> path = {};
  int position = -1;  // CSV column, from 0
};

struct Table {
  std::string name;
  Connector connector = Connector::kStream;
  Format format = Format::kNone;
  // Leaves: ROW columns have been taken apart; a leaf of column `bid` named `bid.auction`.
  std::vector<TableColumn> columns;
  Schema schema() const;
  // The rowtime column and its watermark: an expression over `columns`; kStream of the Kinesis
  // dialect: ROWTIME itself.
  std::optional<int> rowtime;
  BoundPtr watermark;
  std::vector<int> primary_key;
  std::vector<int> partitioned_by;
  std::map<std::string, std::string> options;  // as written, all checked
};

// Checks the connector's and format's options: all required there, none unknown (the message
// names the nearest), values well-formed. Errors: kInvalidArgument, in Flink's words where it
// has some.
Result<> check_table_options(const Table& table);

}  // namespace millstream::analytics
