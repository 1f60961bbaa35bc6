// From a script to the plan that runs it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/catalog.h"
#include "analytics/plan/plan.h"
#include "base/result.h"

namespace millstream::analytics {

// What surrounds a script: tables from outside it.
struct PlannerSettings {
  sql::Dialect dialect = sql::Dialect::kFlink;
  // Kinesis dialect: the in-application input streams ("SOURCE_SQL_STREAM_001", Connector
  // kStream), reference tables (kFilesystem) and outputs: an in-application stream named here
  // is written to that destination.
  std::vector<std::shared_ptr<const Table>> tables;
  std::map<std::string, std::shared_ptr<const Table>> outputs;
  // A query's rows go to the asker (shell, tests): SELECT at top level becomes a kCollect sink;
  // otherwise it is an error.
  bool collect_queries = false;
  // Inputs end at what is there when the query starts: changes what is allowed (ORDER BY).
  bool bounded = false;
};

struct StatementResult {
  std::string text;  // of EXPLAIN, SHOW, DESCRIBE; "" else
};

struct PlannedScript {
  Plan plan;
  std::vector<StatementResult> results;  // of each statement
  // Names for completion and `DESCRIBE`.
  std::vector<std::shared_ptr<const Table>> tables;
  std::vector<std::string> views;
  // In the Kinesis dialect: in-application streams and their columns.
  std::vector<std::string> warnings;
};

// Parses, resolves, types and lowers a whole script.
//
// Threads: any; keeps nothing. Bounded time and memory for any input of kMaxScriptBytes.
// Errors: kInvalidArgument with line, column and caret (sql/parser.h error_at); what is missing
//         is "not yet supported" by name.
Result<PlannedScript> plan_script(std::string_view script, const PlannerSettings& settings);

}  // namespace millstream::analytics
