#include "streams/limits.h"

#include <algorithm>

namespace millstream::streams {
namespace {

using std::chrono::nanoseconds;

// A bucket is full again after at most this time: the largest answer or record is 10 MiB, ten
// seconds' worth of AWS's 1 MiB/s; own figures may be lower.
constexpr nanoseconds kIdle = std::chrono::minutes(10);

// Tokens are fractions: what time should have filled exactly may miss by rounding.
constexpr double kRounding = 1e-3;

}  // namespace

void ShardLimiter::Bucket::fill(nanoseconds now, double rate) {
  if (filled < nanoseconds::zero()) {
    tokens = rate;
  } else if (now > filled) {
    const double seconds = std::chrono::duration<double>(now - filled).count();
    tokens = std::min(rate, tokens + seconds * rate);
  }
  filled = std::max(filled, now);
}

ShardLimiter::ShardBuckets& ShardLimiter::buckets_of(Part& part, ShardId shard, nanoseconds now) {
  if (part.shards.size() >= part.drop_at) {
    std::erase_if(part.shards, [&](const auto& entry) { return now - entry.second.used > kIdle; });
    part.drop_at = std::max(size_t{1024}, part.shards.size() * 2);
  }
  ShardBuckets& buckets = part.shards[static_cast<uint64_t>(shard)];
  buckets.used = now;
  return buckets;
}

bool ShardLimiter::take_put(ShardId shard, size_t bytes) {
  if (faults_ != nullptr && faults_->fails_record()) return false;
  const nanoseconds now = clock_.monotonic();
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  ShardBuckets& buckets = buckets_of(part, shard, now);
  const auto records_rate = static_cast<double>(limits_.in_records_per_s);
  const auto bytes_rate = static_cast<double>(limits_.in_bytes_per_s);
  const auto size = static_cast<double>(bytes);
  buckets.in_records.fill(now, records_rate);
  buckets.in_bytes.fill(now, bytes_rate);
  if (records_rate > 0 && buckets.in_records.tokens < 1 - kRounding) return false;
  if (bytes_rate > 0 && buckets.in_bytes.tokens < std::min(size, bytes_rate) - kRounding)
    return false;
  buckets.in_records.tokens -= 1;
  buckets.in_bytes.tokens -= size;
  return true;
}

bool ShardLimiter::take_get(ShardId shard) {
  const nanoseconds now = clock_.monotonic();
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  ShardBuckets& buckets = buckets_of(part, shard, now);
  const auto calls_rate = static_cast<double>(limits_.get_calls_per_s);
  const auto bytes_rate = static_cast<double>(limits_.out_bytes_per_s);
  buckets.get_calls.fill(now, calls_rate);
  buckets.out_bytes.fill(now, bytes_rate);
  if (calls_rate > 0 && buckets.get_calls.tokens < 1 - kRounding) return false;
  if (bytes_rate > 0 && buckets.out_bytes.tokens < -kRounding) return false;
  buckets.get_calls.tokens -= 1;
  return true;
}

void ShardLimiter::charge_get(ShardId shard, size_t bytes) {
  if (limits_.out_bytes_per_s == 0) return;
  const nanoseconds now = clock_.monotonic();
  Part& part = part_of(shard);
  std::lock_guard lock(part.mutex);
  Bucket& bucket = buckets_of(part, shard, now).out_bytes;
  const auto rate = static_cast<double>(limits_.out_bytes_per_s);
  const auto size = static_cast<double>(bytes);
  bucket.fill(now, rate);
  // More than a second's worth at once: what was saved up does not shorten the rest.
  bucket.tokens = size > rate ? std::min(bucket.tokens, 0.0) - size : bucket.tokens - size;
}

}  // namespace millstream::streams
