#include "streams/get_cbor.h"

#include <cstring>

#include "log/record.h"
#include "streams/hash_key.h"
#include "streams/sequence_number.h"
#include "wire/cbor_encode.h"

namespace millstream::streams {
namespace {

// What stands around numbers, times, data and keys; made once.
struct Pieces {
  std::string number;  // from the start of the record
  std::string time;
  std::string data;
  std::string key;
  std::string encrypted;  // of records stored so; AWS leaves NONE out

  Pieces() {
    number += wire::kCborStructure;
    wire::append_cbor_text(number, "SequenceNumber");
    char head[wire::kMaxCborHead];
    number.append(head, wire::write_cbor_text_head(head, kSequenceNumberSize));
    wire::append_cbor_text(time, "ApproximateArrivalTimestamp");
    wire::append_cbor_text(data, "Data");
    wire::append_cbor_text(key, "PartitionKey");
    wire::append_cbor_text(encrypted, "EncryptionType");
    wire::append_cbor_text(encrypted, "KMS");
  }

  static const Pieces& get() {
    static const Pieces pieces;
    return pieces;
  }
};

constexpr size_t kMaxTimeSize = 1 + wire::kMaxCborHead;

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// Records of one batch share their time; batches often follow each other without a gap.
class RecordWriter {
 public:
  explicit RecordWriter(const Shard& shard) : shard_(shard) {}

  char* write(const StoredBatch& batch, char* to) {
    start(batch);
    RecordCursor cursor(batch.body.view());
    RecordView record;
    while (cursor.next(record)) {
      to = append(to, pieces_.number);
      numbers_.write_next(to);
      to = append(to + kSequenceNumberSize, time_);
      to = append(wire::write_cbor_blob_head(to, record.data.size()), record.data);
      to = append(to, pieces_.key);
      to = wire::write_cbor_text_head(to, record.partition_key.size());
      to = append(to, record.partition_key);
      if ((record.flags & kRecordStoredEncrypted) != 0) to = append(to, pieces_.encrypted);
      *to++ = wire::kCborEnd;
    }
    MS_ASSERT(!cursor.broken());
    return to;
  }

 private:
  void start(const StoredBatch& batch) {
    if (batch.first != next_ || batch.arrival_ms / 1000 != arrival_ms_ / 1000) {
      numbers_ = SequenceNumberWriter(shard_, batch.first, batch.arrival_ms);
    }
    next_ = batch.first + batch.records;
    if (batch.arrival_ms == arrival_ms_) return;
    arrival_ms_ = batch.arrival_ms;
    time_ = pieces_.time;
    wire::append_cbor_time(time_, arrival_ms_);
    time_ += pieces_.data;
  }

  const Pieces& pieces_ = Pieces::get();
  const Shard& shard_;
  SequenceNumberWriter numbers_;
  Counter next_ = ~Counter{0};
  TimeMs arrival_ms_ = -1;
  std::string time_;  // what stands between number and data
};

// How many records there are, and what they need at most.
struct Extent {
  size_t records = 0;
  size_t bytes = 0;
};

Extent extent_of(const ReadResult& read) {
  const Pieces& pieces = Pieces::get();
  const size_t around = pieces.number.size() + kSequenceNumberSize + pieces.time.size() +
                        kMaxTimeSize + pieces.data.size() + pieces.key.size() +
                        pieces.encrypted.size() + 2 * wire::kMaxCborHead + 1;
  Extent extent;
  for (const StoredBatch& batch : read.batches) {
    RecordCursor cursor(batch.body.view());
    RecordView record;
    while (cursor.next(record)) {
      ++extent.records;
      extent.bytes += around + record.partition_key.size() + record.data.size();
    }
  }
  return extent;
}

void append_children(std::string& text, const GetAnswer& answer) {
  wire::append_cbor_text(text, "ChildShards");
  wire::append_cbor_array(text, answer.children.size());
  for (const Shard* child : answer.children) {
    text += wire::kCborStructure;
    wire::append_cbor_text(text, "ShardId");
    wire::append_cbor_text(text, shard_id_text(child->index));
    wire::append_cbor_text(text, "ParentShards");
    const std::vector<std::string> parents = parent_ids(*child);
    wire::append_cbor_array(text, parents.size());
    for (const std::string& parent : parents) wire::append_cbor_text(text, parent);
    wire::append_cbor_text(text, "HashKeyRange");
    text += wire::kCborStructure;
    wire::append_cbor_text(text, "StartingHashKey");
    wire::append_cbor_text(text, format_hash_key(child->first_hash_key));
    wire::append_cbor_text(text, "EndingHashKey");
    wire::append_cbor_text(text, format_hash_key(child->last_hash_key));
    text += wire::kCborEnd;
    text += wire::kCborEnd;
  }
}

std::string rest_of_answer(const GetAnswer& answer) {
  std::string text;
  if (answer.next_iterator) {
    wire::append_cbor_text(text, "NextShardIterator");
    wire::append_cbor_text(text, *answer.next_iterator);
  }
  wire::append_cbor_text(text, "MillisBehindLatest");
  wire::append_cbor_integer(text, answer.millis_behind_latest);
  if (!answer.children.empty()) append_children(text, answer);
  text += wire::kCborEnd;
  return text;
}

}  // namespace

Slice encode_get_records_cbor(const GetAnswer& answer) {
  const Extent extent = extent_of(answer.read);
  std::string start(1, wire::kCborStructure);
  wire::append_cbor_text(start, "Records");
  wire::append_cbor_array(start, extent.records);
  const std::string rest = rest_of_answer(answer);
  const size_t bound = start.size() + extent.bytes + rest.size();
  BufferRef buffer = BufferRef::allocate(bound);
  char* to = append(buffer->data(), start);
  RecordWriter writer(*answer.shard);
  for (const StoredBatch& batch : answer.read.batches) to = writer.write(batch, to);
  to = append(to, rest);
  const auto size = static_cast<size_t>(to - buffer->data());
  MS_ASSERT(size <= bound);
  return {std::move(buffer), size};
}

}  // namespace millstream::streams
