#include "streams/reshard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "streams/hash_key.h"

namespace millstream::streams {
namespace {

Stream stream_of(std::vector<HashKeyRange> ranges) {
  Stream stream;
  stream.key = {"000000000000", "us-east-1", "clicks"};
  stream.status = StreamStatus::kActive;
  for (const HashKeyRange& range : ranges) {
    Shard& shard = stream.shards.emplace_back();
    shard.index = static_cast<uint32_t>(stream.shards.size()) - 1;
    shard.first_hash_key = range.first;
    shard.last_hash_key = range.last;
  }
  stream.index_open_shards();
  return stream;
}

TEST(EvenRanges, CoverEveryHashKeyOnce) {
  for (uint32_t count : {1u, 2u, 3u, 4u, 5u, 7u, 64u, 1000u, 10'000u, 65'537u}) {
    const auto ranges = even_ranges(count);
    ASSERT_EQ(ranges.size(), count);
    EXPECT_TRUE(ranges.front().first == 0);
    EXPECT_TRUE(ranges.back().last == kMaxHashKey);
    for (size_t i = 1; i < ranges.size(); ++i) {
      ASSERT_TRUE(ranges[i].first == ranges[i - 1].last + 1) << count << " " << i;
    }
  }
}

TEST(EvenRanges, AreThoseOfAws) {
  const auto three = even_ranges(3);
  EXPECT_EQ(format_hash_key(three[0].last), "113427455640312821154458202477256070484");
  EXPECT_EQ(format_hash_key(three[2].first), "226854911280625642308916404954512140970");
  EXPECT_EQ(format_hash_key(even_ranges(2)[1].first), "170141183460469231731687303715884105728");
}

TEST(Route, FindsTheShardOfEveryKey) {
  const Stream stream = stream_of(even_ranges(3));
  for (const Shard& shard : stream.shards) {
    EXPECT_EQ(stream.route(shard.first_hash_key).index, shard.index);
    EXPECT_EQ(stream.route(shard.last_hash_key).index, shard.index);
  }
}

TEST(ShardNamed, AcceptsTheShortFormsThatAwsAccepts) {
  const Stream stream = stream_of(even_ranges(3));
  for (const char* id : {"shardId-000000000002", "shardId-2", "shard-2", "2"}) {
    auto shard = shard_named(stream, id);
    ASSERT_TRUE(shard) << id;
    EXPECT_EQ((*shard)->index, 2u) << id;
  }
  for (const char* id : {"shardId-", "shardId-x", "shardId-2147483648", "x", "shardId-5e0"}) {
    auto shard = shard_named(stream, id);
    ASSERT_FALSE(shard) << id;
    EXPECT_EQ(shard.error().message, fmt::format("Could not find shard {} in stream clicks under "
                                                 "account 000000000000.",
                                                 id));
  }
  EXPECT_EQ(shard_named(stream, "shardId-5").error().message,
            "Could not find shard shardId-000000000005 in stream clicks under account "
            "000000000000.");
}

TEST(PlanSplit, HalvesTheRange) {
  const Stream stream = stream_of(even_ranges(1));
  auto plan = plan_split(stream, "shardId-0", "170141183460469231731687303715884105728");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->parents, (std::vector<uint32_t>{0}));
  ASSERT_EQ(plan->children.size(), 2u);
  EXPECT_TRUE(plan->children[0].range == even_ranges(2)[0]);
  EXPECT_TRUE(plan->children[1].range == even_ranges(2)[1]);
}

TEST(PlanSplit, RefusesKeysThatLeaveAHalfOfOneKeyOrNone) {
  const Stream stream = stream_of(even_ranges(3));
  for (const char* key : {"0", "1", "113427455640312821154458202477256070484",
                          "999999999999999999999999999999999999999"}) {
    auto plan = plan_split(stream, "shard-0", key);
    ASSERT_FALSE(plan) << key;
    EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(plan.error().message,
              fmt::format("NewStartingHashKey {} used in SplitShard() on shard "
                          "shardId-000000000000 in stream clicks under account 000000000000 is not "
                          "both greater than one plus the shard's StartingHashKey 0 and less than "
                          "the shard's EndingHashKey 113427455640312821154458202477256070484.",
                          key));
  }
  EXPECT_TRUE(plan_split(stream, "shard-0", "2"));
  EXPECT_TRUE(plan_split(stream, "shard-0", "113427455640312821154458202477256070483"));
}

TEST(PlanSplit, RefusesAShardOfTwoKeys) {
  const Stream stream = stream_of({{0, 1}, {2, kMaxHashKey}});
  for (const char* key : {"0", "1", "2"}) EXPECT_FALSE(plan_split(stream, "0", key)) << key;
}

TEST(PlanSplit, RefusesAClosedShard) {
  Stream stream = stream_of(even_ranges(1));
  stream.shards[0].open = false;
  auto plan = plan_split(stream, "0", "1000");
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, testing::HasSubstr("is closed"));
}

