// Memory in cells of 8 bytes, named by 32-bit references: half the size of pointers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace millstream::analytics {

using CellRef = uint32_t;
inline constexpr CellRef kNoCell = 0xFFFFFFFF;

// Up to 32 GiB. Freed pieces are used again by pieces of the same size class: multiples of 8
// bytes up to 1 KiB, powers of two above; pieces above half a block stand alone.
//
// Threads: one.
class CellArena {
 public:
  CellArena() = default;
  CellArena(const CellArena&) = delete;
  CellArena& operator=(const CellArena&) = delete;

  // Uninitialised, aligned to 8 bytes, valid until freed.
  CellRef allocate(size_t bytes);
  void free(CellRef ref, size_t bytes);  // `bytes` as allocated
  char* at(CellRef ref) { return blocks_[ref >> kBlockBits].get() + offset(ref); }
  const char* at(CellRef ref) const { return blocks_[ref >> kBlockBits].get() + offset(ref); }
  size_t bytes() const { return bytes_; }  // in use
  void clear();

 private:
  static constexpr uint32_t kBlockBits = 17;  // 128 Ki cells: 1 MiB
  static constexpr size_t kBlockCells = size_t{1} << kBlockBits;
  static constexpr size_t kExactCells = 128;
  static size_t offset(CellRef ref) { return (static_cast<size_t>(ref) & (kBlockCells - 1)) << 3; }
  static size_t rounded_cells(size_t bytes);
  static size_t class_of(size_t cells);
  CellRef new_block(size_t cells);

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<uint32_t> free_blocks_;  // indexes of pieces that stood alone
  std::array<std::vector<CellRef>, kExactCells + 20> free_;
  CellRef next_ = 0;
  size_t left_ = 0;  // cells behind next_
  size_t bytes_ = 0;
};

}  // namespace millstream::analytics
