#include "streams/reshard.h"

#include <algorithm>
#include <limits>
#include <span>

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

// A shard on its way through the steps of a plan.
struct Piece {
  uint32_t index = 0;  // of the stream, or kNewShards + position in the plan
  HashKeyRange range;
};

// A child of `parents` over `range`, which closes them.
Piece add_child(ReshardPlan& plan, HashKeyRange range, uint32_t parent,
                std::optional<uint32_t> adjacent) {
  plan.children.push_back({range, parent, adjacent});
  return {kNewShards + static_cast<uint32_t>(plan.children.size()) - 1, range};
}

// Splits `whole` before each of `cuts` (ascending, all inside): in the middle first, so that the
// steps are few.
void split_piece(ReshardPlan& plan, const Piece& whole, std::span<const HashKey> cuts,
                 std::vector<Piece>& pieces) {
  if (cuts.empty()) {
    pieces.push_back(whole);
    return;
  }
  const size_t middle = cuts.size() / 2;
  plan.parents.push_back(whole.index);
  const Piece low =
      add_child(plan, {whole.range.first, cuts[middle] - 1}, whole.index, std::nullopt);
  const Piece high = add_child(plan, {cuts[middle], whole.range.last}, whole.index, std::nullopt);
  split_piece(plan, low, cuts.first(middle), pieces);
  split_piece(plan, high, cuts.subspan(middle + 1), pieces);
}

// Neighbours, until one is left.
void merge_pieces(ReshardPlan& plan, std::vector<Piece> pieces) {
  while (pieces.size() > 1) {
    std::vector<Piece> merged;
    for (size_t i = 0; i + 1 < pieces.size(); i += 2) {
      plan.parents.push_back(pieces[i].index);
      plan.parents.push_back(pieces[i + 1].index);
      merged.push_back(add_child(plan, {pieces[i].range.first, pieces[i + 1].range.last},
                                 pieces[i].index, pieces[i + 1].index));
    }
    if (pieces.size() % 2 == 1) merged.push_back(pieces.back());
    pieces = std::move(merged);
  }
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

ReshardPlan plan_even(const Stream& stream, uint32_t count) {
  const std::vector<HashKeyRange> wanted = even_ranges(count);
  std::vector<HashKey> cuts;
  for (const HashKeyRange& range : wanted) cuts.push_back(range.first);
  ReshardPlan plan;
  std::vector<Piece> pieces;
  for (const uint32_t position : stream.open_by_hash_key) {
    const Shard& shard = stream.shards[position];
    const auto begin = std::ranges::upper_bound(cuts, shard.first_hash_key);
    const auto end = std::ranges::upper_bound(cuts, shard.last_hash_key);
    split_piece(plan, {shard.index, {shard.first_hash_key, shard.last_hash_key}},
                std::span(begin, end), pieces);
  }
  auto next = pieces.begin();
  for (const HashKeyRange& range : wanted) {
    const auto begin = next;
    while (next != pieces.end() && next->range.last <= range.last) ++next;
    merge_pieces(plan, {begin, next});
  }
  return plan;
}

}  // namespace millstream::streams
