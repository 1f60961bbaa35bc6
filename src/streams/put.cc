#include "streams/put.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/base64.h"
#include "base/hash.h"
#include "log/record.h"
#include "streams/hash_key.h"

namespace millstream::streams {
namespace {

// base64_decode() may write this far beyond what it decodes: regions of different shards are
// that far apart, since they are filled in turns.
constexpr size_t kDecodeSlack = 64;

// The positions of shards within one call's slots: a table by position in open_by_hash_key,
// stamped with the call, so that it is never cleared.
class SlotTable {
 public:
  void start(size_t open_shards) {
    if (cells_.size() < open_shards) cells_.resize(open_shards);
    ++call_;
  }
  // The slot of `position`; `next` if it has none yet (then it is now).
  uint16_t slot(size_t position, size_t next) {
    uint64_t& cell = cells_[position];
    if (cell >> 16 != call_) cell = call_ << 16 | next;
    return static_cast<uint16_t>(cell);
  }

 private:
  std::vector<uint64_t> cells_;
  uint64_t call_ = 0;
};

// Position in open_by_hash_key of the shard that holds `key`. The shards of most streams have the
// same size: then the first guess is right, and nothing else is looked at.
size_t route(const Stream& stream, HashKey key) {
  const HashKey* first = stream.first_hash_keys.data();
  const size_t shards = stream.first_hash_keys.size();
  size_t low = static_cast<size_t>((key >> 64) * shards >> 64);
  size_t high = low + 1;
  for (size_t step = 1; first[low] > key; step *= 2) {
    high = low;
    low -= std::min(low, step);
  }
  for (size_t step = 1; high < shards && first[high] <= key; step *= 2) {
    low = high;
    high = std::min(shards, high + step);
  }
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (first[middle] <= key ? low : high) = middle;
  }
  return low;
}

std::vector<HashKey> hash_keys(const PutRequest& request) {
  const size_t records = request.records();
  std::vector<HashKey> keys(records);
  std::vector<Md5> digests(records);
  // Without records of their own hash key (the usual case) all are hashed at once; else too: the
  // few bytes are cheaper than sorting them out.
  md5_many(request.partition_keys, digests);
  for (size_t i = 0; i < records; ++i) keys[i] = hash_key_of(digests[i]);
  for (size_t i = 0; i < request.explicit_hash_keys.size(); ++i) {
    if (request.explicit_hash_keys[i].empty()) continue;
    const auto key = parse_hash_key(request.explicit_hash_keys[i]);
    MS_ASSERT(key.has_value());  // check_put()
    keys[i] = *key;
  }
  return keys;
}

size_t payload_bytes(const PutRequest& request, size_t record) {
  return request.partition_keys[record].size() + request.data_sizes[record];
}

}  // namespace

std::string rate_exceeded_message(const Stream& stream, const Shard& shard) {
  return fmt::format("Rate exceeded for shard {} in stream {} under account {}.",
                     shard_id_text(shard.index), stream.key.name, stream.key.account);
}

Result<> check_put(const PutRequest& request, const Stream& stream) {
  for (const std::string_view text : request.explicit_hash_keys) {
    if (text.empty() || parse_hash_key(text)) continue;
    return fail(ErrorCode::kInvalidArgument,
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                "Specified value was {}",
                text);
  }
  const size_t limit = static_cast<size_t>(stream.max_record_kib) << 10;
  size_t total = 0;
  for (size_t i = 0; i < request.records(); ++i) {
    const size_t bytes = payload_bytes(request, i);
    total += bytes;
    if (bytes <= limit) continue;
    if (request.data_sizes[i] > limit) {
      return fail(ErrorCode::kValidation,
                  "1 validation error detected: Value "
                  "'java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]' at '{1}' failed to satisfy "
                  "constraint: Member must have length less than or equal to {2}",
                  request.data_sizes[i],
                  request.is_batch ? fmt::format("records.{}.member.data", i + 1) : "data", limit);
    }
    return fail(ErrorCode::kInvalidArgument,
                "The record's partition key and data have {} bytes together, stream {} under "
                "account {} takes at most {}. Send less, or raise the stream's maximum record "
                "size.",
                bytes, stream.key.name, stream.key.account, limit);
  }
  if (total > kMaxPutBytes) {
    return fail(ErrorCode::kInvalidArgument, "Records size exceeds {} MB limit",
                kMaxPutBytes >> 20);
  }
  return {};
}

Result<> check_ordering(std::string_view number, const Stream& stream, const Shard& shard,
                        Counter tip, TimeMs now_ms) {
  const auto parsed = parse_sequence_number(number);
  bool valid = parsed && parsed->version != 0;
  if (valid) {
    // One of a shard of this stream was given by that shard, at its own time: the clock may
    // have gone back since.
    const bool own = parsed->version == 2 && parsed->shard_index == shard.index &&
                     parsed->created_s == shard.created_s;
    if (own) {
      valid = parsed->counter < tip;
    } else {
      valid = parsed->time_s <= std::max(now_ms / 1000, shard.created_s);
    }
  }
  if (valid) return {};
  return fail(ErrorCode::kInvalidArgument,
              "ExclusiveMinimumSequenceNumber {} used in PutRecord on stream {} under account {} "
              "is invalid.",
              number, stream.key.name, stream.key.account);
}

