#include "analytics/engine/cell_arena.h"

#include <algorithm>
#include <bit>

#include "base/result.h"

namespace millstream::analytics {

size_t CellArena::rounded_cells(size_t bytes) {
  const size_t cells = std::max<size_t>((bytes + 7) / 8, 1);
  if (cells <= kExactCells || cells > kBlockCells / 2) return cells;
  return std::bit_ceil(cells);
}

size_t CellArena::class_of(size_t cells) {
  if (cells <= kExactCells) return cells - 1;
  return kExactCells + static_cast<size_t>(std::bit_width(cells)) - 8;
}

CellRef CellArena::new_block(size_t cells) {
  auto block = std::make_unique_for_overwrite<char[]>(cells * 8);
  size_t index = blocks_.size();
  if (free_blocks_.empty()) {
    // The job's limit of memory is far below what the references reach.
    MS_ASSERT(index < (size_t{1} << (32 - kBlockBits)) - 1);
    blocks_.push_back(std::move(block));
  } else {
    index = free_blocks_.back();
    free_blocks_.pop_back();
    blocks_[index] = std::move(block);
  }
  return static_cast<CellRef>(index << kBlockBits);
}

CellRef CellArena::allocate(size_t bytes) {
  const size_t cells = rounded_cells(bytes);
  bytes_ += cells * 8;
  if (cells > kBlockCells / 2) return new_block(cells);
  auto& free = free_[class_of(cells)];
  if (!free.empty()) {
    const CellRef ref = free.back();
    free.pop_back();
    return ref;
  }
  if (cells > left_) {
    // The rest of the block serves small pieces.
    while (left_ > 0) {
      const size_t piece = std::min(left_, kExactCells);
      free_[class_of(piece)].push_back(next_);
      next_ += static_cast<CellRef>(piece);
      left_ -= piece;
    }
    next_ = new_block(kBlockCells);
    left_ = kBlockCells;
  }
  const CellRef ref = next_;
  next_ += static_cast<CellRef>(cells);
  left_ -= cells;
  return ref;
}

void CellArena::free(CellRef ref, size_t bytes) {
  const size_t cells = rounded_cells(bytes);
  bytes_ -= cells * 8;
  if (cells > kBlockCells / 2) {
    blocks_[ref >> kBlockBits].reset();
    free_blocks_.push_back(ref >> kBlockBits);
    return;
  }
  free_[class_of(cells)].push_back(ref);
}

void CellArena::clear() {
  blocks_.clear();
  free_blocks_.clear();
  for (auto& free : free_) free.clear();
  next_ = 0;
  left_ = 0;
  bytes_ = 0;
}

}  // namespace millstream::analytics
