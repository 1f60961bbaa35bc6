// The parts of a delivery: what is buffered, and which shards are read.
#include <algorithm>

#include <gtest/gtest.h>

#include "firehose/delivery_buffer.h"
#include "firehose/source_shards.h"
#include "log/record.h"

namespace millstream::firehose {
namespace {

using namespace std::chrono_literals;

StoredBatch batch(Counter first, TimeMs arrival, const std::vector<size_t>& sizes) {
  size_t total = 0;
  for (size_t size : sizes) total += stored_record_size(1, size);
  BufferRef buffer = BufferRef::allocate(total);
  char* to = buffer->data();
  for (size_t size : sizes) {
    to = store_record_head(to, "k", size);
    to = std::fill_n(to, size, 'x');
  }
  return {first, static_cast<uint32_t>(sizes.size()), arrival, Slice(buffer, total)};
}

constexpr ShardId kOne{1};
constexpr ShardId kTwo{2};

TEST(DeliveryBuffer, IsDueWhenItsSizeIsReached) {
  DeliveryBuffer buffer(100, 60s);
  EXPECT_FALSE(buffer.due(100s, 100'000, true));
  EXPECT_EQ(buffer.add(kOne, 5, batch(5, 1000, {40, 40}), 0s)->next, 7u);
  EXPECT_FALSE(buffer.due(1s, 2000, true));
  // The record that reaches the size is the last one: the rest of its batch stays.
  const auto added = buffer.add(kOne, 5, batch(7, 1000, {19, 1, 50, 60}), 0s);
  EXPECT_EQ(added->next, 9u);
  EXPECT_EQ(added->records, 2u);
  EXPECT_TRUE(buffer.due(1s, 2000, false));
  EXPECT_EQ(buffer.bytes(), 100u);
  EXPECT_EQ(buffer.ranges(), (std::vector<ShardRange>{{kOne, 5, 9, 4}}));
}

TEST(DeliveryBuffer, IsDueWhenItsIntervalHasPassed) {
  DeliveryBuffer buffer(100, 60s);
  ASSERT_TRUE(buffer.add(kOne, 0, batch(5, 10'000, {1}), 100s));
  EXPECT_FALSE(buffer.due(159s, 20'000, true));
  EXPECT_TRUE(buffer.due(160s, 20'000, true));
}

TEST(DeliveryBuffer, ARestartDoesNotBeginTheIntervalAnew) {
  DeliveryBuffer buffer(100, 60s);
  ASSERT_TRUE(buffer.add(kOne, 0, batch(5, 10'000, {1}), 100s));
  EXPECT_TRUE(buffer.due(101s, 70'000, true));
  EXPECT_FALSE(buffer.due(101s, 70'000, false)) << "a reader behind makes objects of full size";
}

TEST(DeliveryBuffer, RangesBeginWherePlansEnd) {
  DeliveryBuffer buffer(1000, 60s);
  ASSERT_TRUE(buffer.add(kOne, 3, batch(7, 500, {1, 1}), 0s));  // 3 to 6 are gone
  ASSERT_TRUE(buffer.add(kTwo, 0, batch(0, 400, {1}), 0s));
  ASSERT_TRUE(buffer.add(kOne, 3, batch(20, 600, {1}), 0s));  // 9 to 19 too
  EXPECT_EQ(buffer.ranges(), (std::vector<ShardRange>{{kOne, 3, 21, 3}, {kTwo, 0, 1, 1}}));
  EXPECT_EQ(buffer.oldest_ms(), 400);
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  ASSERT_TRUE(buffer.add(kOne, 21, batch(21, 900, {1}), 5s));
  EXPECT_EQ(buffer.ranges(), (std::vector<ShardRange>{{kOne, 21, 22, 1}}));
  EXPECT_EQ(buffer.oldest_ms(), 900);
}

TEST(DeliveryBuffer, EmptyRecordsAreDeliveredByTime) {
  DeliveryBuffer buffer(1, 0s);
  ASSERT_TRUE(buffer.add(kOne, 0, batch(0, 0, {0, 0}), 0s));
  EXPECT_EQ(buffer.records(), 2u);
  EXPECT_TRUE(buffer.due(0s, 0, true));
}

streams::Shard shard(uint32_t index, std::optional<uint32_t> parent = {},
                     std::optional<uint32_t> adjacent = {}) {
  streams::Shard made;
  made.index = index;
  made.log_id = ShardId(100 + index);
  made.parent = parent;
  made.adjacent_parent = adjacent;
  return made;
}

std::shared_ptr<const streams::Stream> stream_of(std::vector<streams::Shard> shards) {
  auto made = std::make_shared<streams::Stream>();
  made->shards = std::move(shards);
  return made;
}

std::vector<uint64_t> readable(SourceShards& shards) {
  std::vector<uint64_t> ids;
  for (const SourceShard* found : shards.readable()) {
    ids.push_back(static_cast<uint64_t>(found->id));
  }
  std::ranges::sort(ids);
  return ids;
}

TEST(SourceShards, ChildrenAreReadOnceTheirParentsAreAtTheirEnd) {
  SourceShards shards({});
  shards.follow(stream_of({shard(0), shard(1)}));
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{100, 101}));
  shards.follow(stream_of({shard(0), shard(1), shard(2, 0), shard(3, 0), shard(4, 1, 2)}));
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{100, 101}));
  shards.find(ShardId(100))->at_end = true;
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{101, 102, 103}));
  shards.find(ShardId(101))->at_end = true;
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{102, 103})) << "a merge waits for both";
  shards.find(ShardId(102))->at_end = true;
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{103, 104}));
}

TEST(SourceShards, GoesOnWhereItsPlansEnd) {
  const std::vector<ShardProgress> progress{{ShardId(100), 50}, {ShardId(101), 7}};
  SourceShards shards(progress);
  streams::Shard closed = shard(0);
  closed.open = false;
  closed.end = 50;
  shards.follow(stream_of({closed, shard(1), shard(2, 0)}));
  EXPECT_EQ(readable(shards), (std::vector<uint64_t>{101, 102})) << "its end was planned before";
  EXPECT_EQ(shards.find(ShardId(101))->next, 7u);
  EXPECT_EQ(shards.find(ShardId(102))->next, 0u);
}

TEST(SourceShards, ShardsThatAreGoneAreTold) {
  const std::vector<ShardProgress> progress{{ShardId(99), 50}};
  SourceShards shards(progress);
  const auto first = shards.follow(stream_of({shard(0), shard(1)}));
  ASSERT_EQ(first.size(), 1u) << "it went while the server was down";
  EXPECT_EQ(first[0].id, ShardId(99));
  const auto then = shards.follow(nullptr);
  EXPECT_EQ(then.size(), 2u);
  EXPECT_TRUE(readable(shards).empty());
}

}  // namespace
}  // namespace millstream::firehose
