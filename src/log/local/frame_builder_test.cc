#include "log/local/frame_builder.h"

#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "log/local/limits.h"
#include "log/local/log_test_support.h"

namespace millstream::local {
namespace {

constexpr ShardId kShard{1};

class FrameBuilderTest : public ::testing::Test {
 protected:
  FrameBuilderTest() : builder_(clock_, shards_, writers_) {
    builder_.start_at(3);
    Op op;
    op.kind = Op::Kind::kCreate;
    op.shard = kShard;
    Frame frame = build({&op});
  }

  Frame build(std::vector<Op*> ops) {
    Frame frame;
    builder_.begin(frame);
    for (Op* op : ops) builder_.add(*op);
    builder_.finish({nullptr, 0}, 1);
    return frame;
  }
  static Op append_of(const std::vector<std::string>& records) {
    Op op;
    op.batches = {batch_of(kShard, records)};
    op.bytes = op.batches[0].body.size();
    return op;
  }
  static std::vector<JournalEntry> entries_of(Frame& frame) {
    FrameHead head{.body_bytes = frame.body_bytes,
                   .table_bytes = static_cast<uint32_t>(frame.bytes.size() - kFrameHeadSize),
                   .entries = frame.entries};
    auto entries = decode_table(head, std::string_view(frame.bytes).substr(kFrameHeadSize));
    EXPECT_TRUE(entries.has_value());
    return entries.value_or(std::vector<JournalEntry>());
  }

  ManualClock clock_;
  ShardTable shards_;
  WriterTable writers_;
  FrameBuilder builder_;
};

TEST_F(FrameBuilderTest, AppendsOfOneFrameToAShardBecomeOneRunWithOneChecksum) {
  Op first = append_of({"a"});
  Op second = append_of({"b", "c"});
  const std::string expected =
      std::string(first.batches[0].body.view()) + std::string(second.batches[0].body.view());
  Frame frame = build({&first, &second});
  ASSERT_EQ(frame.tail->runs().size(), 1u);
  const local::Run& run = frame.tail->run(0);
  EXPECT_EQ(run.records, 3u);
  std::vector<Slice> bodies;
  ASSERT_TRUE(frame.tail->bodies(run, bodies));
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].view(), expected);
  EXPECT_EQ(frame.tail->pieces(run)[0].crc, crc32c(expected));
  EXPECT_EQ(first.appended[0].first, uint64_t{3} << 40);
  EXPECT_EQ(second.appended[0].first, (uint64_t{3} << 40) + 1);
}

TEST_F(FrameBuilderTest, BatchesThatComeInTurnsAreSortedByRun) {
  constexpr ShardId kOther{8};
  Op create;
  create.kind = Op::Kind::kCreate;
  create.shard = kOther;
  build({&create});
  std::vector<Op> ops(3);
  std::string of_shard;
  std::string of_other;
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].batches = {batch_of(kShard, {fmt::format("a{}", i)}),
                      batch_of(kOther, {fmt::format("b{}", i)})};
    of_shard += ops[i].batches[0].body.view();
    of_other += ops[i].batches[1].body.view();
  }
  Frame frame = build({&ops[0], &ops[1], &ops[2]});
  ASSERT_EQ(frame.shards.size(), 2u);
  EXPECT_EQ(frame.shards[1]->id, kOther);
  std::vector<Slice> bodies;
  ASSERT_TRUE(frame.tail->bodies(frame.tail->run(0), bodies));
  EXPECT_EQ(bodies.at(0).view(), of_shard);
  ASSERT_TRUE(frame.tail->bodies(frame.tail->run(1), bodies));
  EXPECT_EQ(bodies.at(0).view(), of_other);
  EXPECT_EQ(frame.tail->offset(frame.tail->run(1)) - frame.tail->offset(frame.tail->run(0)),
            of_shard.size());
  // One part to write.
  ASSERT_EQ(frame.bodies.size(), 1u);
  EXPECT_EQ(frame.bodies[0].iov_len, of_shard.size() + of_other.size());
}

TEST_F(FrameBuilderTest, LargeBodiesAreNotCopied) {
  Op small = append_of({"a"});
  Op large = append_of({std::string(kSmallBodyBytes, 'x')});
  const char* address = large.batches[0].body.data();
  Frame frame = build({&small, &large});
  ASSERT_EQ(frame.bodies.size(), 2u);
  EXPECT_EQ(frame.bodies[1].iov_base, address);
}

TEST_F(FrameBuilderTest, TheEpochIsRaisedBeforeTheNumbersOfOneRunOut) {
  const ShardRef shard = shards_.find(kShard);
  shard->assigned.next = (uint64_t{4} << 40) - 3;
  Op before = append_of({"a", "b"});
  Op after = append_of({"c", "d"});
  Frame frame = build({&before, &after});
  EXPECT_EQ(before.appended[0].first, (uint64_t{4} << 40) - 3);
  EXPECT_EQ(after.appended[0].first, uint64_t{4} << 40);
  EXPECT_EQ(builder_.epoch(), 4u);
  const auto entries = entries_of(frame);
  ASSERT_EQ(entries.size(), 3u);
  // Durable with the frame that needs it, and before it.
  EXPECT_EQ(std::get<EpochEntry>(entries[0]).epoch, 4u);
  EXPECT_EQ(std::get<RunEntry>(entries[1]).records, 2u);
  EXPECT_EQ(std::get<RunEntry>(entries[2]).first, uint64_t{4} << 40);
}

TEST_F(FrameBuilderTest, ABoundIsNeverBelowWhatTheChangeTakes) {
  std::vector<Op> ops(3);
  ops[0] = append_of({"a"});
  ops[1] = append_of({std::string(10'000, 'x')});
  ops[2].kind = Op::Kind::kOpenWriter;
  ops[2].stamp.writer = 9;
  uint64_t bound = kFrameHeadSize;
  std::vector<Op*> all;
  for (Op& op : ops) {
    bound += FrameBuilder::bound(op);
    all.push_back(&op);
  }
  Frame frame = build(all);
  EXPECT_LE(frame.bytes.size() + frame.body_bytes, bound);
}

TEST_F(FrameBuilderTest, WhatASealInTheSameFrameForbidsIsRefused) {
  Op seal;
  seal.kind = Op::Kind::kSeal;
  seal.shard = kShard;
  Op late = append_of({"x"});
  Frame frame = build({&seal, &late});
  ASSERT_TRUE(late.error.has_value());
  EXPECT_EQ(late.error->code, ErrorCode::kSealed);
  EXPECT_FALSE(frame.tail);
}

TEST_F(FrameBuilderTest, ARepeatInTheSameFrameIsNotWrittenTwice) {
  Op open;
  open.kind = Op::Kind::kOpenWriter;
  open.stamp.writer = 5;
  Op first = append_of({"x"});
  Op repeat = append_of({"x"});
  first.stamp = repeat.stamp = {.writer = 5, .epoch = 1, .number = 1};
  Frame frame = build({&open, &first, &repeat});
  ASSERT_FALSE(repeat.error.has_value());
  EXPECT_EQ(repeat.appended.at(0).first, first.appended.at(0).first);
  EXPECT_EQ(frame.tail->run(0).records, 1u);
}

}  // namespace
}  // namespace millstream::local
