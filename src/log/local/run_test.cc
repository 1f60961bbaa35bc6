#include "log/local/run.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

RunRef run_of(FrameNumber frame, Counter first, uint32_t records) {
  return RunRef::of(frame, 7, first, records, records * 10);
}

TEST(RunRef, TellsFrameRunAndFirstCounter) {
  const RunRef run = RunRef::of(3, 7, 100, 5, 50);
  EXPECT_EQ(run.frame(), 3u);
  EXPECT_EQ(run.run(), 7u);
  EXPECT_EQ(run.first(), 100u);
  EXPECT_EQ(run.end, 105u);
}

TEST(RunQueue, CountsWhatIsNotFlushed) {
  RunQueue queue;
  queue.push(run_of(1, 1, 2), 1);
  queue.push(run_of(2, 3, 2), 1);
  EXPECT_EQ(queue.unflushed_bytes(), 40u);
  queue.flushed_to(3);
  EXPECT_EQ(queue.unflushed(), 1u);
  EXPECT_EQ(queue.unflushed_bytes(), 20u);
  EXPECT_EQ(queue.size(), 2u);
}

TEST(RunQueue, FindGivesTheRunThatHoldsAPositionOrTheNextOne) {
  RunQueue queue;
  queue.push(run_of(1, 10, 5), 1);
  queue.push(run_of(2, 20, 5), 1);
  EXPECT_EQ(queue.find(0), 0u);
  EXPECT_EQ(queue.find(14), 0u);
  EXPECT_EQ(queue.find(15), 1u);
  EXPECT_EQ(queue.find(24), 1u);
  EXPECT_EQ(queue.find(25), 2u);
}

TEST(RunQueue, FindsTheFirstRunOfAFrameOrALaterOne) {
  RunQueue queue;
  queue.push(run_of(2, 1, 1), 1);
  queue.push(run_of(5, 2, 1), 1);
  EXPECT_EQ(queue.find_frame(1), 0u);
  EXPECT_EQ(queue.find_frame(3), 1u);
  EXPECT_EQ(queue.find_frame(6), 2u);
}

TEST(RunQueue, TrimDropsWholeRuns) {
  RunQueue queue;
  queue.push(run_of(1, 1, 2), 1);
  queue.push(run_of(2, 3, 2), 1);
  queue.push(run_of(3, 5, 2), 1);
  queue.flushed_to(3);
  queue.trim(6);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue[0].first(), 5u);
  EXPECT_EQ(queue.unflushed(), 0u);
  EXPECT_EQ(queue.unflushed_bytes(), 20u);
  queue.trim(7);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.unflushed_bytes(), 0u);
}

TEST(RunQueue, StaleRunsMakeRoomForNewOnes) {
  RunQueue queue;
  size_t largest = 0;
  for (Counter i = 1; i <= 10'000; ++i) {
    const FrameNumber oldest = i > 10 ? i - 10 : 1;
    queue.flushed_to(oldest);  // the run of frame `oldest` ends at oldest + 1
    queue.push(run_of(i, i, 1), oldest);
    largest = std::max(largest, queue.size());
  }
  EXPECT_LT(largest, 64u);
  queue.drop_stale(9'990);
  ASSERT_EQ(queue.size(), 11u);
  EXPECT_EQ(queue[0].frame(), 9'990u);
}

}  // namespace
}  // namespace millstream::local
