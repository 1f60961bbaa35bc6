// The output of joins: pairs of a row of a batch and a row of state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/operator.h"
#include "analytics/engine/row_codec.h"

namespace millstream::analytics {

// Rows that an operator emits at once, at most.
inline constexpr size_t kPieceRows = 4096;

// Collects pairs and makes batches of them: columns of the left input, then of the right.
//
// Threads: one.
class PairWriter {
 public:
  // What stands in for a side without a row.
  static constexpr uint32_t kNoRow = 0xFFFFFFFF;

  // `left_only`: semi and anti joins, whose output has the left columns only.
  PairWriter(const Schema& left, const Schema& right, bool left_only);

  // Rows of `batch` of input `input` (0: left) follow; it outlives them until take().
  void begin(const Batch& batch, size_t input);
  // `batch_row`: kNoRow: NULLs; `other`: an encoded row of the other input, nullopt: NULLs.
  void add(uint32_t batch_row, std::optional<std::string_view> other, ChangeKind change,
           EventTime watermark);
  size_t rows() const { return rows_.size(); }
  bool is_full() const { return rows_.size() >= kPieceRows; }
  // The batch so far; goes on with the same input.
  Batch take();
  void flush(Output& out) {
    if (rows() > 0) out.emit(take());
  }

 private:
  std::vector<ColumnPtr> batch_columns();
  void reset();

  Schema schemas_[2];
  RowCodec codecs_[2];
  bool left_only_;
  const Batch* batch_ = nullptr;
  size_t input_ = 0;
  std::vector<uint32_t> rows_;
  bool has_padding_ = false;  // a kNoRow among rows_
  std::vector<std::shared_ptr<Column>> other_;
  std::vector<Column*> other_columns_;
  std::shared_ptr<Arena> arena_;
  std::vector<ChangeKind> changes_;
  bool has_changes_ = false;
  std::vector<EventTime> watermarks_;
  bool has_watermarks_ = false;
};

// Rows of state as a batch.
class StateRows {
 public:
  explicit StateRows(const Schema& schema);
  void add(std::string_view encoded, ChangeKind change = ChangeKind::kInsert,
           EventTime watermark = kNoWatermark);
  size_t rows() const { return builder_.rows(); }
  bool is_full() const { return builder_.rows() >= kPieceRows; }
  Batch take();
  void flush(Output& out) {
    if (rows() > 0) out.emit(take());
  }
  // For columns behind the stored ones: append to each, then finish_row().
  BatchBuilder& builder() { return builder_; }

 private:
  void bind();
  RowCodec codec_;
  BatchBuilder builder_;
  std::vector<Column*> columns_;
};

}  // namespace millstream::analytics
