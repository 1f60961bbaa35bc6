#include "streams/put_cbor.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <simdjson.h>

#include "streams/put_members.h"
#include "wire/cbor_encode.h"
#include "wire/cbor_reader.h"

namespace millstream::streams {
namespace {

using wire::CborElements;
using wire::CborItem;
using wire::CborReader;
using wire::CborType;

bool plain_text(CborReader& reader, std::string_view& text) {
  return reader.next_string(CborType::kText, text);
}

// Partition keys are ASCII nearly always, and short: no call is needed to see that.
bool is_utf8(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80 || simdjson::validate_utf8(text);
}

// Takes the members of a record one by one, each at most once.
class RecordMembers {
 public:
  // False: irregular. `known` tells whether it was one of a record.
  bool take(std::string_view name, CborReader& reader, bool& known) {
    known = true;
    if (name == "Data") {
      return once(kData) && reader.next_string(CborType::kBytes, data_) &&
             data_.size() <= kMaxDataBytes;
    }
    if (name == "PartitionKey") {
      // Bytes are at least as many as characters.
      return once(kKey) && plain_text(reader, key_) && !key_.empty() &&
             key_.size() <= kMaxPartitionKeyCharacters && is_utf8(key_);
    }
    if (name == "ExplicitHashKey") {
      constexpr size_t kMaxDigits = 39;
      return once(kHash) && plain_text(reader, hash_) && is_decimal(hash_, kMaxDigits);
    }
    known = false;
    return true;
  }

  bool add_to(PutRequest& request) const {
    if ((seen_ & (kData | kKey)) != (kData | kKey)) return false;
    request.data.push_back(data_);
    request.data_sizes.push_back(static_cast<uint32_t>(data_.size()));
    request.partition_keys.push_back(key_);
    if (!hash_.empty() || !request.explicit_hash_keys.empty()) {
      request.explicit_hash_keys.resize(request.records());
      request.explicit_hash_keys.back() = hash_;
    }
    return true;
  }

 private:
  static constexpr unsigned kData = 1;
  static constexpr unsigned kKey = 2;
  static constexpr unsigned kHash = 4;

  bool once(unsigned member) {
    if (seen_ & member) return false;
    seen_ |= member;
    return true;
  }

