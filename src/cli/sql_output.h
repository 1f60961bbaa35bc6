// Shows what a query answers.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/sql.h"
#include "cli/sql_client.h"
#include "cli/sql_table.h"

namespace millstream::cli {

// Rows to standard output; warnings, printed lines and the summary to standard error.
//
// A table is drawn in place while the query runs (on a terminal) and stands whole at the end.
class SqlPrinter {
 public:
  // `output`: not kAuto.
  SqlPrinter(SqlOutput output, bool live);

  void take(const SqlEvent& event);
  void tick();  // draws what has changed
  void finish();
  // The query's own error, if it had one.
  const std::string& error() const { return error_; }

 private:
  void take_columns(const SqlColumns& columns);
  void take_row(const SqlRow& row);
  void erase_drawing();
  std::string row_as_json(const SqlRow& row) const;

  SqlOutput output_;
  bool live_;
  std::vector<SqlColumn> columns_;
  std::optional<ResultTable> table_;
  std::string error_;
  uint64_t rows_ = 0;
  uint64_t drawn_changes_ = 0;
  size_t drawn_lines_ = 0;
  bool overflow_ = false;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

// kAuto made definite: a live table on a terminal, else the changelog.
SqlOutput output_for(SqlOutput asked, bool on_terminal);

}  // namespace millstream::cli
