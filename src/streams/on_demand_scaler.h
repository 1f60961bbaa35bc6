// When the shards of an on-demand stream are split and merged. No clock, no waiting: what it is
// told is all it knows.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "streams/catalog.h"
#include "streams/reshard.h"

namespace millstream::streams {

// AWS keeps an on-demand stream ready for double its highest write rate: a shard is split when it
// takes more than half of what a shard takes there (1 MiB/s, 1,000 records/s). Here the hardware
// is the user's, and so are the figures.
struct OnDemandRules {
  double split_bytes_per_s = 512 << 10;
  double split_records_per_s = 512;
  std::chrono::nanoseconds split_after = std::chrono::seconds(10);  // so long above
  std::chrono::nanoseconds merge_after = std::chrono::hours(1);     // so long below, two together
  uint32_t most_shards = 200;  // AWS: 200 MiB/s in at most unless a quota was raised
};

// An open shard at one moment.
struct ShardLoad {
  uint32_t index = 0;
  HashKeyRange range;
  std::optional<uint32_t> parent;  // of a split; not of a merge
  uint64_t bytes = 0;              // written since counting began; never fall
  uint64_t records = 0;
};

// Of one stream. Threads: one at a time.
class OnDemandScaler {
 public:
  explicit OnDemandScaler(const OnDemandRules& rules) : rules_(rules) {}

  // What is to be done now; empty: nothing. `loads` are all open shards by hash key; at least
  // `least` of them stay. Splits in the middle of the hash keys, several shards at once. Call it
  // about once a second, with a monotonic `now`; who does not carry the plan out is told again.
  ReshardPlan look(std::chrono::nanoseconds now, std::span<const ShardLoad> loads, uint32_t least);

  // A split does not help a shard whose load is that of one partition key: after so many in a row
  // that left more than nine tenths on one side, it is left alone until the load falls.
  static constexpr int kOneSidedSplits = 3;
  bool is_hot_key(uint32_t index) const;

 private:
  struct Watched {
    uint64_t bytes = 0;
    uint64_t records = 0;
    double bytes_per_s = 0;  // smoothed
    double records_per_s = 0;
    std::optional<std::chrono::nanoseconds> hot_since;
    std::optional<std::chrono::nanoseconds> idle_since;  // with its upper neighbour
    uint32_t idle_with = 0;                              // the neighbour
    std::optional<int> one_sided;  // splits before it; known once it was hot long enough
  };
  // 1: as much as splits a shard.
  double heat(const Watched& shard) const;
  void measure(std::chrono::nanoseconds now, std::span<const ShardLoad> loads);
  void split_hot(std::chrono::nanoseconds now, std::span<const ShardLoad> loads, ReshardPlan& plan);
  void merge_idle(std::chrono::nanoseconds now, std::span<const ShardLoad> loads, uint32_t least,
                  ReshardPlan& plan);
  int one_sided_splits(const ShardLoad& load, std::span<const ShardLoad> loads) const;

  OnDemandRules rules_;
  std::optional<std::chrono::nanoseconds> last_look_;
  std::map<uint32_t, Watched> shards_;     // open ones
  std::map<uint32_t, int> split_parents_;  // one-sided splits up to this one; of open children
};

}  // namespace millstream::streams
