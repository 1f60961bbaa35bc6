#include "firehose/delivery_buffer.h"

#include <algorithm>

#include "log/record.h"

namespace millstream::firehose {

Result<DeliveryBuffer::Added> DeliveryBuffer::add(ShardId shard, Counter planned,
                                                  const StoredBatch& batch,
                                                  std::chrono::nanoseconds now) {
  MS_ASSERT(!full() && batch.records > 0 && planned <= batch.first);
  if (empty()) {
    first_read_ = now;
    oldest_ms_ = batch.arrival_ms;
  }
  oldest_ms_ = std::min(oldest_ms_, batch.arrival_ms);
  ShardRange& range = range_of(shard, planned);
  MS_ASSERT(range.next <= batch.first);
  Added added;
  RecordCursor cursor(batch.body.view());
  RecordView record;
  while (!full() && added.records < batch.records) {
    if (!cursor.next(record)) {
      return fail(ErrorCode::kCorruption,
                  "a batch of log shard {} at {} ends after {} of {} records",
                  static_cast<uint64_t>(shard), batch.first, added.records, batch.records);
    }
    bytes_ += record.data.size();
    ++added.records;
  }
  added.next = batch.first + added.records;
  range.next = added.next;
  range.records += added.records;
  records_ += added.records;
  return added;
}

bool DeliveryBuffer::due(std::chrono::nanoseconds now, TimeMs wall_now, bool at_tip) const {
  if (empty()) return false;
  if (full() || now - first_read_ >= interval_) return true;
  return at_tip && std::chrono::milliseconds(wall_now - oldest_ms_) >= interval_;
}

void DeliveryBuffer::clear() {
  ranges_.clear();
  places_.clear();
  bytes_ = 0;
  records_ = 0;
}

ShardRange& DeliveryBuffer::range_of(ShardId shard, Counter planned) {
  const auto [place, is_new] = places_.try_emplace(shard, ranges_.size());
  if (is_new) ranges_.push_back(ShardRange{shard, planned, planned, 0});
  return ranges_[place->second];
}

}  // namespace millstream::firehose
