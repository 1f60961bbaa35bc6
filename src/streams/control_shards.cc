// Shards: list, split, merge.
#include "streams/control_plane.h"
#include "streams/listing.h"
#include "streams/scaling.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

constexpr int32_t kDefaultPage = 1000;  // AWS: API model ListShards MaxResults

Result<> check_members(const kinesis::ListShardsInput& in) {
  const bool has_stream = in.stream_name || in.stream_arn;
  if (!in.next_token) {
    if (has_stream) return {};
    return fail(ErrorCode::kInvalidArgument, "Either NextToken or StreamName should be provided.");
  }
  const std::pair<std::string_view, bool> others[] = {
      {"StreamName", in.stream_name.has_value()},
      {"StreamARN", in.stream_arn.has_value()},
      {"ExclusiveStartShardId", in.exclusive_start_shard_id.has_value()},
      {"StreamCreationTimestamp", in.stream_creation_timestamp.has_value()},
      {"ShardFilter", in.shard_filter.has_value()},
  };
  for (const auto& [member, given] : others) {
    if (!given) continue;
    return fail(ErrorCode::kInvalidArgument, "NextToken and {} cannot be provided together.",
                member);
  }
  return {};
}

}  // namespace

awaitable<Result<kinesis::ListShardsOutput>> ControlPlane::list_shards(
    const Context& context, kinesis::ListShardsInput in) {
  CO_TRY(check_members(in));
  const TimeMs now = clock_.now_ms();
  ShardPageToken place;
  if (in.next_token) {
    CO_TRY_ASSIGN(place,
                  open_shard_page(settings_.token_key, context.account, *in.next_token, now));
  } else {
    CO_TRY_ASSIGN(place.stream, key_of(context, in.stream_name, in.stream_arn));
    if (in.shard_filter) {
      CO_TRY_ASSIGN(place.filter, shard_filter(*in.shard_filter));
    }
    if (in.exclusive_start_shard_id && *in.exclusive_start_shard_id > place.filter.after) {
      place.filter.after = *in.exclusive_start_shard_id;
    }
  }
  CO_TRY_ASSIGN(const auto stream, stream_of(place.stream));
  // Another stream of the same name, made since.
  if (in.next_token && stream->generation != place.generation) {
    co_return no_such_stream(place.stream);
  }
  if (in.stream_creation_timestamp &&
      in.stream_creation_timestamp->ms / 1000 != stream->created_ms / 1000) {
    co_return no_such_stream(place.stream);
  }
  const auto limit = static_cast<size_t>(in.max_results.value_or(kDefaultPage));
  const ShardPage page = streams::list_shards(*stream, place.filter, limit, now);
  kinesis::ListShardsOutput out;
  out.shards.emplace();
  for (const Shard* shard : page.shards) out.shards->push_back(wire_shard(*shard));
  if (page.more) {
    place.generation = stream->generation;
    place.issued_ms = now;
    place.filter.after = page.shards.back()->id();
    out.next_token = seal_shard_page(settings_.token_key, context.account, place);
  }
  co_return out;
}

awaitable<Result<>> ControlPlane::split_shard(const Context& context, kinesis::SplitShardInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  const auto plan = [&in](const Stream& stream) -> Result<ReshardPlan> {
    TRY(check_provisioned(stream));
    return plan_split(stream, in.shard_to_split, in.new_starting_hash_key);
  };
  co_return co_await catalog_.reshard(std::move(key), plan);
}

awaitable<Result<>> ControlPlane::merge_shards(const Context& context,
                                               kinesis::MergeShardsInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  const auto plan = [&in](const Stream& stream) -> Result<ReshardPlan> {
    TRY(check_provisioned(stream));
    return plan_merge(stream, in.shard_to_merge, in.adjacent_shard_to_merge);
  };
  co_return co_await catalog_.reshard(std::move(key), plan);
}

}  // namespace millstream::streams