  unsigned seen_ = 0;
  std::string_view data_;
  std::string_view key_;
  std::string_view hash_;
};

bool parse_records(CborReader& reader, PutRequest& request) {
  if (request.records() != 0) return false;  // given twice
  CborItem records;
  if (!reader.next(records) || records.type != CborType::kArray) return false;
  for (CborElements elements(reader, records); elements.more();) {
    if (request.records() == kMaxRecordsPerPut) return false;
    CborItem record;
    if (!reader.next_map(record)) return false;
    RecordMembers members;
    for (CborElements pairs(reader, record); pairs.more();) {
      std::string_view name;
      bool known;
      if (!plain_text(reader, name) || !members.take(name, reader, known) || !known) return false;
    }
    if (!members.add_to(request)) return false;
  }
  return request.records() > 0;
}

bool parse_member(std::string_view name, CborReader& reader, RecordMembers& record,
                  PutRequest& request) {
  if (name == "StreamName") {
    return request.stream_name.empty() && plain_text(reader, request.stream_name) &&
           is_stream_name(request.stream_name);
  }
  if (name == "StreamARN") {
    return request.stream_arn.empty() && plain_text(reader, request.stream_arn) &&
           is_stream_arn(request.stream_arn);
  }
  if (request.is_batch) return name == "Records" && parse_records(reader, request);
  bool known = false;
  if (!record.take(name, reader, known)) return false;
  if (known) return true;
  constexpr size_t kMaxDigits = 129;
  return name == "SequenceNumberForOrdering" && request.sequence_number_for_ordering.empty() &&
         plain_text(reader, request.sequence_number_for_ordering) &&
         is_decimal(request.sequence_number_for_ordering, kMaxDigits);
}

bool parse(const Slice& body, PutRequest& request) {
  request.body = body;
  request.encoding = DataEncoding::kRaw;
  CborReader reader(body.view());
  CborItem item;
  if (!reader.next_map(item)) return false;
  RecordMembers record;
  for (CborElements pairs(reader, item); pairs.more();) {
    std::string_view name;
    if (!plain_text(reader, name) || !parse_member(name, reader, record, request)) return false;
  }
  if (!reader.at_end()) return false;
  return request.is_batch ? request.records() > 0 : record.add_to(request);
}

// A result: a structure of two texts, whose heads hold the sizes of what follows them.
constexpr std::string_view kNumber =
    "\xbf\x6e"
    "SequenceNumber\x78\x38";
constexpr std::string_view kShard =
    "\x67"
    "ShardId\x74";
constexpr std::string_view kEnd = "\xff";
constexpr size_t kShardIdSize = 20;
static_assert(kNumber.back() == kSequenceNumberSize && (kShard.back() & 0x1f) == kShardIdSize);
constexpr size_t kResultSize =
    kNumber.size() + kSequenceNumberSize + kShard.size() + kShardIdSize + kEnd.size();

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// One result without its number, which goes to `kNumber.size()`.
std::array<char, kResultSize> result_template(const Shard& shard) {
  std::array<char, kResultSize> result;
  char* to = append(result.data(), kNumber);
  to = append(to + kSequenceNumberSize, kShard);
  const std::string id = shard_id_text(shard.index);
  MS_ASSERT(id.size() == kShardIdSize);
  append(append(to, id), kEnd);
  return result;
}

std::string throttled_result(const Stream& stream, const Shard& shard) {
  std::string result(1, wire::kCborStructure);
  wire::append_cbor_text(result, "ErrorCode");
  wire::append_cbor_text(result, "ProvisionedThroughputExceededException");
  wire::append_cbor_text(result, "ErrorMessage");
  wire::append_cbor_text(result, rate_exceeded_message(stream, shard));
  result += wire::kCborEnd;
  return result;
}

void append_encryption(std::string& text) {
  wire::append_cbor_text(text, "EncryptionType");
  wire::append_cbor_text(text, "KMS");
}

}  // namespace

bool parse_put_records_cbor(const Slice& body, PutRequest& request) {
  request.is_batch = true;
  // A record has at least 20 bytes around it.
  const size_t records = std::min(kMaxRecordsPerPut, body.size() / 20 + 1);
  request.partition_keys.reserve(records);
  request.data.reserve(records);
  request.data_sizes.reserve(records);
  return parse(body, request);
}

bool parse_put_record_cbor(const Slice& body, PutRequest& request) {
  request.is_batch = false;
  return parse(body, request);
}

Slice encode_put_records_cbor(PutOutcome& outcome) {
  std::vector<std::array<char, kResultSize>> results;
  std::vector<std::string> throttled(outcome.throttled_records == 0 ? 0 : outcome.slots.size());
  results.reserve(outcome.slots.size());
  size_t longest = kResultSize;
  for (size_t i = 0; i < outcome.slots.size(); ++i) {
    results.push_back(result_template(*outcome.slots[i].shard));
    if (throttled.empty()) continue;
    throttled[i] = throttled_result(*outcome.stream, *outcome.slots[i].shard);
    longest = std::max(longest, throttled[i].size());
  }
  std::string start(1, wire::kCborStructure);
  wire::append_cbor_text(start, "FailedRecordCount");
  wire::append_cbor_integer(start, static_cast<int64_t>(outcome.throttled_records));
  wire::append_cbor_text(start, "Records");
  wire::append_cbor_array(start, outcome.slot_of.size());
  std::string rest;
  if (outcome.is_encrypted()) append_encryption(rest);
  rest += wire::kCborEnd;
  BufferRef buffer =
      BufferRef::allocate(start.size() + outcome.slot_of.size() * longest + rest.size());
  char* to = append(buffer->data(), start);
  for (size_t i = 0; i < outcome.slot_of.size(); ++i) {
    const size_t at = outcome.slot_of[i];
    if (outcome.is_throttled(i)) {
      to = append(to, throttled[at]);
      continue;
    }
    std::memcpy(to, results[at].data(), kResultSize);
    outcome.slots[at].numbers.write_next(to + kNumber.size());
    to += kResultSize;
  }
  to = append(to, rest);
  const auto size = static_cast<size_t>(to - buffer->data());
  return {std::move(buffer), size};
}

Slice encode_put_record_cbor(PutOutcome& outcome) {
  PutSlot& slot = outcome.slots.front();
  std::string text(1, wire::kCborStructure);
  wire::append_cbor_text(text, "ShardId");
  wire::append_cbor_text(text, shard_id_text(slot.shard->index));
  wire::append_cbor_text(text, "SequenceNumber");
  wire::append_cbor_text(text, std::string(kSequenceNumberSize, '0'));
  slot.numbers.write_next(text.data() + text.size() - kSequenceNumberSize);
  if (outcome.is_encrypted()) append_encryption(text);
  text += wire::kCborEnd;
  return Slice::copy_of(text);
}

}  // namespace millstream::streams
