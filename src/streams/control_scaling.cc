// How much a stream takes: UpdateShardCount, UpdateStreamMode, UpdateStreamWarmThroughput.
#include <algorithm>

#include "streams/control_plane.h"
#include "streams/listing.h"
#include "streams/scaling.h"
#include "streams/schema.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

// Up to what the stream has been warmed for, never down: shards that are not needed are merged
// when they have been idle.
ReshardPlan plan_at_least(const Stream& stream, uint32_t shards) {
  if (stream.open_by_hash_key.size() >= shards) return {};
  return plan_even(stream, shards);
}

}  // namespace

awaitable<Result<kinesis::UpdateShardCountOutput>> ControlPlane::update_shard_count(
    const Context& context, kinesis::UpdateShardCountInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  const int32_t target = in.target_shard_count;
  size_t before = 0;
  const auto plan = [&](const Stream& stream) -> Result<ReshardPlan> {
    TRY(check_provisioned(stream));
    if (settings_.aws_rules()) TRY(check_scaling_step(stream, target));
    TRY(check_shards_fit(target, key, settings_));
    before = stream.open_by_hash_key.size();
    return plan_even(stream, static_cast<uint32_t>(target));
  };
  const auto count = [&](Transaction& transaction, const Stream& stream) -> Result<> {
    if (!settings_.aws_rules()) return {};
    return count_scaling_call(transaction, stream.generation, kShardCountLimit, clock_.now_ms());
  };
  CO_TRY(co_await catalog_.reshard(key, plan, count));
  kinesis::UpdateShardCountOutput out;
  out.stream_name = key.name;
  out.stream_arn = key.arn();
  out.current_shard_count = static_cast<int32_t>(before);
  out.target_shard_count = target;
  co_return out;
}

awaitable<Result<>> ControlPlane::update_stream_mode(const Context& context,
                                                     kinesis::UpdateStreamModeInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, std::nullopt, in.stream_arn));
  const bool on_demand = in.stream_mode_details.stream_mode == kinesis::StreamMode::kOnDemand;
  const auto warm = in.warm_throughput_mibps;
  if (warm && !on_demand) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "WarmThroughputMiBps is not expected when StreamMode=PROVISIONED");
  }
  if (warm) CO_TRY(check_warm(*warm, key, settings_));
  const auto changed = [on_demand, warm](Stream stream) {
    stream.mode = on_demand ? StreamMode::kOnDemand : StreamMode::kProvisioned;
    stream.warm_throughput_mibps = warm;
    return stream;
  };
  const auto plan = [&](const Stream& stream) -> Result<ReshardPlan> {
    if (!on_demand) return ReshardPlan{};
    return plan_at_least(stream, least_on_demand_shards(changed(stream), settings_));
  };
  const auto change = [&](Transaction& transaction, const Stream& stream) -> Result<> {
    if (on_demand && stream.mode != StreamMode::kOnDemand) {
      TRY(check_on_demand_limit(transaction, key, settings_));
    }
    if (settings_.aws_rules()) {
      const TimeMs now = clock_.now_ms();
      if (warm) TRY(check_commitment(transaction, stream.key, now));
      TRY(count_scaling_call(transaction, stream.generation, kModeLimit, now));
    }
    return update_settings(transaction, changed(stream));
  };
  co_return co_await catalog_.reshard(key, plan, change);
}

awaitable<Result<kinesis::UpdateStreamWarmThroughputOutput>>
ControlPlane::update_stream_warm_throughput(const Context& context,
                                            kinesis::UpdateStreamWarmThroughputInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  const int32_t warm = in.warm_throughput_mibps;
  CO_TRY(check_warm(warm, key, settings_));
  const auto changed = [warm](Stream stream) {
    stream.warm_throughput_mibps = warm;
    return stream;
  };
  const auto plan = [&](const Stream& stream) -> Result<ReshardPlan> {
    if (stream.mode != StreamMode::kOnDemand) {
      return fail(ErrorCode::kInvalidArgument,
                  "WarmThroughputMiBps is only valid for on-demand streams; the StreamMode of "
                  "stream {} under account {} is PROVISIONED.",
                  stream.key.name, stream.key.account);
    }
    return plan_at_least(stream, least_on_demand_shards(changed(stream), settings_));
  };
  const auto change = [&](Transaction& transaction, const Stream& stream) -> Result<> {
    if (settings_.aws_rules()) TRY(check_commitment(transaction, stream.key, clock_.now_ms()));
    return update_settings(transaction, changed(stream));
  };
  CO_TRY(co_await catalog_.reshard(key, plan, change));
  kinesis::UpdateStreamWarmThroughputOutput out;
  out.stream_name = key.name;
  out.stream_arn = key.arn();
  const auto stream = catalog_.find(key);
  if (stream) out.warm_throughput = wire_warm_throughput(*stream);
  co_return out;
}

}  // namespace millstream::streams
