#include "streams/scaling.h"

#include <algorithm>

#include "streams/account_settings.h"

namespace millstream::streams {
namespace {

constexpr int32_t kMaxWarmMibps = 10'240;       // AWS: API model UpdateStreamWarmThroughput
constexpr int64_t kMaxShardsOfStream = 10'000;  // AWS: API model UpdateShardCount
constexpr TimeMs kDayMs = TimeMs{24} * 3'600'000;

}  // namespace

Result<> check_provisioned(const Stream& stream) {
  if (stream.mode == StreamMode::kProvisioned) return {};
  return fail(ErrorCode::kValidation,
              "Request is invalid. Stream {} under account {} is in On-Demand mode.",
              stream.key.name, stream.key.account);
}

uint32_t least_on_demand_shards(const Stream& stream, const StreamsSettings& settings) {
  return static_cast<uint32_t>(
      std::max({1, settings.on_demand_shards, stream.warm_throughput_mibps.value_or(0)}));
}

Result<> check_scaling_step(const Stream& stream, int32_t target) {
  const auto open = static_cast<int64_t>(stream.open_by_hash_key.size());
  const auto refuse = [&](std::string_view rule) {
    return fail(ErrorCode::kInvalidArgument,
                "UpdateShardCount cannot scale {}. Current open shard count: {} Target shard "
                "count: {}",
                rule, open, target);
  };
  if (target > 2 * open) return refuse("up over double your current open shard count");
  if (2 * int64_t{target} < open) return refuse("down below half your current open shard count");
  if (target > kMaxShardsOfStream) return refuse("a stream beyond 10000 shards");
  return {};
}

int32_t most_on_demand_streams(const StreamsSettings& settings) {
  if (settings.aws_rules()) return 50;
  return settings.shards_per_account_and_region / std::max(1, settings.on_demand_shards);
}

Result<> check_on_demand_limit(Transaction& transaction, const StreamKey& key,
                               const StreamsSettings& settings) {
  TRY_ASSIGN(const auto rows,
             transaction.query(
                 "SELECT count(*) FROM streams WHERE account = ? AND region = ? AND mode = ?",
                 {key.account, key.region, static_cast<int64_t>(StreamMode::kOnDemand)}));
  const int64_t now = rows[0].integer(0);
  const int32_t most = most_on_demand_streams(settings);
  if (now < most) return {};
  return fail(ErrorCode::kLimitExceeded,
              "This request would exceed the limit on the number of On-Demand streams for the "
              "account {} in {}. Current On-Demand streams count: {}. Limit: {}.",
              key.account, key.region, now, most);
}

Result<> check_shards_fit(int64_t shards, const StreamKey& key, const StreamsSettings& settings) {
  if (shards <= settings.shards_per_account_and_region) return {};
  return fail(ErrorCode::kLimitExceeded,
              "{} shards are more than account {} may have in {}: {}. Ask for less.", shards,
              key.account, key.region, settings.shards_per_account_and_region);
}

Result<> check_warm(int32_t mibps, const StreamKey& key, const StreamsSettings& settings) {
  if (settings.aws_rules() && mibps > kMaxWarmMibps) {
    return fail(ErrorCode::kLimitExceeded,
                "WarmThroughputMiBps {} is more than an on-demand stream can have: {}.", mibps,
                kMaxWarmMibps);
  }
  return check_shards_fit(mibps, key, settings);
}

Result<> check_commitment(Transaction& transaction, const StreamKey& key, TimeMs now_ms) {
  TRY_ASSIGN(const BillingCommitment commitment,
             load_billing_commitment(transaction, key.account, key.region));
  if (commitment.is_on(now_ms)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "WarmThroughputMiBps needs MinimumThroughputBillingCommitment, which is not enabled "
              "for account {} in {}; enable it with UpdateAccountSettings.",
              key.account, key.region);
}

Result<> count_scaling_call(Transaction& transaction, int64_t generation, const ScalingLimit& limit,
                            TimeMs now_ms) {
  const std::string kind(limit.operation);
  TRY(transaction.execute(
      "DELETE FROM stream_scaling_calls WHERE generation = ? AND kind = ? AND called_ms <= ?",
      {generation, kind, now_ms - kDayMs}));
  TRY_ASSIGN(auto rows, transaction.query("SELECT count(*) FROM stream_scaling_calls"
                                          " WHERE generation = ? AND kind = ?",
                                          {generation, kind}));
  if (rows[0].integer(0) >= limit.calls_in_24_hours) {
    return fail(ErrorCode::kLimitExceeded,
                "{} was called {} times for this stream in the last 24 hours, the most that is "
                "allowed; try again later.",
                limit.operation, rows[0].integer(0));
  }
  TRY(transaction.execute(
      "INSERT INTO stream_scaling_calls (generation, kind, called_ms) VALUES (?, ?, ?)",
      {generation, kind, now_ms}));
  return {};
}

}  // namespace millstream::streams
