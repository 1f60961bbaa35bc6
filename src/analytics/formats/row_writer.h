// The columns that a decoder fills, row by row, in any order of columns and also twice.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/plan/catalog.h"

namespace millstream::analytics {

// One column of the batch under way. A row that was begun and given up leaves no trace.
class ColumnWriter {
 public:
  ColumnWriter(const TableColumn& column, int index)
      : name_(column.name), type_(column.type), index_(index) {}

  const std::string& name() const { return name_; }
  const Type& type() const { return type_; }
  int index() const { return index_; }

  void open(std::shared_ptr<Column> column) { column_ = std::move(column); }
  void grow(size_t rows) {
    column_->resize(rows);
    if (!column_->nulls.empty()) column_->nulls.resize(rows);
  }
  std::shared_ptr<Column> close(size_t rows) {
    grow(rows);
    return std::move(column_);
  }

  void set_null(size_t row) { column_->set_null(row); }
  void set_bool(size_t row, bool value) { set(column_->bools, row, uint8_t{value}); }
  void set_int(size_t row, int64_t value) { set(column_->ints, row, value); }
  void set_double(size_t row, double value) { set(column_->doubles, row, value); }
  void set_decimal(size_t row, Decimal value) { set(column_->decimals, row, value); }
  void set_string(size_t row, std::string_view value) { set(column_->strings, row, value); }
  // The value of row `from` (of the same batch) again.
  void repeat(size_t from, size_t row);

 private:
  template <class T>
  void set(std::vector<T>& values, size_t row, T value) {
    values[row] = value;
    if (!column_->nulls.empty()) column_->nulls[row] = 0;
  }

  std::string name_;
  Type type_;
  int index_;
  std::shared_ptr<Column> column_;
};

// Life cycle: open() a batch, ensure() and set rows, close() it.
class RowWriter {
 public:
  // Only data columns of `columns` get writers, in that order.
  RowWriter(const Table& table, std::span<const int> columns);

  std::vector<ColumnWriter>& columns() { return columns_; }
  // Goes on after the rows that are there already.
  void open(std::vector<std::shared_ptr<Column>>& into, size_t rows, size_t expected);
  void ensure(size_t rows) {
    if (rows > capacity_) grow(rows);
  }
  void close(std::vector<std::shared_ptr<Column>>& into, size_t rows);

 private:
  void grow(size_t rows);

  size_t table_columns_;
  std::vector<ColumnWriter> columns_;
  size_t capacity_ = 0;
};

}  // namespace millstream::analytics
