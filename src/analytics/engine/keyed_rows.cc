#include "analytics/engine/keyed_rows.h"

namespace millstream::analytics {

KeyedRows::KeyedRows(std::vector<int> key_columns,
                     std::optional<std::vector<int>> partition_columns)
    : columns_(key_columns), keys_(std::move(key_columns)) {
  if (partition_columns && *partition_columns != columns_) {
    partition_.emplace(*std::move(partition_columns));
  }
}

void KeyedRows::encode(const Batch& batch) {
  keys_.encode(batch);
  if (partition_) partition_->encode(batch);
  const auto hashes = partition_ ? partition_->hashes() : keys_.hashes();
  groups_.resize(batch.rows);
  for (size_t i = 0; i < batch.rows; ++i) groups_[i] = static_cast<uint8_t>(key_group(hashes[i]));
  nulls_.clear();
  for (const int column : columns_) {
    const ColumnPtr& values = batch.columns[static_cast<size_t>(column)];
    if (values == nullptr || values->nulls.empty()) continue;
    if (nulls_.empty()) nulls_.resize(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) nulls_[i] |= values->nulls[i];
  }
}

}  // namespace millstream::analytics
