#include "analytics/formats/row_writer.h"

#include <algorithm>

#include "analytics/formats/format_options.h"

namespace millstream::analytics {

void ColumnWriter::repeat(size_t from, size_t row) {
  if (column_->is_null(from)) return set_null(row);
  switch (column_->physical) {
    case Physical::kBool:
      return set(column_->bools, row, column_->bools[from]);
    case Physical::kInt64:
      return set(column_->ints, row, column_->ints[from]);
    case Physical::kDouble:
      return set(column_->doubles, row, column_->doubles[from]);
    case Physical::kDecimal:
      return set(column_->decimals, row, column_->decimals[from]);
    case Physical::kString:
      return set(column_->strings, row, column_->strings[from]);
  }
}

RowWriter::RowWriter(const Table& table, std::span<const int> columns)
    : table_columns_(table.columns.size()) {
  for (const int index : columns) {
    MS_ASSERT(index >= 0 && static_cast<size_t>(index) < table.columns.size());
    const TableColumn& column = table.columns[static_cast<size_t>(index)];
    if (is_data_column(column)) columns_.emplace_back(column, index);
  }
}

void RowWriter::open(std::vector<std::shared_ptr<Column>>& into, size_t rows, size_t expected) {
  into.resize(table_columns_);
  for (ColumnWriter& writer : columns_) {
    auto& column = into[static_cast<size_t>(writer.index())];
    if (!column) column = std::make_shared<Column>(writer.type().physical());
    MS_ASSERT(column->size() == rows);
    writer.open(std::move(column));
  }
  capacity_ = rows;
  grow(rows + expected);
}

void RowWriter::grow(size_t rows) {
  capacity_ = std::max(rows, capacity_ + capacity_ / 2);
  for (ColumnWriter& writer : columns_) writer.grow(capacity_);
}

void RowWriter::close(std::vector<std::shared_ptr<Column>>& into, size_t rows) {
  for (ColumnWriter& writer : columns_) {
    into[static_cast<size_t>(writer.index())] = writer.close(rows);
  }
}

}  // namespace millstream::analytics
