#include "log/local/tail_cache.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

void push(TailCache& cache, const ShardRef& shard, Counter first, uint32_t bytes) {
  Run run{.first = first, .records = 1, .bytes = bytes};
  run.pieces.push_back({1, bytes, 0, Slice::copy_of(std::string(bytes, 'x'))});
  {
    std::lock_guard lock(shard->mutex);
    shard->tail.push(std::move(run), true);
  }
  cache.added(shard, first + 1, bytes);
}

TEST(TailCache, TheOldestOfAllShardsGoFirstAndTheLimitHolds) {
  TailCache cache(250);
  const auto a = std::make_shared<ShardState>(ShardId{1});
  const auto b = std::make_shared<ShardState>(ShardId{2});
  push(cache, a, 1, 100);
  push(cache, b, 1, 100);
  push(cache, a, 2, 100);
  EXPECT_EQ(cache.bytes(), 200u);
  EXPECT_FALSE(a->tail.cached(0));
  EXPECT_TRUE(a->tail.cached(1));
  EXPECT_TRUE(b->tail.cached(0));
  EXPECT_EQ(a->tail.size(), 2u);  // not flushed: still known, read from the journal
}

TEST(TailCache, WhatWasTrimmedIsNotEvictedInANewerRunsPlace) {
  TailCache cache(250);
  const auto a = std::make_shared<ShardState>(ShardId{1});
  const auto b = std::make_shared<ShardState>(ShardId{2});
  push(cache, a, 1, 100);
  cache.released(a->tail.trim(2));
  EXPECT_EQ(cache.bytes(), 0u);
  push(cache, b, 1, 100);
  push(cache, a, 2, 100);
  push(cache, b, 2, 100);
  EXPECT_TRUE(a->tail.cached(0));
  EXPECT_FALSE(b->tail.cached(0));
}

TEST(TailCache, AShardThatIsTrimmedAllTheTimeLeavesNothingBehind) {
  TailCache cache(size_t{1} << 30);
  const auto quiet = std::make_shared<ShardState>(ShardId{1});
  const auto shard = std::make_shared<ShardState>(ShardId{2});
  push(cache, quiet, 1, 10);
  for (Counter i = 1; i < 20'000; ++i) {
    push(cache, shard, i, 10);
    cache.released(shard->tail.trim(i + 1));
  }
  EXPECT_EQ(cache.bytes(), 10u);
  EXPECT_LT(cache.entries(), 5'000u);
}

}  // namespace
}  // namespace millstream::local
