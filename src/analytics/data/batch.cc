#include "analytics/data/batch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/result.h"

namespace millstream::analytics {
namespace {

constexpr size_t kBlockBytes = size_t{16} << 10;

// Calls `use` with the vector that holds the values of `column`.
template <class AnyColumn, class Use>
decltype(auto) with_values(AnyColumn& column, Use use) {
  switch (column.physical) {
    case Physical::kBool:
      return use(column.bools);
    case Physical::kInt64:
      return use(column.ints);
    case Physical::kDouble:
      return use(column.doubles);
    case Physical::kDecimal:
      return use(column.decimals);
    case Physical::kString:
      break;
  }
  return use(column.strings);
}

template <class T>
void gather_into(const std::vector<T>& from, std::span<const uint32_t> rows, std::vector<T>& to) {
  to.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
}

}  // namespace

char* Arena::allocate(size_t bytes) {
  if (bytes > left_) {
    // A large value gets a block of its own; the rest of the current one stays in use.
    if (bytes > kBlockBytes / 4) {
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
      bytes_ += bytes;
      return blocks_.back().get();
    }
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    bytes_ += kBlockBytes;
    free_ = blocks_.back().get();
    left_ = kBlockBytes;
  }
  char* const place = free_;
  free_ += bytes;
  left_ -= bytes;
  return place;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* const place = allocate(text.size());
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

size_t Column::size() const {
  return with_values(*this, [](const auto& values) { return values.size(); });
}

void Column::resize(size_t rows) {
  with_values(*this, [rows](auto& values) { values.resize(rows); });
}

void Column::reserve(size_t rows) {
  with_values(*this, [rows](auto& values) { values.reserve(rows); });
}

void Column::set_null(size_t row) {
  if (nulls.empty()) nulls.resize(size());
  nulls[row] = 1;
}

void Column::append(const Column& other, size_t row) {
  MS_ASSERT(physical == other.physical);
  const bool null = other.is_null(row);
  if (null && nulls.empty()) nulls.resize(size());
  switch (physical) {
    case Physical::kBool:
      bools.push_back(other.bools[row]);
      break;
    case Physical::kInt64:
      ints.push_back(other.ints[row]);
      break;
    case Physical::kDouble:
      doubles.push_back(other.doubles[row]);
      break;
    case Physical::kDecimal:
      decimals.push_back(other.decimals[row]);
      break;
    case Physical::kString:
      strings.push_back(other.strings[row]);
      break;
  }
  // (Of the first row there was nothing to resize.)
  if (null || !nulls.empty()) nulls.push_back(null ? 1 : 0);
}

void Column::append_null() {
  if (nulls.empty()) nulls.resize(size());
  with_values(*this, [](auto& values) { values.emplace_back(); });
  nulls.push_back(1);
}

void Column::append_value(const Value& value, Arena& arena) {
  if (std::holds_alternative<std::monostate>(value)) return append_null();
  switch (physical) {
    case Physical::kBool:
      bools.push_back(std::get<bool>(value) ? 1 : 0);
      break;
    case Physical::kInt64:
      ints.push_back(std::get<int64_t>(value));
      break;
    case Physical::kDouble:
      doubles.push_back(std::get<double>(value));
      break;
    case Physical::kDecimal:
      decimals.push_back(std::get<Decimal>(value));
      break;
    case Physical::kString:
      strings.push_back(arena.copy(std::get<std::string>(value)));
      break;
  }
  if (!nulls.empty()) nulls.push_back(0);
}

Value Column::value(size_t row) const {
  if (is_null(row)) return std::monostate();
  switch (physical) {
    case Physical::kBool:
      return bools[row] != 0;
    case Physical::kInt64:
      return ints[row];
    case Physical::kDouble:
      return doubles[row];
    case Physical::kDecimal:
      return decimals[row];
    case Physical::kString:
      break;
  }
  return std::string(strings[row]);
}

ColumnPtr gather(const Column& column, std::span<const uint32_t> rows) {
  auto result = std::make_shared<Column>(column.physical);
  switch (column.physical) {
    case Physical::kBool:
      gather_into(column.bools, rows, result->bools);
      break;
    case Physical::kInt64:
      gather_into(column.ints, rows, result->ints);
      break;
    case Physical::kDouble:
      gather_into(column.doubles, rows, result->doubles);
      break;
    case Physical::kDecimal:
      gather_into(column.decimals, rows, result->decimals);
      break;
    case Physical::kString:
      gather_into(column.strings, rows, result->strings);
      break;
  }
  if (!column.nulls.empty()) gather_into(column.nulls, rows, result->nulls);
  if (!column.errors.empty()) gather_into(column.errors, rows, result->errors);
  return result;
}

std::string_view change_text(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kInsert:
      return "+I";
    case ChangeKind::kUpdateBefore:
      return "-U";
    case ChangeKind::kUpdateAfter:
      return "+U";
    case ChangeKind::kDelete:
      break;
  }
  return "-D";
}

Batch gather(const Batch& batch, std::span<const uint32_t> rows) {
  Batch result;
  result.rows = rows.size();
  result.columns.reserve(batch.columns.size());
  for (const ColumnPtr& column : batch.columns) {
    result.columns.push_back(column ? gather(*column, rows) : nullptr);
  }
  if (!batch.changes.empty()) gather_into(batch.changes, rows, result.changes);
  if (!batch.watermarks.empty()) gather_into(batch.watermarks, rows, result.watermarks);
  result.memory = batch.memory;
  return result;
}

BatchBuilder::BatchBuilder(const Schema& schema) {
  physical_.reserve(schema.size());
  for (const Field& field : schema) physical_.push_back(field.type.physical());
  (void)take();
}

void BatchBuilder::finish_row(ChangeKind change, EventTime watermark) {
  if (change != ChangeKind::kInsert && !has_changes_) {
    has_changes_ = true;
    changes_.assign(rows_, ChangeKind::kInsert);
  }
  if (has_changes_) changes_.push_back(change);
  if (watermark != kNoWatermark && !has_watermarks_) {
    has_watermarks_ = true;
    watermarks_.assign(rows_, kNoWatermark);
  }
  if (has_watermarks_) watermarks_.push_back(watermark);
  ++rows_;
}

void BatchBuilder::add_row(std::span<const Value> values, ChangeKind change, EventTime watermark) {
  MS_ASSERT(values.size() == columns_.size());
  for (size_t i = 0; i < values.size(); ++i) columns_[i]->append_value(values[i], *arena_);
  finish_row(change, watermark);
}

void BatchBuilder::keep(const Batch& source) {
  for (const auto& memory : source.memory) {
    // Rows of one source come in a run: looking at the last few is enough to keep this short.
    const size_t first = kept_.size() > 4 ? kept_.size() - 4 : 0;
    if (std::find(kept_.begin() + static_cast<ptrdiff_t>(first), kept_.end(), memory) ==
        kept_.end()) {
      kept_.push_back(memory);
    }
  }
}

Batch BatchBuilder::take() {
  Batch batch;
  batch.rows = std::exchange(rows_, 0);
  for (auto& column : columns_) {
    MS_ASSERT(column->size() == batch.rows);
    batch.columns.push_back(std::move(column));
  }
  batch.changes = std::exchange(changes_, {});
  batch.watermarks = std::exchange(watermarks_, {});
  batch.memory = std::exchange(kept_, {});
  if (arena_ && arena_->bytes() > 0) batch.memory.push_back(std::move(arena_));
  arena_ = std::make_shared<Arena>();
  has_changes_ = false;
  has_watermarks_ = false;
  columns_.clear();
  for (const Physical physical : physical_) columns_.push_back(std::make_shared<Column>(physical));
  return batch;
}

}  // namespace millstream::analytics
