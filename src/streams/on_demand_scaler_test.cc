#include "streams/on_demand_scaler.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::streams {
namespace {

using std::chrono::seconds;

// A stream whose shards take what `load` says of a hash key's share, in steps of a second.
class Simulation {
 public:
  explicit Simulation(uint32_t shards, OnDemandRules rules = {}) : scaler_(rules) {
    for (const HashKeyRange& range : even_ranges(shards)) add(range, std::nullopt);
  }

  // Bytes a second for a range of hash keys.
  using Load = std::function<double(const HashKeyRange&)>;

  void run(int for_seconds, const Load& load, uint32_t least = 1) {
    for (int i = 0; i < for_seconds; ++i) {
      now_ += seconds(1);
      for (ShardLoad& shard : open_) shard.bytes += static_cast<uint64_t>(load(shard.range));
      const ReshardPlan plan = scaler_.look(now_, open_, least);
      carry_out(plan);
    }
  }
  size_t open() const { return open_.size(); }
  int reshards() const { return reshards_; }
  int hot_keys() const {
    return static_cast<int>(std::ranges::count_if(
        open_, [this](const ShardLoad& shard) { return scaler_.is_hot_key(shard.index); }));
  }

 private:
  void add(HashKeyRange range, std::optional<uint32_t> parent) {
    open_.push_back({.index = next_++, .range = range, .parent = parent});
  }
  void carry_out(const ReshardPlan& plan) {
    if (plan.parents.empty()) return;
    ++reshards_;
    std::erase_if(open_, [&](const ShardLoad& shard) {
      return std::ranges::find(plan.parents, shard.index) != plan.parents.end();
    });
    for (const NewShard& child : plan.children) {
      add(child.range, child.adjacent_parent ? std::nullopt : std::optional(child.parent));
    }
    std::ranges::sort(open_, {}, [](const ShardLoad& shard) { return shard.range.first; });
    for (size_t i = 1; i < open_.size(); ++i) {
      ASSERT_TRUE(open_[i].range.first == open_[i - 1].range.last + 1);
    }
  }

  OnDemandScaler scaler_;
  std::chrono::nanoseconds now_{seconds(1000)};
  std::vector<ShardLoad> open_;
  uint32_t next_ = 0;
  int reshards_ = 0;
};

// `total` bytes a second over all hash keys.
Simulation::Load spread(double total) {
  return [total](const HashKeyRange& range) {
    return total * (static_cast<double>(range.last - range.first) / 0x1p128);
  };
}
// All of one partition key.
Simulation::Load one_key(double total) {
  return [total](const HashKeyRange& range) {
    constexpr HashKey kKey = (HashKey{1} << 127) + 12'345;
    return range.first <= kKey && kKey <= range.last ? total : 0.0;
  };
}

TEST(OnDemandScaler, SplitsUntilNoShardTakesMoreThanHalfOfItsThroughput) {
  Simulation stream(4);
  stream.run(200, spread(10 << 20));
  EXPECT_EQ(stream.open(), 32u);  // 10 MiB/s over 16 would be 640 KiB/s each
}

TEST(OnDemandScaler, SplitsForManySmallRecordsToo) {
  OnDemandScaler scaler({});
  ShardLoad shard{.range = even_ranges(1)[0]};
  ReshardPlan plan;
  for (int second = 0; second < 30 && plan.parents.empty(); ++second) {
    shard.records += 2000;
    shard.bytes += 2000;
    plan = scaler.look(seconds(second), {&shard, 1}, 1);
  }
  EXPECT_EQ(plan.children.size(), 2u);
}

TEST(OnDemandScaler, DoesNotSplitForABurst) {
  Simulation stream(4);
  for (int i = 0; i < 20; ++i) {
    stream.run(5, spread(10 << 20));
    stream.run(60, spread(0));
  }
  EXPECT_EQ(stream.open(), 4u);
}

TEST(OnDemandScaler, LeavesALoadAloneThatItsShardsCanTake) {
  Simulation stream(4);
  stream.run(3 * 3600, spread(1'900 << 10));
  EXPECT_EQ(stream.open(), 4u);
  EXPECT_EQ(stream.reshards(), 0);
}

TEST(OnDemandScaler, StopsAtTheMostShards) {
  Simulation stream(4, {.most_shards = 10});
  stream.run(1000, spread(100 << 20));
  EXPECT_EQ(stream.open(), 10u);
}

TEST(OnDemandScaler, MergesWhatIsIdleForLongDownToTheLeast) {
  Simulation stream(4);
  stream.run(200, spread(10 << 20), 4);
  ASSERT_EQ(stream.open(), 32u);
  stream.run(3500, spread(0), 4);
  EXPECT_EQ(stream.open(), 32u);
  stream.run(5 * 3600, spread(0), 4);
  EXPECT_EQ(stream.open(), 4u);
}

TEST(OnDemandScaler, NeitherSplitsNorMergesASteadyLoadForEver) {
  Simulation stream(1);
  stream.run(200, spread(3 << 20));
  const int reshards = stream.reshards();
  stream.run(10 * 3600, spread(3 << 20));
  EXPECT_EQ(stream.reshards(), reshards);
}

TEST(OnDemandScaler, GivesUpSplittingForOnePartitionKey) {
  Simulation stream(1);
  stream.run(1800, one_key(5 << 20));
  EXPECT_EQ(stream.reshards(), OnDemandScaler::kOneSidedSplits);
  EXPECT_EQ(stream.hot_keys(), 1);
}

TEST(OnDemandScaler, SplitsAgainWhenTheLoadOfAHotKeyHasFallenAndOthersCome) {
  Simulation stream(1);
  stream.run(1800, one_key(5 << 20));
  stream.run(100, spread(0));
  EXPECT_EQ(stream.hot_keys(), 0);
  const size_t before = stream.open();
  stream.run(200, spread(10 << 20));
  EXPECT_GT(stream.open(), before);
}

TEST(OnDemandScaler, SplitsForAHotHalfOfTheHashKeys) {
  Simulation stream(1);
  const auto upper_half = [](const HashKeyRange& range) {
    const HashKey middle = HashKey{1} << 127;
    if (range.last < middle) return 0.0;
    const HashKey first = std::max(range.first, middle);
    return (8 << 20) * (static_cast<double>(range.last - first) / 0x1p127);
  };
  stream.run(400, upper_half);
  EXPECT_GE(stream.open(), 16u);
  EXPECT_EQ(stream.hot_keys(), 0);
}

}  // namespace
}  // namespace millstream::streams
