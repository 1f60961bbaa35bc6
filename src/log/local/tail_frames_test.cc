#include "log/local/tail_frames.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

// With one run of one piece.
TailFrameRef frame_of(uint32_t bytes) {
  TailFrame::Content content;
  content.buffers.push_back(BufferRef::allocate(bytes));
  content.pieces.push_back({.records = 1, .bytes = bytes, .body = content.buffers.front()->data()});
  content.runs.push_back({.first = 1, .records = 1, .bytes = bytes, .pieces = 1});
  content.file = std::make_shared<JournalFile>();
  return std::make_shared<TailFrame>(std::move(content));
}

bool is_cached(const TailFrames& frames, FrameNumber number) {
  std::vector<Slice> bodies;
  const TailFrameRef frame = frames.find(number);
  return frame && frame->bodies(frame->run(0), bodies);
}

TEST(TailFrames, TheOldestLeaveMemoryFirstAndTheLimitHolds) {
  const size_t cost = frame_of(1000)->cost();
  TailFrames frames(2 * cost, 0);
  for (int i = 0; i < 3; ++i) frames.add(frame_of(1000));
  EXPECT_EQ(frames.bytes(), 2 * cost);
  EXPECT_FALSE(is_cached(frames, 1));
  EXPECT_TRUE(is_cached(frames, 2));
  EXPECT_TRUE(is_cached(frames, 3));
  // Not flushed: still there, read from the journal.
  ASSERT_TRUE(frames.find(1));
  EXPECT_TRUE(frames.find(1)->file());
}

TEST(TailFrames, AFrameIsDroppedOnceItIsBothFlushedAndEvicted) {
  const size_t cost = frame_of(1000)->cost();
  TailFrames frames(2 * cost, 0);
  frames.add(frame_of(1000));
  frames.add(frame_of(1000));
  frames.flushed_to(1);
  ASSERT_TRUE(is_cached(frames, 1));
  EXPECT_FALSE(frames.find(1)->file());
  EXPECT_EQ(frames.first(), 1u);
  frames.add(frame_of(1000));
  EXPECT_FALSE(frames.find(1));
  EXPECT_EQ(frames.first(), 2u);
  EXPECT_EQ(frames.last(), 3u);
}

TEST(TailFrames, PressureRisesAsUnflushedFramesComeNearTheLimit) {
  const size_t cost = frame_of(1000)->cost();
  TailFrames frames(10 * cost, cost);
  for (int i = 0; i < 5; ++i) frames.add(frame_of(1000));
  EXPECT_EQ(frames.pressure(), 0);
  frames.add(frame_of(1000));
  EXPECT_DOUBLE_EQ(frames.pressure(), 0.2);
  for (int i = 0; i < 10; ++i) frames.add(frame_of(1000));
  EXPECT_EQ(frames.pressure(), 1);
  frames.flushed_to(8);
  EXPECT_NEAR(frames.pressure(), 0.6, 1e-9);
  frames.flushed_to(16);
  EXPECT_EQ(frames.pressure(), 0);
  // Not even two checkpoints fit: it would slow down for nothing.
  TailFrames tiny(10 * cost, 6 * cost);
  for (int i = 0; i < 10; ++i) tiny.add(frame_of(1000));
  EXPECT_EQ(tiny.pressure(), 0);
}

TEST(TailFrames, CountsWhatLeadsToTheRecordsToo) {
  TailFrame::Content content;
  content.buffers.push_back(BufferRef::allocate(100));
  for (uint32_t i = 0; i < 100; ++i) {
    content.pieces.push_back({.records = 1, .bytes = 1, .body = content.buffers.front()->data()});
    content.runs.push_back({.first = 1, .records = 1, .bytes = 1, .piece = i, .pieces = 1});
  }
  EXPECT_GE(TailFrame(std::move(content)).cost(),
            100 * (1 + sizeof(millstream::local::Run) + sizeof(Piece) + sizeof(RunRef)));
}

TEST(TailFrames, WhatRecoveryFoundIsNotInMemory) {
  TailFrames frames(1 << 20, 0);
  TailFrame::Content content;
  content.pieces.push_back({.records = 1, .bytes = 10});
  content.runs.push_back({.first = 1, .records = 1, .bytes = 10, .pieces = 1});
  content.file = std::make_shared<JournalFile>();
  EXPECT_EQ(frames.add_evicted(std::make_shared<TailFrame>(std::move(content))), 1u);
  EXPECT_FALSE(is_cached(frames, 1));
  EXPECT_EQ(frames.bytes(), 0u);
  EXPECT_EQ(frames.add(frame_of(10)), 2u);
  EXPECT_EQ(frames.range(1, 5).size(), 2u);
  frames.flushed_to(2);
  EXPECT_FALSE(frames.find(1));
  EXPECT_TRUE(is_cached(frames, 2));
}

}  // namespace
}  // namespace millstream::local