PutOutcome route_put(const PutRequest& request, std::shared_ptr<const Stream> stream,
                     ShardLimiter* limiter) {
  thread_local SlotTable table;
  table.start(stream->open_by_hash_key.size());
  const size_t records = request.records();
  const std::vector<HashKey> keys = hash_keys(request);
  PutOutcome outcome;
  outcome.slot_of.resize(records);
  outcome.slots.reserve(std::min(records, stream->open_by_hash_key.size()));
  if (limiter) outcome.throttled.resize(records);
  for (size_t i = 0; i < records; ++i) {
    const size_t position = route(*stream, keys[i]);
    const uint16_t at = table.slot(position, outcome.slots.size());
    if (at == outcome.slots.size()) {
      outcome.slots.push_back({&stream->shards[stream->open_by_hash_key[position]], 0, 0, {}});
    }
    outcome.slot_of[i] = at;
    PutSlot& slot = outcome.slots[at];
    if (limiter && !limiter->take_put(slot.shard->log_id, payload_bytes(request, i))) {
      outcome.throttled[i] = 1;
      ++outcome.throttled_records;
      continue;
    }
    ++slot.records;
    slot.bytes += stored_record_size(request.partition_keys[i].size(), request.data_sizes[i]);
  }
  outcome.stream = std::move(stream);
  return outcome;
}

bool store_put(const PutRequest& request, const PutOutcome& outcome,
               std::vector<ShardBatch>& batches) {
  size_t size = 0;
  std::vector<size_t> starts(outcome.slots.size());
  for (size_t i = 0; i < outcome.slots.size(); ++i) {
    starts[i] = size;
    size += outcome.slots[i].bytes + kDecodeSlack;
  }
  BufferRef buffer = BufferRef::allocate(size);
  std::vector<char*> ends(outcome.slots.size());
  for (size_t i = 0; i < ends.size(); ++i) ends[i] = buffer->data() + starts[i];
  for (size_t i = 0; i < request.records(); ++i) {
    if (outcome.is_throttled(i)) continue;
    char*& end = ends[outcome.slot_of[i]];
    char* data = store_record_head(end, request.partition_keys[i], request.data_sizes[i]);
    if (request.encoding == DataEncoding::kBase64) {
      const auto decoded = base64_decode(request.data[i], data);
      if (!decoded || *decoded != request.data_sizes[i]) return false;
    } else {
      std::memcpy(data, request.data[i].data(), request.data_sizes[i]);
    }
    end = data + request.data_sizes[i];
  }
  batches.clear();
  batches.reserve(outcome.slots.size());
  size_t bytes = 0;
  for (size_t i = 0; i < outcome.slots.size(); ++i) {
    const PutSlot& slot = outcome.slots[i];
    if (slot.records == 0) continue;
    const char* start = buffer->data() + starts[i];
    MS_ASSERT(ends[i] == start + slot.bytes);
    bytes += slot.bytes;
    batches.push_back({slot.shard->log_id, slot.records,
                       crc32c(std::string_view(start, slot.bytes)),
                       Slice(buffer, start, slot.bytes)});
  }
  MS_ASSERT(bytes <= kMaxAppendBytes);  // follows from kMaxPutBytes and kMaxRecordsPerPut
  return true;
}

bool is_base64_put(const PutRequest& request) {
  if (request.encoding != DataEncoding::kBase64) return true;
  std::vector<char> scratch;
  for (const std::string_view text : request.data) {
    scratch.resize(base64_decoded_bound(text.size()) + kDecodeSlack);
    if (!base64_decode(text, scratch.data())) return false;
  }
  return true;
}

void complete_put(PutOutcome& outcome, std::span<const Appended> appended) {
  auto next = appended.begin();
  for (PutSlot& slot : outcome.slots) {
    if (slot.records == 0) continue;
    MS_ASSERT(next != appended.end() && next->shard == slot.shard->log_id &&
              next->records == slot.records);
    slot.numbers = SequenceNumberWriter(*slot.shard, next->first, next->arrival_ms);
    if (ShardWrites* writes = slot.shard->writes.get()) {
      writes->bytes.fetch_add(slot.bytes, std::memory_order_relaxed);
      writes->records.fetch_add(slot.records, std::memory_order_relaxed);
    }
    ++next;
  }
  MS_ASSERT(next == appended.end());
}

void throttle_all(PutOutcome& outcome) {
  outcome.throttled.assign(outcome.slot_of.size(), 1);
  outcome.throttled_records = outcome.slot_of.size();
}

}  // namespace millstream::streams
