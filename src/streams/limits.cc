#include "streams/limits.h"

#include <algorithm>

namespace millstream::streams {

ShardLimiter::ShardBuckets& ShardLimiter::buckets_of(Part& part, ShardId shard) {
  const std::chrono::nanoseconds now = clock_.monotonic();
  if (part.shards.size() >= part.drop_at) {
    std::erase_if(part.shards, [&](const auto& entry) {
      const ShardBuckets& idle = entry.second;
      return idle.in_records.is_full_at(now, limits_.in_records_per_s) &&
             idle.in_bytes.is_full_at(now, limits_.in_bytes_per_s) &&
             idle.out_bytes.is_full_at(now, limits_.out_bytes_per_s) &&
             idle.get_calls.is_full_at(now, limits_.get_calls_per_s) &&
             idle.iterators.is_full_at(now, iterators_per_s_);
    });
    part.drop_at = std::max(size_t{1024}, part.shards.size() * 2);
  }
  ShardBuckets& buckets = part.shards[static_cast<uint64_t>(shard)];
  buckets.in_records.fill(now, limits_.in_records_per_s);
  buckets.in_bytes.fill(now, limits_.in_bytes_per_s);
  buckets.out_bytes.fill(now, limits_.out_bytes_per_s);
  buckets.get_calls.fill(now, limits_.get_calls_per_s);
  buckets.iterators.fill(now, iterators_per_s_);
  return buckets;
}

bool ShardLimiter::take_put(ShardId shard, size_t bytes) {
  if (faults_ != nullptr && faults_->fails_record()) return false;
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  ShardBuckets& buckets = buckets_of(part, shard);
  const uint64_t records_rate = limits_.in_records_per_s;
  const uint64_t bytes_rate = limits_.in_bytes_per_s;
  if (records_rate > 0 && !buckets.in_records.has(1)) return false;
  if (bytes_rate > 0 && !buckets.in_bytes.has(std::min<uint64_t>(bytes, bytes_rate))) return false;
  if (records_rate > 0) buckets.in_records.take(1);
  if (bytes_rate > 0) buckets.in_bytes.take(bytes);
  return true;
}

bool ShardLimiter::take_get(ShardId shard) {
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  ShardBuckets& buckets = buckets_of(part, shard);
  if (limits_.get_calls_per_s > 0 && !buckets.get_calls.has(1)) return false;
  if (limits_.out_bytes_per_s > 0 && buckets.out_bytes.is_in_debt()) return false;
  if (limits_.get_calls_per_s > 0) buckets.get_calls.take(1);
  return true;
}

void ShardLimiter::charge_get(ShardId shard, size_t bytes) {
  if (limits_.out_bytes_per_s == 0) return;
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  TokenBucket& bucket = buckets_of(part, shard).out_bytes;
  // More than a second's worth at once: what was saved up does not shorten the rest.
  if (bytes > limits_.out_bytes_per_s) bucket.empty();
  bucket.take(bytes);
}

bool ShardLimiter::take_iterator(ShardId shard) {
  if (iterators_per_s_ == 0) return true;
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  TokenBucket& bucket = buckets_of(part, shard).iterators;
  if (!bucket.has(1)) return false;
  bucket.take(1);
  return true;
}

}  // namespace millstream::streams
