// Asks a server to run SQL (POST /_millstream/sql) and hands on what it answers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/api_client.h"

namespace millstream::cli {

struct SqlColumn {
  std::string name;
  std::string type;
};

// One line of the answer.
struct SqlColumns {
  std::vector<SqlColumn> columns;
};
struct SqlRow {
  std::string op;                  // "+I", "-U", "+U", "-D"
  std::vector<std::string> cells;  // as JSON: 1, "text", null, true
};
struct SqlText {  // of EXPLAIN, SHOW, DESCRIBE
  std::string text;
};
struct SqlLog {  // a warning, a line of the print connector
  std::string text;
};
struct SqlEnd {  // of the query, `error` empty: it has ended by itself
  std::string error;
};
using SqlEvent = std::variant<SqlColumns, SqlRow, SqlText, SqlLog, SqlEnd>;

// Errors: kRemote (the line is not one of the protocol's).
Result<SqlEvent> parse_sql_line(std::string_view line);

struct SqlRequest {
  std::string sql;
  bool bounded = false;
};

// Whether a call should go on after an event.
using SqlSink = std::function<void(const SqlEvent& event)>;

// Runs until the query ends, the connection breaks, or Ctrl-C is pressed (then without an
// error). `sink` is called for each event; `tick` some five times a second.
// Errors: those of api_error(); kUnavailable; kRemote.
Result<> run_query(const Connection& connection, const SqlRequest& request, const SqlSink& sink,
                   const std::function<void()>& tick);

}  // namespace millstream::cli
