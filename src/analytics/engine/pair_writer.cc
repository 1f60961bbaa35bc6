#include "analytics/engine/pair_writer.h"

#include <algorithm>
#include <utility>

namespace millstream::analytics {
namespace {

ColumnPtr gather_or_null(const Column& column, std::span<const uint32_t> rows) {
  auto result = std::make_shared<Column>(column.physical);
  result->reserve(rows.size());
  for (const uint32_t row : rows) {
    if (row == PairWriter::kNoRow) {
      result->append_null();
    } else {
      result->append(column, row);
    }
  }
  return result;
}

}  // namespace

PairWriter::PairWriter(const Schema& left, const Schema& right, bool left_only)
    : schemas_{left, right}, codecs_{RowCodec(left), RowCodec(right)}, left_only_(left_only) {}

void PairWriter::begin(const Batch& batch, size_t input) {
  batch_ = &batch;
  input_ = input;
  reset();
}

void PairWriter::reset() {
  rows_.clear();
  changes_.clear();
  watermarks_.clear();
  has_padding_ = false;
  has_changes_ = false;
  has_watermarks_ = false;
  other_.clear();
  other_columns_.clear();
  arena_ = std::make_shared<Arena>();
  // The right side of a semi join is not put out.
  if (left_only_ && input_ == 0) return;
  for (const Field& field : schemas_[1 - input_]) {
    other_.push_back(std::make_shared<Column>(field.type.physical()));
    other_columns_.push_back(other_.back().get());
  }
}

void PairWriter::add(uint32_t batch_row, std::optional<std::string_view> other, ChangeKind change,
                     EventTime watermark) {
  rows_.push_back(batch_row);
  has_padding_ |= batch_row == kNoRow;
  if (!other_columns_.empty()) {
    if (other) {
      codecs_[1 - input_].decode(*other, other_columns_, *arena_);
    } else {
      for (Column* column : other_columns_) column->append_null();
    }
  }
  changes_.push_back(change);
  has_changes_ |= change != ChangeKind::kInsert;
  watermarks_.push_back(watermark);
  has_watermarks_ |= watermark != kNoWatermark;
}

std::vector<ColumnPtr> PairWriter::batch_columns() {
  std::vector<ColumnPtr> columns;
  columns.reserve(batch_->columns.size());
  for (const ColumnPtr& column : batch_->columns) {
    if (column == nullptr) {
      columns.push_back(nullptr);
    } else if (has_padding_) {
      columns.push_back(gather_or_null(*column, rows_));
    } else {
      columns.push_back(gather(*column, rows_));
    }
  }
  return columns;
}

Batch PairWriter::take() {
  Batch result;
  result.rows = rows_.size();
  std::vector<ColumnPtr> other(other_.begin(), other_.end());
  if (left_only_) {
    result.columns = input_ == 0 ? batch_columns() : std::move(other);
  } else {
    std::vector<ColumnPtr> own = batch_columns();
    result.columns = input_ == 0 ? std::move(own) : std::move(other);
    auto& behind = input_ == 0 ? other : own;
    result.columns.insert(result.columns.end(), behind.begin(), behind.end());
  }
  if (has_changes_) result.changes = std::move(changes_);
  if (has_watermarks_) result.watermarks = std::move(watermarks_);
  result.memory = batch_->memory;
  if (arena_->bytes() > 0) result.memory.push_back(std::move(arena_));
  reset();
  return result;
}

StateRows::StateRows(const Schema& schema) : codec_(schema), builder_(schema) { bind(); }

void StateRows::bind() {
  columns_.clear();
  for (size_t i = 0; i < codec_.columns(); ++i) columns_.push_back(&builder_.column(i));
}

void StateRows::add(std::string_view encoded, ChangeKind change, EventTime watermark) {
  codec_.decode(encoded, columns_, builder_.arena());
  builder_.finish_row(change, watermark);
}

Batch StateRows::take() {
  Batch batch = builder_.take();
  bind();
  return batch;
}

}  // namespace millstream::analytics