TEST(PlanMerge, JoinsNeighboursInEitherOrder) {
  const Stream stream = stream_of(even_ranges(3));
  for (const auto& [one, other] : {std::pair("1", "2"), std::pair("2", "1")}) {
    auto plan = plan_merge(stream, one, other);
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->children.size(), 1u);
    EXPECT_TRUE(plan->children[0].range.first == stream.shards[1].first_hash_key);
    EXPECT_TRUE(plan->children[0].range.last == kMaxHashKey);
    EXPECT_EQ(std::to_string(plan->children[0].parent), one);
    EXPECT_EQ(std::to_string(*plan->children[0].adjacent_parent), other);
  }
}

TEST(PlanMerge, RefusesShardsThatAreNotNeighbours) {
  const Stream stream = stream_of(even_ranges(3));
  for (const auto& [one, other] : {std::pair("0", "2"), std::pair("1", "1"), std::pair("2", "0")}) {
    auto plan = plan_merge(stream, one, other);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message,
              fmt::format("Shards shardId-00000000000{} and shardId-00000000000{} in stream clicks "
                          "under account 000000000000 are not an adjacent pair of shards eligible "
                          "for merging",
                          one, other));
  }
}

// What the stream is after `plan`, as MetaCatalog numbers it.
Stream carry_out(Stream stream, const ReshardPlan& plan) {
  const auto first = static_cast<uint32_t>(stream.shards.size());
  const auto index_of = [first](uint32_t index) {
    return index >= kNewShards ? first + (index - kNewShards) : index;
  };
  for (const NewShard& child : plan.children) {
    Shard& shard = stream.shards.emplace_back();
    shard.index = static_cast<uint32_t>(stream.shards.size()) - 1;
    shard.first_hash_key = child.range.first;
    shard.last_hash_key = child.range.last;
    shard.parent = index_of(child.parent);
    EXPECT_LT(*shard.parent, shard.index);
    if (child.adjacent_parent) {
      shard.adjacent_parent = index_of(*child.adjacent_parent);
      EXPECT_LT(*shard.adjacent_parent, shard.index);
    }
  }
  for (uint32_t parent : plan.parents) {
    Shard& shard = stream.shards[index_of(parent)];
    EXPECT_TRUE(shard.open) << "closed twice: " << shard.id();
    shard.open = false;
  }
  stream.index_open_shards();
  return stream;
}

// Every shard with a parent is one half of a split or the sum of a merge; a shard has children
// exactly if it is closed.
void expect_single_steps(const Stream& stream) {
  for (const Shard& shard : stream.shards) {
    const auto children = stream.children(shard.index);
    if (shard.open) {
      EXPECT_TRUE(children.empty()) << shard.id();
      continue;
    }
    ASSERT_TRUE(children.size() == 1 || children.size() == 2) << shard.id();
    if (children.size() == 1) {
      const Shard& lower = stream.shards[*children[0]->parent];
      ASSERT_TRUE(children[0]->adjacent_parent) << shard.id();
      const Shard& upper = stream.shards[*children[0]->adjacent_parent];
      EXPECT_TRUE(children[0]->first_hash_key == lower.first_hash_key);
      EXPECT_TRUE(children[0]->last_hash_key == upper.last_hash_key);
      EXPECT_TRUE(lower.last_hash_key + 1 == upper.first_hash_key);
    } else {
      EXPECT_TRUE(children[0]->first_hash_key == shard.first_hash_key);
      EXPECT_TRUE(children[0]->last_hash_key + 1 == children[1]->first_hash_key);
      EXPECT_TRUE(children[1]->last_hash_key == shard.last_hash_key);
    }
  }
}

TEST(PlanEven, MakesEqualRangesByStepsThatConsumersCanFollow) {
  for (uint32_t from : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    for (uint32_t to : {1u, 2u, 3u, 5u, 100u, 1024u}) {
      const Stream before = stream_of(even_ranges(from));
      const Stream after = carry_out(before, plan_even(before, to));
      const auto wanted = even_ranges(to);
      ASSERT_EQ(after.open_by_hash_key.size(), to) << from;
      for (size_t i = 0; i < to; ++i) {
        const Shard& shard = after.shards[after.open_by_hash_key[i]];
        ASSERT_TRUE(shard.first_hash_key == wanted[i].first) << from << " to " << to << " " << i;
        ASSERT_TRUE(shard.last_hash_key == wanted[i].last) << from << " to " << to << " " << i;
      }
      expect_single_steps(after);
    }
  }
}

TEST(PlanEven, DoublesWithoutShardsInBetween) {
  const Stream before = stream_of(even_ranges(4));
  const ReshardPlan plan = plan_even(before, 8);
  EXPECT_EQ(plan.children.size(), 8u);
  EXPECT_THAT(plan.parents, testing::UnorderedElementsAre(0, 1, 2, 3));
}

TEST(PlanEven, LeavesEqualRangesAlone) {
  const ReshardPlan plan = plan_even(stream_of(even_ranges(5)), 5);
  EXPECT_TRUE(plan.parents.empty());
  EXPECT_TRUE(plan.children.empty());
}

TEST(PlanEven, EvensOutUnequalShardsOfTheSameNumber) {
  const Stream before = stream_of({{0, 9}, {10, kMaxHashKey}});
  const Stream after = carry_out(before, plan_even(before, 2));
  EXPECT_TRUE(after.shards[after.open_by_hash_key[1]].first_hash_key == HashKey{1} << 127);
  expect_single_steps(after);
}

}  // namespace
}  // namespace millstream::streams
