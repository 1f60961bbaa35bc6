#include "streams/reshard.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "streams/hash_key.h"

namespace millstream::streams {
namespace {

std::unexpected<Error> shard_not_found(const Stream& stream, std::string_view spelled_id) {
  return fail(ErrorCode::kNotFound, "Could not find shard {} in stream {} under account {}.",
              spelled_id, stream.key.name, stream.key.account);
}

Result<> check_open(const Stream& stream, const Shard& shard) {
  if (shard.open) return {};
  return fail(ErrorCode::kInvalidArgument,
              "Shard {} in stream {} under account {} is closed and can't be split or merged; "
              "ListShards shows the open ones.",
              shard.id(), stream.key.name, stream.key.account);
}

}  // namespace

std::vector<HashKeyRange> even_ranges(uint32_t count) {
  MS_ASSERT(count > 0);
  // floor(2^128 / count), without a 129-bit number.
  const HashKey size = count == 1 ? 0 : (kMaxHashKey - count + 1) / count + 1;
  std::vector<HashKeyRange> ranges;
  ranges.reserve(count);
  for (uint32_t i = 0; i < count; ++i) ranges.push_back({size * i, size * (i + 1) - 1});
  ranges.back().last = kMaxHashKey;
  return ranges;
}

Result<const Shard*> shard_named(const Stream& stream, std::string_view id) {
  const size_t dash = id.find('-');
  std::string_view digits = dash == std::string_view::npos ? id : id.substr(dash + 1);
  digits = digits.substr(0, digits.find('-'));
  if (digits.empty()) digits = id;
  const auto index = parse_integer<int64_t>(digits);
  if (!index || *index < 0 || *index > std::numeric_limits<int32_t>::max() || digits[0] == '-') {
    return shard_not_found(stream, id);
  }
  const auto found =
      std::ranges::lower_bound(stream.shards, static_cast<uint64_t>(*index), {}, &Shard::index);
  if (found == stream.shards.end() || found->index != *index) {
    return shard_not_found(stream, fmt::format("shardId-{:012}", *index));
  }
  return &*found;
}

Result<ReshardPlan> plan_split(const Stream& stream, std::string_view shard_id,
                               std::string_view new_starting_hash_key) {
  TRY_ASSIGN(const Shard* shard, shard_named(stream, shard_id));
  TRY(check_open(stream, *shard));
  const auto key = parse_hash_key(new_starting_hash_key);
  // Not at the edges: no half may consist of a single key.
  if (!key || shard->last_hash_key - shard->first_hash_key < 2 ||
      *key <= shard->first_hash_key + 1 || *key >= shard->last_hash_key) {
    return fail(ErrorCode::kInvalidArgument,
                "NewStartingHashKey {} used in SplitShard() on shard {} in stream {} under account "
                "{} is not both greater than one plus the shard's StartingHashKey {} and less than "
                "the shard's EndingHashKey {}.",
                new_starting_hash_key, shard->id(), stream.key.name, stream.key.account,
                format_hash_key(shard->first_hash_key), format_hash_key(shard->last_hash_key));
  }
  ReshardPlan plan;
  plan.parents = {shard->index};
  plan.children = {{{shard->first_hash_key, *key - 1}, shard->index, std::nullopt},
                   {{*key, shard->last_hash_key}, shard->index, std::nullopt}};
  return plan;
}

Result<ReshardPlan> plan_merge(const Stream& stream, std::string_view shard_id,
                               std::string_view adjacent_shard_id) {
  TRY_ASSIGN(const Shard* shard, shard_named(stream, shard_id));
  TRY_ASSIGN(const Shard* adjacent, shard_named(stream, adjacent_shard_id));
  TRY(check_open(stream, *shard));
  TRY(check_open(stream, *adjacent));
  const Shard* lower = shard->first_hash_key <= adjacent->first_hash_key ? shard : adjacent;
  const Shard* upper = lower == shard ? adjacent : shard;
  if (lower == upper || lower->last_hash_key + 1 != upper->first_hash_key) {
    return fail(ErrorCode::kInvalidArgument,
                "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards "
                "eligible for merging",
                shard->id(), adjacent->id(), stream.key.name, stream.key.account);
  }
  ReshardPlan plan;
  plan.parents = {shard->index, adjacent->index};
  plan.children = {{{lower->first_hash_key, upper->last_hash_key}, shard->index, adjacent->index}};
  return plan;
}

}  // namespace millstream::streams
