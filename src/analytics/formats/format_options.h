// The options of formats in Table::options. The planner has checked them (check_table_options):
// what is wrong here all the same is refused, never guessed.
//
// Besides Flink's names ('json.ignore-parse-errors', …) the tables of SQL applications have:
//   record.row.path           JSON: where the rows stand in a record ("$.rows[0:]")
//   record.row.delimiter      CSV: between the rows of a record
//   record.column.delimiter   CSV: between the columns of a row
#pragma once

#include <string>
#include <string_view>

#include "analytics/plan/catalog.h"
#include "base/result.h"

namespace millstream::analytics {

class FormatOptions {
 public:
  explicit FormatOptions(const Table& table) : table_(table) {}

  // Errors of all: kInvalidArgument; they name the option and its value.
  Result<bool> flag(const std::string& name, bool otherwise = false) const;
  // One ASCII character; also "\t" and the other escapes of Java.
  Result<char> character(const std::string& name, char otherwise) const;
  std::string text(const std::string& name, std::string_view otherwise = {}) const;
  bool has(const std::string& name) const { return table_.options.contains(name); }

 private:
  const Table& table_;
};

// Whether a column's value stands in the record's data.
inline bool is_data_column(const TableColumn& column) {
  return !column.computed && column.metadata == Metadata::kNone;
}

}  // namespace millstream::analytics
