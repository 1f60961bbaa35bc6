#include "streams/put_json.h"

#include <cstring>

#include <simdjson.h>

#include "streams/put_members.h"
#include "wire/json_encode.h"

namespace millstream::streams {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(simdjson::SIMDJSON_PADDING <= kBufferPadding);

// A parser keeps memory of some five times its largest document: larger ones get their own.
constexpr size_t kKeptParserBytes = size_t{1} << 20;

// The text between the quotes of a string without escapes; anything else is irregular.
template <bool kIsBase64 = false>
bool plain_string(ondemand::value value, std::string_view& text) {
  // The token reaches to the next one: behind the string only white space may follow.
  std::string_view token = value.raw_json_token();
  // Consumes it, so that the parser checks what follows; also: must be a string.
  if (value.get_raw_json_string().error()) return false;
  size_t end = token.size() - 1;
  while (token[end] == ' ' || token[end] == '\n' || token[end] == '\r' || token[end] == '\t') {
    --end;
  }
  if (end == 0 || token[end] != '"') return false;
  text = token.substr(1, end - 1);
  // The alphabet of base64 has no backslash: the decoder notices it.
  return kIsBase64 || text.empty() || std::memchr(text.data(), '\\', text.size()) == nullptr;
}

// Of a text that may be base64 (which storing finds out). AWS refuses a last character with
// bits that belong to no byte; base64_decode() doesn't.
bool decoded_size(std::string_view text, uint32_t& size) {
  if (text.size() % 4 != 0 || text.size() / 4 * 3 > kMaxDataBytes + 2) return false;
  size_t bytes = text.size() / 4 * 3;
  if (text.ends_with('=')) {
    const bool is_double = text[text.size() - 2] == '=';
    bytes -= is_double ? 2 : 1;
    constexpr std::string_view kAfterOneByte = "AQgw";
    constexpr std::string_view kAfterTwoBytes = "AEIMQUYcgkosw048";
    const char last = text[text.size() - (is_double ? 3 : 2)];
    if ((is_double ? kAfterOneByte : kAfterTwoBytes).find(last) == std::string_view::npos) {
      return false;
    }
  }
  size = static_cast<uint32_t>(bytes);
  return bytes <= kMaxDataBytes;
}

// Takes the members of a record one by one, each at most once.
class RecordMembers {
 public:
  // False: irregular. `known` tells whether it was one of a record.
  bool take(ondemand::raw_json_string name, ondemand::value value, bool& known) {
    known = true;
    if (name == "Data") {
      return once(kData) && plain_string<true>(value, data_) && decoded_size(data_, size_);
    }
    if (name == "PartitionKey") {
      // Bytes are at least as many as characters.
      return once(kKey) && plain_string(value, key_) && !key_.empty() &&
             key_.size() <= kMaxPartitionKeyCharacters;
    }
    if (name == "ExplicitHashKey") {
      constexpr size_t kMaxDigits = 39;
      return once(kHash) && plain_string(value, hash_) && is_decimal(hash_, kMaxDigits);
    }
    known = false;
    return true;
  }

  bool add_to(PutRequest& request) const {
    if ((seen_ & (kData | kKey)) != (kData | kKey)) return false;
    request.data.push_back(data_);
    request.data_sizes.push_back(size_);
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
  uint32_t size_ = 0;
};

bool take_stream(ondemand::raw_json_string name, ondemand::value value, PutRequest& request,
                 bool& known) {
  known = true;
  if (name == "StreamName") {
    return request.stream_name.empty() && plain_string(value, request.stream_name) &&
           is_stream_name(request.stream_name);
  }
  if (name == "StreamARN") {
    return request.stream_arn.empty() && plain_string(value, request.stream_arn) &&
           is_stream_arn(request.stream_arn);
  }
  known = false;
  return true;
}

bool parse_records(ondemand::value value, PutRequest& request) {
  if (request.records() != 0) return false;  // given twice
  ondemand::array records;
  if (value.get_array().get(records)) return false;
  for (auto element : records) {
    ondemand::object object;
    if (element.get_object().get(object)) return false;
    if (request.records() == kMaxRecordsPerPut) return false;
    RecordMembers members;
    for (auto item : object) {
      ondemand::field field;
      if (std::move(item).get(field)) return false;
      bool known;
      if (!members.take(field.key(), field.value(), known) || !known) return false;
    }
    if (!members.add_to(request)) return false;
  }
  return request.records() > 0;
}

bool parse_members(ondemand::document& document, PutRequest& request) {
  ondemand::object object;
  if (document.get_object().get(object)) return false;
  RecordMembers record;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field)) return false;
    const ondemand::raw_json_string name = field.key();
    const ondemand::value value = field.value();
    bool known = false;
    if (!take_stream(name, value, request, known)) return false;
    if (known) continue;
    if (request.is_batch) {
      if (!(name == "Records") || !parse_records(value, request)) return false;
      continue;
    }
    if (!record.take(name, value, known)) return false;
    if (known) continue;
    constexpr size_t kMaxDigits = 129;
    if (!(name == "SequenceNumberForOrdering") || !request.sequence_number_for_ordering.empty() ||
        !plain_string(value, request.sequence_number_for_ordering) ||
        !is_decimal(request.sequence_number_for_ordering, kMaxDigits)) {
      return false;
    }
  }
  // Nothing but white space may follow.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return false;
  return request.is_batch ? request.records() > 0 : record.add_to(request);
}

