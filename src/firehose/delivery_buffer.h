// What has been read of a delivery stream's shards and not been planned yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/env.h"
#include "firehose/plan.h"
#include "log/shard_log.h"

namespace millstream::firehose {

// Keeps ranges and counts, never the records themselves: they are durable in the log, and a
// delivery reads them again when its object is made. So ten thousand waiting delivery streams
// cost no memory, and a delivery after a restart is the same code as any other.
//
// Threads: one. Order: batches of a shard are added in the order of their counters.
class DeliveryBuffer {
 public:
  DeliveryBuffer(size_t size_limit, std::chrono::seconds interval)
      : size_limit_(size_limit), interval_(interval) {}

  struct Added {
    Counter next = 0;  // where the shard goes on
    uint32_t records = 0;
  };
  // Takes records of `batch` until the buffer is full; the last one may go over the limit. The
  // caller makes sure that it is not full before. `planned`: where the shard's plans end, and so
  // the range of its first batch here begins: ranges follow each other without a gap, whatever
  // retention hid in between. Errors: kCorruption.
  Result<Added> add(ShardId shard, Counter planned, const StoredBatch& batch,
                    std::chrono::nanoseconds now);

  bool empty() const { return records_ == 0; }
  bool full() const { return bytes_ >= size_limit_; }
  // Whether an object is to be made: full, or the interval has passed since its first record
  // was read. With `at_tip` (all that there is has been read) since its oldest record arrived:
  // a restart doesn't start the waiting anew.
  bool due(std::chrono::nanoseconds now, TimeMs wall_now, bool at_tip) const;

  TimeMs oldest_ms() const { return oldest_ms_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t records() const { return records_; }
  const std::vector<ShardRange>& ranges() const { return ranges_; }
  void clear();

 private:
  ShardRange& range_of(ShardId shard, Counter planned);

  const size_t size_limit_;
  const std::chrono::seconds interval_;
  std::vector<ShardRange> ranges_;              // in the order in which their shards began
  std::unordered_map<ShardId, size_t> places_;  // in ranges_
  uint64_t bytes_ = 0;
  uint64_t records_ = 0;
  TimeMs oldest_ms_ = 0;
  std::chrono::nanoseconds first_read_{};
};

}  // namespace millstream::firehose
