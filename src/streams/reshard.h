// How shards share the hash keys: what a new stream, a split and a merge make of the ranges.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "streams/catalog.h"

namespace millstream::streams {

struct HashKeyRange {
  HashKey first = 0;  // inclusive
  HashKey last = 0;   // inclusive
  friend bool operator==(const HashKeyRange&, const HashKeyRange&) = default;
};

// `count` ranges of equal size over all hash keys; the last takes the remainder.
std::vector<HashKeyRange> even_ranges(uint32_t count);

// As a parent, `kNewShards + i` means children[i] of the same plan: a shard that lives for no
// record, between two steps. Indices of shards stay below 2^31 (shard_named()).
inline constexpr uint32_t kNewShards = uint32_t{1} << 31;

// The parents of one child: one after a split, two after a merge. They come before it.
struct NewShard {
  HashKeyRange range;
  uint32_t parent = 0;
  std::optional<uint32_t> adjacent_parent;
};

// Closes `parents` (indices) and opens those `children` that are no parents themselves; the
// open shards cover the same hash keys before and after. Neither: the shards stay as they are.
struct ReshardPlan {
  std::vector<uint32_t> parents;
  std::vector<NewShard> children;
};

// The shard that a client means by `id`: "shardId-000000000007", "shardId-7" and "7" are the
// same to AWS. kNotFound with AWS's text.
Result<const Shard*> shard_named(const Stream& stream, std::string_view id);

// Errors: kNotFound (no such shard), kInvalidArgument (closed already, or the new key is not
// inside the shard), with AWS's texts.
Result<ReshardPlan> plan_split(const Stream& stream, std::string_view shard_id,
                               std::string_view new_starting_hash_key);
// Errors: kNotFound, kInvalidArgument (one is closed already, or they are not adjacent). The
// order of both does not matter.
Result<ReshardPlan> plan_merge(const Stream& stream, std::string_view shard_id,
                               std::string_view adjacent_shard_id);

// Makes the open shards even_ranges(count): splits where a new range begins inside a shard, then
// merges what lies inside one new range, two shards a step, so that every shard of the result
// descends from the present ones by single splits and merges. A shard that fits already stays.
ReshardPlan plan_even(const Stream& stream, uint32_t count);

}  // namespace millstream::streams
