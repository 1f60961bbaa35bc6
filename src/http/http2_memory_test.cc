#include "http/http2_memory.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace millstream {
namespace {

TEST(Http2Memory, BlocksAreApartAlignedAndAsLargeAsAsked) {
  nghttp2_mem& memory = *http2_memory();
  // Twice: the second time from the free lists.
  for (int round = 0; round < 2; ++round) {
    std::vector<unsigned char*> blocks;
    for (size_t size = 0; size < 3000; size += 7) {
      auto* block = static_cast<unsigned char*>(memory.malloc(size, nullptr));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t), 0U);
      std::memset(block, static_cast<int>(blocks.size() % 251), size);
      blocks.push_back(block);
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
      for (size_t at = 0; at < i * 7; ++at) ASSERT_EQ(blocks[i][at], i % 251) << i << ' ' << at;
      memory.free(blocks[i], nullptr);
    }
  }
}

TEST(Http2Memory, ZeroesAndKeepsWhatWasThereWhenABlockGrows) {
  nghttp2_mem& memory = *http2_memory();
  void* dirty = memory.malloc(64, nullptr);
  std::memset(dirty, 0xff, 64);
  memory.free(dirty, nullptr);
  auto* block = static_cast<unsigned char*>(memory.calloc(8, 8, nullptr));
  for (int i = 0; i < 64; ++i) ASSERT_EQ(block[i], 0);
  std::memset(block, 7, 64);
  for (const size_t size : {65U, 1024U, 1025U, 100'000U}) {
    block = static_cast<unsigned char*>(memory.realloc(block, size, nullptr));
    for (int i = 0; i < 64; ++i) ASSERT_EQ(block[i], 7) << size;
  }
  memory.free(block, nullptr);
  memory.free(nullptr, nullptr);
}

}  // namespace
}  // namespace millstream
