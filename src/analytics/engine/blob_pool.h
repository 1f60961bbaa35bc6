// Memory for the many small byte strings of a state table.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace millstream::analytics {

// Pieces in steps of 8 bytes from blocks of 64 KiB; what is released is given out again for the
// same size. Larger ones come from the allocator, each by itself.
//
// Ownership: all pieces die with the pool; large ones must be released before, or by the pool.
// Threads:   one.
class BlobPool {
 public:
  BlobPool() = default;
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;
  ~BlobPool() {
    for (Large* large = large_; large != nullptr;) std::free(std::exchange(large, large->next));
  }

  // Bytes that a piece of `size` really has: equal capacities can hold each other's bytes.
  static size_t capacity(size_t size) { return (size + 7) / 8 * 8; }

  // `size` > 0.
  char* allocate(size_t size) {
    const size_t bytes = capacity(size);
    if (bytes > kSmallBytes) return allocate_large(bytes);
    char*& free = free_[bytes / 8];
    if (free != nullptr) return std::exchange(free, load_le<char*>(free));
    if (bytes > left_) {
      // The rest of the old block serves smaller sizes later.
      if (left_ >= 8) give_back(next_, left_);
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
      next_ = blocks_.back().get();
      left_ = kBlockBytes;
    }
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }

  // `size`: as it was allocated, or another of the same capacity.
  void release(char* piece, size_t size) {
    const size_t bytes = capacity(size);
    if (bytes > kSmallBytes) return release_large(piece, bytes);
    give_back(piece, bytes);
  }

  size_t bytes() const { return blocks_.size() * kBlockBytes + large_bytes_; }

 private:
  struct Large {
    Large* next;
    Large* previous;
  };
  static constexpr size_t kSmallBytes = 512;
  static constexpr size_t kBlockBytes = size_t{64} << 10;

  void give_back(char* piece, size_t bytes) {
    if (bytes > kSmallBytes) bytes = kSmallBytes;
    store_le(piece, free_[bytes / 8]);
    free_[bytes / 8] = piece;
  }

  char* allocate_large(size_t bytes) {
    auto* const large = static_cast<Large*>(std::malloc(sizeof(Large) + bytes));
    MS_ASSERT(large != nullptr);
    large->next = large_;
    large->previous = nullptr;
    if (large_ != nullptr) large_->previous = large;
    large_ = large;
    large_bytes_ += sizeof(Large) + bytes;
    return reinterpret_cast<char*>(large + 1);
  }

  void release_large(char* piece, size_t bytes) {
    auto* const large = reinterpret_cast<Large*>(piece) - 1;
    if (large->next != nullptr) large->next->previous = large->previous;
    (large->previous != nullptr ? large->previous->next : large_) = large->next;
    large_bytes_ -= sizeof(Large) + bytes;
    std::free(large);
  }

  std::array<char*, kSmallBytes / 8 + 1> free_{};
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  Large* large_ = nullptr;
  size_t large_bytes_ = 0;
};

}  // namespace millstream::analytics
