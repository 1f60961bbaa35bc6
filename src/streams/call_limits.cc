#include "streams/call_limits.h"

#include <algorithm>

namespace millstream::streams {
namespace {

using enum CallRate::Of;

constexpr CallRate kRates[] = {
    {"AddTagsToStream", kAccount, 5},
    {"CreateStream", kAccount, 5},
    {"DecreaseStreamRetentionPeriod", kAccount, 5},
    {"DeleteStream", kAccount, 5},
    {"DeregisterStreamConsumer", kStream, 5},
    {"DescribeAccountSettings", kAccount, 5},
    {"DescribeLimits", kAccount, 1},
    {"DescribeStream", kAccount, 10},
    {"DescribeStreamConsumer", kStream, 20},
    {"DescribeStreamSummary", kAccount, 20},
    {"DisableEnhancedMonitoring", kAccount, 5},
    {"EnableEnhancedMonitoring", kAccount, 5},
    {"IncreaseStreamRetentionPeriod", kAccount, 5},
    {"ListShards", kStream, 1000},
    {"ListStreamConsumers", kStream, 5},
    {"ListStreams", kAccount, 5},
    {"ListTagsForStream", kAccount, 5},
    {"MergeShards", kAccount, 5},
    {"RegisterStreamConsumer", kAccount, 5},
    {"RemoveTagsFromStream", kAccount, 5},
    {"SplitShard", kAccount, 5},
    {"UpdateAccountSettings", kAccount, 5},
    {"UpdateShardCount", kAccount, 10},
    {"UpdateStreamWarmThroughput", kAccount, 5},
};
static_assert(std::ranges::is_sorted(kRates, {}, &CallRate::operation));

}  // namespace

std::span<const CallRate> aws_call_rates() { return kRates; }

Result<> CallLimiter::take(std::string_view operation, std::string_view account,
                           std::string_view region, const std::optional<StreamKey>& stream) {
  const auto rate = std::ranges::lower_bound(kRates, operation, {}, &CallRate::operation);
  if (rate == std::end(kRates) || rate->operation != operation) return {};
  if (rate->of == kStream && !stream) return {};  // names none: refused for that
  const std::string key = rate->of == kStream ? fmt::format("{}/{}", operation, stream->arn())
                                              : fmt::format("{}/{}/{}", operation, account, region);
  const std::chrono::nanoseconds now = clock_.monotonic();
  std::lock_guard lock(mutex_);
  if (entries_.size() >= drop_at_) {
    std::erase_if(entries_, [now](const auto& known) {
      return known.second.bucket.is_full_at(now, known.second.calls_per_s);
    });
    drop_at_ = std::max(size_t{1024}, entries_.size() * 2);
  }
  Entry& entry = entries_[key];
  entry.calls_per_s = rate->calls_per_s;
  entry.bucket.fill(now, rate->calls_per_s);
  if (entry.bucket.has(1)) {
    entry.bucket.take(1);
    return {};
  }
  if (stream) {
    return fail(ErrorCode::kLimitExceeded, "Rate exceeded for stream {} under account {}.",
                stream->name, stream->account);
  }
  return fail(ErrorCode::kLimitExceeded, "Rate exceeded for account {}.", account);
}

}  // namespace millstream::streams
