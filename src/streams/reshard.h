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

// The parents of one child: one after a split, two after a merge.
struct NewShard {
  HashKeyRange range;
  uint32_t parent = 0;
  std::optional<uint32_t> adjacent_parent;
};

// Closes `parents` (indices) and opens `children`; both cover the same hash keys.
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

}  // namespace millstream::streams
