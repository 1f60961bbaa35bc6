// The rows of a query as a table of text.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/sql_client.h"

namespace millstream::cli {

// What a changelog amounts to: each row that was added and not taken back, in the order of
// arrival (an update keeps the place of what it replaces).
class ResultTable {
 public:
  static constexpr size_t kMostRows = 1'000'000;

  explicit ResultTable(std::vector<SqlColumn> columns) : columns_(std::move(columns)) {}

  // False once there are more than kMostRows: what is shown then is not the whole.
  bool apply(const SqlRow& row);
  size_t size() const { return rows_.size(); }
  uint64_t changes() const { return changes_; }
  const std::vector<SqlColumn>& columns() const { return columns_; }

  // A framed table of the last `most` rows, numbers to the right, cells cut to `cell_width`
  // characters.
  std::string text(size_t most, size_t cell_width) const;

 private:
  using Rows = std::list<SqlRow>;
  static std::string key_of(const SqlRow& row);

  std::vector<SqlColumn> columns_;
  Rows rows_;
  std::unordered_multimap<std::string, Rows::iterator> places_;
  Rows::iterator gap_ = rows_.end();  // before it stood what -U took away
  uint64_t changes_ = 0;
};

// A cell as a person reads it: text without quotes, NULL for null.
std::string cell_text(const std::string& json);

}  // namespace millstream::cli
