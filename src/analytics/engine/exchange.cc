#include "analytics/engine/exchange.h"

namespace millstream::analytics {

uint32_t single_partition(uint32_t partitions) {
  return partition_of_group(key_group(hash_key({})), partitions);
}

Exchange::Exchange(const StageInput& input, uint32_t partitions)
    : route_(input.route), partitions_(partitions), keys_(input.columns), rows_(partitions) {}

void Exchange::spread(const Piece& piece, std::vector<std::vector<Piece>>& targets) {
  if (partitions_ == 1 || route_ == Route::kSingle) {
    targets[route_ == Route::kSingle ? single_partition(partitions_) : 0].push_back(piece);
    return;
  }
  keys_.encode(piece.batch);
  const auto hashes = keys_.hashes();
  for (auto& rows : rows_) rows.clear();
  for (uint32_t row = 0; row < piece.batch.rows; ++row) {
    rows_[partition_of_group(key_group(hashes[row]), partitions_)].push_back(row);
  }
  for (uint32_t target = 0; target < partitions_; ++target) {
    const auto& rows = rows_[target];
    if (rows.empty()) continue;
    targets[target].push_back(
        {rows.size() == piece.batch.rows ? piece.batch : gather(piece.batch, rows), piece.origin});
  }
}

}  // namespace millstream::analytics
