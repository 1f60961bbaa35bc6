// The keys of a batch for an operator with state: encoded, hashed, with their key groups.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {

// The key group of a row follows from the columns by which the exchange spreads rows
// (plan.h, partitioning()), which may be fewer than the key's.
//
// Threads: one.
class KeyedRows {
 public:
  KeyedRows(std::vector<int> key_columns, std::optional<std::vector<int>> partition_columns);

  // Views stay valid until the next call.
  void encode(const Batch& batch);
  std::span<const std::string_view> keys() const { return keys_.keys(); }
  std::span<const uint64_t> hashes() const { return keys_.hashes(); }
  std::span<const uint8_t> groups() const { return groups_; }
  // Whether a key column of the row is NULL: such a row meets none.
  bool has_null(size_t row) const { return !nulls_.empty() && nulls_[row] != 0; }

 private:
  std::vector<int> columns_;
  KeyEncoder keys_;
  std::optional<KeyEncoder> partition_;
  std::vector<uint8_t> groups_;
  std::vector<uint8_t> nulls_;  // empty: none
};

}  // namespace millstream::analytics
