#include "streams/get.h"

#include <algorithm>

#include "log/record.h"
#include "streams/hash_key.h"
#include "streams/sequence_number.h"

namespace millstream::streams {

size_t stored_bytes(const ReadResult& read) {
  size_t bytes = 0;
  for (const StoredBatch& batch : read.batches) bytes += batch.body.size();
  return bytes;
}

int64_t millis_behind_latest(const ReadResult& read, TimeMs now_ms) {
  if (read.next >= read.tip) return 0;
  // An empty answer before the tip: the clients' next call goes on, the tip is the best guess.
  const TimeMs newest = read.batches.empty() ? read.tip_arrival_ms : read.batches.back().arrival_ms;
  return std::max<int64_t>(1, now_ms - newest);
}

std::vector<std::string> parent_ids(const Shard& shard) {
  std::vector<std::string> ids;
  if (shard.parent) ids.push_back(shard_id_text(*shard.parent));
  if (shard.adjacent_parent) ids.push_back(shard_id_text(*shard.adjacent_parent));
  return ids;
}

wire::kinesis::GetRecordsOutput to_output(const GetAnswer& answer) {
  wire::kinesis::GetRecordsOutput output;
  for (const StoredBatch& batch : answer.read.batches) {
    SequenceNumberWriter numbers(*answer.shard, batch.first, batch.arrival_ms);
    RecordCursor cursor(batch.body.view());
    RecordView view;
    while (cursor.next(view)) {
      wire::kinesis::Record& record = output.records.emplace_back();
      record.sequence_number.resize(kSequenceNumberSize);
      numbers.write_next(record.sequence_number.data());
      record.approximate_arrival_timestamp = wire::Timestamp{batch.arrival_ms};
      record.data = view.data;
      record.partition_key = std::string(view.partition_key);
      if ((view.flags & kRecordStoredEncrypted) != 0) {
        record.encryption_type = wire::kinesis::EncryptionType::kKms;
      }
    }
    MS_ASSERT(!cursor.broken());
  }
  output.next_shard_iterator = answer.next_iterator;
  output.millis_behind_latest = answer.millis_behind_latest;
  if (answer.children.empty()) return output;
  auto& children = output.child_shards.emplace();
  for (const Shard* child : answer.children) {
    children.push_back(
        {shard_id_text(child->index),
         parent_ids(*child),
         {format_hash_key(child->first_hash_key), format_hash_key(child->last_hash_key)}});
  }
  return output;
}

}  // namespace millstream::streams
