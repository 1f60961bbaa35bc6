#include "log/local/chunk_cache.h"

#include <gtest/gtest.h>

#include "base/fault_env.h"

namespace millstream::local {
namespace {

constexpr uint64_t kChunk = 64 << 10;

class ChunkCacheTest : public ::testing::Test {
 protected:
  ChunkCacheTest() {
    EXPECT_TRUE(env_.make_folders("/c"));
    EXPECT_TRUE(cache_.open());
  }
  static std::string content(uint64_t chunk) {
    return std::string(kChunk, static_cast<char>('a' + chunk));
  }
  void put(uint64_t chunk) { cache_.put({1, chunk}, Slice::copy_of(content(chunk))); }
  bool has(uint64_t chunk) {
    std::string bytes(1000, '\0');
    return cache_.read({1, chunk}, 500, bytes) && bytes == content(chunk).substr(500, 1000);
  }

  FaultEnv env_;
  ChunkCache cache_{env_, "/c/tier-cache", 3 * kChunk, kChunk};
};

TEST_F(ChunkCacheTest, WhatWasNotUsedForLongestGoes) {
  for (uint64_t chunk = 0; chunk < 3; ++chunk) put(chunk);
  EXPECT_TRUE(has(0));
  put(3);
  EXPECT_TRUE(has(0));
  EXPECT_FALSE(has(1));
  EXPECT_TRUE(has(2));
  EXPECT_TRUE(has(3));
  EXPECT_EQ(cache_.bytes(), 3 * kChunk);
  for (uint64_t chunk = 4; chunk < 20; ++chunk) put(chunk);
  EXPECT_EQ(env_.open("/c/tier-cache", OpenMode::kReadOnly).value()->size().value(), 3 * kChunk);
}

TEST_F(ChunkCacheTest, ReadsBeyondAChunkFindNothing) {
  cache_.put({1, 0}, Slice::copy_of("short"));
  std::string bytes(3, '\0');
  EXPECT_TRUE(cache_.read({1, 0}, 2, bytes));
  EXPECT_EQ(bytes, "ort");
  EXPECT_FALSE(cache_.read({1, 0}, 3, bytes));
  EXPECT_FALSE(cache_.read({2, 0}, 0, bytes));
}

TEST_F(ChunkCacheTest, AFullDiskGetsItsSpaceBack) {
  put(0);
  put(1);
  env_.set_capacity(2 * kChunk);
  put(2);
  EXPECT_EQ(cache_.bytes(), 0u);
  EXPECT_EQ(env_.open("/c/tier-cache", OpenMode::kReadOnly).value()->size().value(), 0u);
  env_.set_capacity(UINT64_MAX);
  for (uint64_t chunk = 0; chunk < 3; ++chunk) put(chunk);
  for (uint64_t chunk = 0; chunk < 3; ++chunk) EXPECT_TRUE(has(chunk));
}

TEST_F(ChunkCacheTest, AStartEmptiesIt) {
  put(0);
  ChunkCache again(env_, "/c/tier-cache", 3 * kChunk, kChunk);
  ASSERT_TRUE(again.open());
  EXPECT_FALSE(again.contains({1, 0}));
  EXPECT_EQ(env_.open("/c/tier-cache", OpenMode::kReadOnly).value()->size().value(), 0u);
}

TEST_F(ChunkCacheTest, AChunkGivenUpMakesRoom) {
  for (uint64_t chunk = 0; chunk < 3; ++chunk) put(chunk);
  cache_.drop({1, 1});
  EXPECT_FALSE(has(1));
  put(3);
  EXPECT_TRUE(has(0) && has(2) && has(3));
}

}  // namespace
}  // namespace millstream::local
