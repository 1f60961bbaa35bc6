// Rows of a batch as bytes in state, and back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"

namespace millstream::analytics {

// Form: one bit per column (1: NULL), then the values of the others in order: BOOLEAN 1 byte;
// integers, times and DOUBLE 8; DECIMAL 16; strings a length (7 bits a byte, low ones first) and
// their bytes. Columns that nobody reads (nullptr) are stored as NULL. Equal rows have equal
// bytes. Part of the stored format.
//
// Threads: any; keeps nothing.
class RowCodec {
 public:
  explicit RowCodec(const Schema& schema);
  // Of a part of the columns of batches: argument columns and the like.
  RowCodec(const Schema& schema, std::vector<int> columns);

  size_t columns() const { return physical_.size(); }
  // Appends row `row` to `out`.
  void encode(const Batch& batch, size_t row, std::string& out) const;
  // Appends the values to `out`, one column each (nullptr: skipped); strings are copied into
  // `arena`.
  void decode(std::string_view bytes, std::span<Column* const> out, Arena& arena) const;

 private:
  std::vector<int> columns_;
  std::vector<Physical> physical_;
  size_t null_bytes_;
};

// All rows of a batch encoded, one after another.
class EncodedRows {
 public:
  void encode(const RowCodec& codec, const Batch& batch);
  std::string_view operator[](size_t row) const {
    return std::string_view(bytes_).substr(ends_[row], ends_[row + 1] - ends_[row]);
  }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace millstream::analytics
