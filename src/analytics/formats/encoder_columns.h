// Which columns of a batch a sink's records are made of.
#pragma once

#include <string>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/formats/format_options.h"

namespace millstream::analytics {

// The data columns of a table: those that are neither computed nor metadata.
class EncoderColumns {
 public:
  explicit EncoderColumns(const Table& table) : table_columns_(table.columns.size()) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_data_column(table.columns[i])) continue;
      in_table_.push_back(i);
      columns_.push_back(table.columns[i]);
    }
  }

  size_t size() const { return columns_.size(); }
  const TableColumn& operator[](size_t index) const { return columns_[index]; }
  // Of a batch that has a column for each of the table's, or for each data column only.
  const Column& of(const Batch& batch, size_t index) const {
    const bool is_whole = batch.columns.size() == table_columns_;
    MS_ASSERT(is_whole || batch.columns.size() == columns_.size());
    const ColumnPtr& column = batch.columns[is_whole ? in_table_[index] : index];
    MS_ASSERT(column != nullptr);
    return *column;
  }

 private:
  size_t table_columns_;
  std::vector<size_t> in_table_;
  std::vector<TableColumn> columns_;
};

}  // namespace millstream::analytics
