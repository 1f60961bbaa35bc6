// Throughput limits of shards, as AWS has them (setting `shard_limits`): token buckets that
// hold one second's worth. How often operations may be called is in call_limits.h.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/env.h"
#include "log/shard_log.h"
#include "streams/service.h"
#include "streams/token_bucket.h"

namespace millstream::streams {

// Life cycle: one per server; `clock` outlives it. Buckets of shards that were not used for a
// while and owe nothing are dropped, so that the size is bounded by the shards in use.
// Threads:    any; shards are spread over locks.
class ShardLimiter {
 public:
  ShardLimiter(Clock& clock, const StreamsSettings& settings, InjectedFaults* faults = nullptr)
      : clock_(clock),
        limits_(settings.shard_limits),
        // AWS: GetShardIterator has a limit of five transactions per second per open shard.
        iterators_per_s_(settings.aws_rules() ? 5 : 0),
        faults_(faults) {}

  bool limits_puts() const {
    return limits_.in_records_per_s != 0 || limits_.in_bytes_per_s != 0 ||
           (faults_ != nullptr && faults_->fails_records());
  }
  bool limits_gets() const { return limits_.out_bytes_per_s != 0 || limits_.get_calls_per_s != 0; }

  // Takes one record of `bytes` (data and partition key). False: over the limit, nothing taken.
  // A record larger than a second's worth passes when the bucket is full, and leaves it empty
  // for as long as it is worth (AWS: bursts up to 10 MiB, 1 MiB/s on average).
  bool take_put(ShardId shard, size_t bytes);

  // Takes one GetRecords call. False: too many calls, or earlier answers were too large.
  bool take_get(ShardId shard);
  // After the answer: its bytes. 10 MiB in one answer at 2 MiB/s: the next 5 s are refused.
  void charge_get(ShardId shard, size_t bytes);

  // Takes one GetShardIterator call. False: too many.
  bool take_iterator(ShardId shard);

 private:
  struct ShardBuckets {
    TokenBucket in_records;
    TokenBucket in_bytes;
    TokenBucket out_bytes;
    TokenBucket get_calls;
    TokenBucket iterators;
  };
  struct Part {
    std::mutex mutex;
    std::unordered_map<uint64_t, ShardBuckets> shards;
    size_t drop_at = 1024;  // next clean-up
  };

  Part& part_of(ShardId shard) { return parts_[static_cast<uint64_t>(shard) % parts_.size()]; }
  // Filled up to now.
  ShardBuckets& buckets_of(Part& part, ShardId shard);

  Clock& clock_;
  const ShardLimits limits_;
  const uint64_t iterators_per_s_;
  InjectedFaults* faults_;
  std::array<Part, 16> parts_;
};

}  // namespace millstream::streams
