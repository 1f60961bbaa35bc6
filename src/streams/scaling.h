// AWS's rules about scaling a stream: which mode allows what, how far and how often.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"
#include "streams/service.h"

namespace millstream::streams {

// Only provisioned streams are resharded by their owner. kValidation.
Result<> check_provisioned(const Stream& stream);

// A shard for each MiB/s that the stream was warmed for, at least those of every on-demand stream.
uint32_t least_on_demand_shards(const Stream& stream, const StreamsSettings& settings);

// UpdateShardCount: at most double, at least half the open shards, at most 10,000.
// AWS limits: API model UpdateShardCount. kInvalidArgument.
Result<> check_scaling_step(const Stream& stream, int32_t target);

// How many on-demand streams an account may have in a region. AWS's default quota: developer guide,
// "Quotas and limits"; without its rules, as many as fit into the limit of shards.
int32_t most_on_demand_streams(const StreamsSettings& settings);
// Whether there may be one more. kLimitExceeded with AWS's text.
Result<> check_on_demand_limit(Transaction& transaction, const StreamKey& key,
                               const StreamsSettings& settings);

// Before anything is made for each shard. kLimitExceeded.
Result<> check_shards_fit(int64_t shards, const StreamKey& key, const StreamsSettings& settings);
// As many shards; and no more than AWS allows, with its rules. kLimitExceeded.
Result<> check_warm(int32_t mibps, const StreamKey& key, const StreamsSettings& settings);
// Warm throughput is for accounts that have committed themselves. kInvalidArgument.
Result<> check_commitment(Transaction& transaction, const StreamKey& key, TimeMs now_ms);

struct ScalingLimit {
  std::string_view operation;
  int64_t calls_in_24_hours = 0;
};
inline constexpr ScalingLimit kShardCountLimit{"UpdateShardCount", 10};  // AWS: API model
inline constexpr ScalingLimit kModeLimit{"UpdateStreamMode", 2};         // AWS: developer guide
// AWS: API model of both.
inline constexpr ScalingLimit kStartEncryptionLimit{"StartStreamEncryption", 25};
inline constexpr ScalingLimit kStopEncryptionLimit{"StopStreamEncryption", 25};

// Counts a call of the stream's last 24 hours. kLimitExceeded, and nothing is counted, if there
// were as many as the limit allows. Older calls are forgotten, so that what is stored is bounded.
Result<> count_scaling_call(Transaction& transaction, int64_t generation, const ScalingLimit& limit,
                            TimeMs now_ms);

}  // namespace millstream::streams
