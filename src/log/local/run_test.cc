#include "log/local/run.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

Run run_of(Counter first, uint32_t records) {
  Run run{.first = first, .records = records, .bytes = records * 10};
  run.pieces.push_back({records, records * 10, 0, Slice::copy_of(std::string(records * 10, 'x'))});
  return run;
}

TEST(RunQueue, ARunIsDroppedOnceItIsBothFlushedAndEvicted) {
  RunQueue queue;
  queue.push(run_of(1, 2), true);
  queue.push(run_of(3, 2), true);
  EXPECT_EQ(queue.evict(3).bytes, 20u);
  EXPECT_EQ(queue.size(), 2u);  // not flushed yet
  EXPECT_FALSE(queue.cached(0));
  EXPECT_TRUE(queue.front().pieces[0].body.empty());
  queue.flushed_to(5);
  ASSERT_EQ(queue.size(), 1u);  // still cached
  EXPECT_EQ(queue.front().first, 3u);
  EXPECT_EQ(queue.unflushed(), 1u);
  EXPECT_EQ(queue.evict(5).bytes, 20u);
  EXPECT_TRUE(queue.empty());
}

TEST(RunQueue, OnlyTheOldestCachedRunIsEvicted) {
  RunQueue queue;
  queue.push(run_of(1, 1), true);
  queue.push(run_of(2, 1), true);
  EXPECT_EQ(queue.evict(3).runs, 0u);
  EXPECT_TRUE(queue.caches(2));
  EXPECT_EQ(queue.evict(2).runs, 1u);
  EXPECT_EQ(queue.evict(2).runs, 0u);
}

TEST(RunQueue, FindGivesTheRunThatHoldsAPositionOrTheNextOne) {
  RunQueue queue;
  queue.push(run_of(10, 5), true);
  queue.push(run_of(20, 5), true);
  EXPECT_EQ(queue.find(0), 0u);
  EXPECT_EQ(queue.find(14), 0u);
  EXPECT_EQ(queue.find(15), 1u);
  EXPECT_EQ(queue.find(24), 1u);
  EXPECT_EQ(queue.find(25), 2u);
}

TEST(RunQueue, TrimDropsWholeRunsAndTellsWhatLeftTheCache) {
  RunQueue queue;
  queue.push(run_of(1, 2), false);
  queue.push(run_of(3, 2), true);
  queue.push(run_of(5, 2), true);
  const Freed freed = queue.trim(6);
  EXPECT_EQ(freed.bytes, 20u);
  EXPECT_EQ(freed.runs, 1u);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_TRUE(queue.cached(0));
  EXPECT_EQ(queue.unflushed(), 0u);
}

TEST(RunQueue, StaysRightOverManyPushesAndDrops) {
  RunQueue queue;
  for (Counter i = 1; i <= 1000; ++i) {
    queue.push(run_of(i, 1), true);
    if (i > 10) {
      EXPECT_EQ(queue.evict(i - 9).runs, 1u);
      queue.flushed_to(i - 9);
    }
  }
  ASSERT_EQ(queue.size(), 10u);
  EXPECT_EQ(queue.front().first, 991u);
  EXPECT_EQ(queue.back().first, 1000u);
}

}  // namespace
}  // namespace millstream::local
