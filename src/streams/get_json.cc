#include "streams/get_json.h"

#include <array>
#include <cstring>

#include "base/base64.h"
#include "log/record.h"
#include "streams/hash_key.h"
#include "streams/sequence_number.h"
#include "wire/json_encode.h"

namespace millstream::streams {
namespace {

constexpr std::string_view kNumber = R"({"SequenceNumber":")";
constexpr std::string_view kTime = R"(","ApproximateArrivalTimestamp":)";
constexpr std::string_view kData = R"(,"Data":")";
constexpr std::string_view kKey = R"(","PartitionKey":)";
constexpr std::string_view kEncrypted = R"(,"EncryptionType":"KMS")";
constexpr size_t kAroundRecord = kNumber.size() + kSequenceNumberSize + kTime.size() +
                                 kData.size() + kKey.size() + kEncrypted.size() + 4;
constexpr size_t kMaxTimeSize = 32;
constexpr size_t kEncodeSlack = 32;  // base64_encode() may write that far beyond its text

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
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
      to = append(to, kNumber);
      numbers_.write_next(to);
      to = append(to + kSequenceNumberSize, time_);
      to += base64_encode(record.data, to);
      to = append(to, kKey);
      to = write_key(record.partition_key, to);
      // AWS leaves NONE out.
      if ((record.flags & kRecordStoredEncrypted) != 0) to = append(to, kEncrypted);
      to = append(to, "},");
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
    time_ = kTime;
    wire::append_json_time(time_, arrival_ms_);
    time_ += kData;
  }

  char* write_key(std::string_view key, char* to) {
    if (is_plain(key)) {
      *to++ = '"';
      to = append(to, key);
      *to++ = '"';
      return to;
    }
    escaped_.clear();
    wire::append_json_string(escaped_, key);
    return append(to, escaped_);
  }

  const Shard& shard_;
  SequenceNumberWriter numbers_;
  Counter next_ = ~Counter{0};
  TimeMs arrival_ms_ = -1;
  std::string time_;  // what stands between number and data
  std::string escaped_;
};

// What the records need at most, exact but for their times.
size_t encoded_bound(const ReadResult& read) {
  size_t bytes = 0;
  std::string escaped;
  for (const StoredBatch& batch : read.batches) {
    RecordCursor cursor(batch.body.view());
    RecordView record;
    while (cursor.next(record)) {
      size_t key = record.partition_key.size() + 2;
      if (!is_plain(record.partition_key)) {
        escaped.clear();
        wire::append_json_string(escaped, record.partition_key);
        key = escaped.size();
      }
      bytes += kAroundRecord + kMaxTimeSize + key + base64_encoded_size(record.data.size());
    }
  }
  return bytes;
}

std::string rest_of_answer(const GetAnswer& answer) {
  std::string text = "]";
  if (answer.next_iterator) {
    text += R"(,"NextShardIterator":")";
    text += *answer.next_iterator;
    text += '"';
  }
  text += R"(,"MillisBehindLatest":)";
  text += std::to_string(answer.millis_behind_latest);
  if (!answer.children.empty()) {
    text += R"(,"ChildShards":[)";
    for (const Shard* child : answer.children) {
      text += R"({"ShardId":")" + shard_id_text(child->index) + R"(","ParentShards":[)";
      const std::vector<std::string> parents = parent_ids(*child);
      for (const std::string& parent : parents) text += '"' + parent + R"(",)";
      if (!parents.empty()) text.pop_back();
      text += R"(],"HashKeyRange":{"StartingHashKey":")" + format_hash_key(child->first_hash_key) +
              R"(","EndingHashKey":")" + format_hash_key(child->last_hash_key) + R"("}},)";
    }
    text.back() = ']';
  }
  text += '}';
  return text;
}

}  // namespace

Slice encode_get_records_json(const GetAnswer& answer) {
  constexpr std::string_view kStart = R"({"Records":[)";
  const std::string rest = rest_of_answer(answer);
  const size_t bound = kStart.size() + encoded_bound(answer.read) + rest.size() + kEncodeSlack;
  BufferRef buffer = BufferRef::allocate(bound);
  char* to = append(buffer->data(), kStart);
  RecordWriter writer(*answer.shard);
  for (const StoredBatch& batch : answer.read.batches) to = writer.write(batch, to);
  if (to[-1] == ',') --to;
  to = append(to, rest);
  const auto size = static_cast<size_t>(to - buffer->data());
  MS_ASSERT(size <= bound);
  return {std::move(buffer), size};
}

}  // namespace millstream::streams