bool parse(const Slice& body, PutRequest& request) {
  if (!body.buffer() || body.empty()) return false;
  request.body = body;
  request.encoding = DataEncoding::kBase64;
  const simdjson::padded_string_view json(body.data(), body.size(),
                                          body.size() + simdjson::SIMDJSON_PADDING);
  static thread_local ondemand::parser kept_parser;
  std::unique_ptr<ondemand::parser> own_parser;
  if (body.size() > kKeptParserBytes) own_parser = std::make_unique<ondemand::parser>();
  ondemand::parser& parser = own_parser ? *own_parser : kept_parser;
  ondemand::document document;
  if (parser.iterate(json).get(document)) return false;
  return parse_members(document, request);
}

constexpr std::string_view kNumber = R"({"SequenceNumber":")";
constexpr std::string_view kShard = R"(","ShardId":")";
constexpr std::string_view kEnd = R"("})";
constexpr std::string_view kEncrypted = R"(,"EncryptionType":"KMS")";
constexpr size_t kShardIdSize = 20;
constexpr size_t kResultSize =
    kNumber.size() + kSequenceNumberSize + kShard.size() + kShardIdSize + kEnd.size();

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// One successful result without its number, which goes to `kNumber.size()`.
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
  std::string result = R"({"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":)";
  wire::append_json_string(result, rate_exceeded_message(stream, shard));
  result += '}';
  return result;
}

}  // namespace

bool parse_put_records_json(const Slice& body, PutRequest& request) {
  request.is_batch = true;
  // A record has at least 30 characters around it.
  const size_t records = std::min(kMaxRecordsPerPut, body.size() / 30 + 1);
  request.partition_keys.reserve(records);
  request.data.reserve(records);
  request.data_sizes.reserve(records);
  return parse(body, request);
}

bool parse_put_record_json(const Slice& body, PutRequest& request) {
  request.is_batch = false;
  return parse(body, request);
}

Slice encode_put_records_json(PutOutcome& outcome) {
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
  constexpr size_t kAround = 96;
  BufferRef buffer = BufferRef::allocate(kAround + outcome.slot_of.size() * (longest + 1));
  char* to = append(buffer->data(), R"({"FailedRecordCount":)");
  to = append(to, std::to_string(outcome.throttled_records));
  to = append(to, R"(,"Records":[)");
  for (size_t i = 0; i < outcome.slot_of.size(); ++i) {
    const size_t at = outcome.slot_of[i];
    if (outcome.is_throttled(i)) {
      to = append(to, throttled[at]);
    } else {
      std::memcpy(to, results[at].data(), kResultSize);
      outcome.slots[at].numbers.write_next(to + kNumber.size());
      to += kResultSize;
    }
    *to++ = ',';
  }
  to = append(to - 1, "]");
  if (outcome.is_encrypted()) to = append(to, kEncrypted);
  *to++ = '}';
  const auto size = static_cast<size_t>(to - buffer->data());
  return {std::move(buffer), size};
}

Slice encode_put_record_json(PutOutcome& outcome) {
  PutSlot& slot = outcome.slots.front();
  std::string text = R"({"ShardId":")" + shard_id_text(slot.shard->index) +
                     R"(","SequenceNumber":")" + std::string(kSequenceNumberSize, '0') + R"("})";
  slot.numbers.write_next(text.data() + text.size() - kSequenceNumberSize - 2);
  if (outcome.is_encrypted()) text.insert(text.size() - 1, kEncrypted);
  return Slice::copy_of(text);
}

}  // namespace millstream::streams
