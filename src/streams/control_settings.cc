// Settings of an account, and which shard-level metrics a stream has.
#include <algorithm>

#include "streams/account_settings.h"
#include "streams/control_plane.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;
using CommitmentStatus = kinesis::MinimumThroughputBillingCommitmentOutputStatus;
using Metrics = std::vector<std::string>;

// AWS: API model MetricsName, without ALL; in this order they are shown.
const Metrics& all_metrics() {
  using Name = kinesis::MetricsName;
  static const Metrics all{Name::kIncomingBytes,
                           Name::kIncomingRecords,
                           Name::kOutgoingBytes,
                           Name::kOutgoingRecords,
                           Name::kWriteProvisionedThroughputExceeded,
                           Name::kReadProvisionedThroughputExceeded,
                           Name::kIteratorAgeMilliseconds};
  return all;
}

bool names(const Metrics& metrics, std::string_view metric) {
  return std::ranges::find(metrics, metric) != metrics.end();
}

kinesis::MinimumThroughputBillingCommitmentOutput wire_commitment(
    const BillingCommitment& commitment, TimeMs now) {
  kinesis::MinimumThroughputBillingCommitmentOutput out;
  if (!commitment.is_on(now)) {
    out.status = CommitmentStatus::kDisabled;
  } else if (commitment.ends_ms == 0) {
    out.status = CommitmentStatus::kEnabled;
  } else {
    out.status = CommitmentStatus::kEnabledUntilEarliestAllowedEnd;
  }
  if (commitment.started_ms == 0) return out;
  out.started_at = wire::Timestamp{commitment.started_ms};
  if (commitment.is_on(now)) {
    out.earliest_allowed_end_at = wire::Timestamp{commitment.earliest_end_ms()};
  } else {
    out.ended_at = wire::Timestamp{commitment.ends_ms};
  }
  return out;
}

}  // namespace

awaitable<Result<kinesis::DescribeAccountSettingsOutput>> ControlPlane::describe_account_settings(
    const Context& context, kinesis::DescribeAccountSettingsInput) {
  BillingCommitment commitment;
  CO_TRY(co_await catalog_.store().read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(commitment, load_billing_commitment(transaction, context.account, context.region));
    return {};
  }));
  kinesis::DescribeAccountSettingsOutput out;
  out.minimum_throughput_billing_commitment = wire_commitment(commitment, clock_.now_ms());
  co_return out;
}

awaitable<Result<kinesis::UpdateAccountSettingsOutput>> ControlPlane::update_account_settings(
    const Context& context, kinesis::UpdateAccountSettingsInput in) {
  const bool enable = in.minimum_throughput_billing_commitment.status ==
                      kinesis::MinimumThroughputBillingCommitmentInputStatus::kEnabled;
  const TimeMs now = clock_.now_ms();
  BillingCommitment commitment;
  CO_TRY(co_await catalog_.store().write([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(commitment, load_billing_commitment(transaction, context.account, context.region));
    if (enable) {
      commitment.enable(now);
    } else {
      commitment.disable(now);
    }
    return store_billing_commitment(transaction, context.account, context.region, commitment);
  }));
  kinesis::UpdateAccountSettingsOutput out;
  out.minimum_throughput_billing_commitment = wire_commitment(commitment, now);
  co_return out;
}

awaitable<Result<kinesis::EnhancedMonitoringOutput>> ControlPlane::change_monitoring(
    StreamKey key, Metrics metrics, bool enable) {
  if (names(metrics, kinesis::MetricsName::kAll)) metrics = all_metrics();
  kinesis::EnhancedMonitoringOutput out;
  out.stream_name = key.name;
  out.stream_arn = key.arn();
  const auto change = [&](Stream& stream) -> Result<> {
    TRY(check_active(stream));
    Metrics desired;
    for (const std::string& metric : all_metrics()) {
      const bool kept =
          names(stream.shard_level_metrics, metric) && (enable || !names(metrics, metric));
      if (kept || (enable && names(metrics, metric))) desired.push_back(metric);
    }
    out.current_shard_level_metrics = stream.shard_level_metrics;
    out.desired_shard_level_metrics = desired;
    stream.shard_level_metrics = std::move(desired);
    return {};
  };
  CO_TRY(co_await catalog_.edit(std::move(key), change));
  co_return out;
}

awaitable<Result<kinesis::EnhancedMonitoringOutput>> ControlPlane::enable_enhanced_monitoring(
    const Context& context, kinesis::EnableEnhancedMonitoringInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await change_monitoring(std::move(key), std::move(in.shard_level_metrics), true);
}

awaitable<Result<kinesis::EnhancedMonitoringOutput>> ControlPlane::disable_enhanced_monitoring(
    const Context& context, kinesis::DisableEnhancedMonitoringInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await change_monitoring(std::move(key), std::move(in.shard_level_metrics), false);
}

}  // namespace millstream::streams
