// From decoded records to batches for the log, and from the log's answer to one result a
// record. Independent of the protocol; no waiting here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/shard_log.h"
#include "streams/catalog.h"
#include "streams/limits.h"
#include "streams/put_request.h"
#include "streams/sequence_number.h"

namespace millstream::streams {

// The records of one call that go to one shard.
struct PutSlot {
  const Shard* shard = nullptr;  // of PutOutcome::stream
  uint32_t records = 0;          // those that were not throttled
  size_t bytes = 0;              // of them in stored layout
  SequenceNumberWriter numbers;  // set by complete_put()
};

// What becomes of each record, in the order of the request.
struct PutOutcome {
  std::shared_ptr<const Stream> stream;
  std::vector<PutSlot> slots;      // one for each shard that a record goes to
  std::vector<uint16_t> slot_of;   // by record
  std::vector<uint8_t> throttled;  // by record; empty: none is
  size_t throttled_records = 0;

  bool is_throttled(size_t record) const { return !throttled.empty() && throttled[record] != 0; }
  bool is_encrypted() const { return !stream->encryption_key_id.empty(); }
};

// AWS's text for a record or call over a limit of its shard.
std::string rate_exceeded_message(const Stream& stream, const Shard& shard);

// Records too large, too many bytes, hash keys out of range. AWS's messages.
Result<> check_put(const PutRequest& request, const Stream& stream);

// AWS's rules for SequenceNumberForOrdering: it must be a number that was given already, so
// that the next one of the same partition key is higher. `shard` and its `tip` are where the
// record goes; nothing is ever given twice, so that numbers of other shards need no look.
Result<> check_ordering(std::string_view number, const Stream& stream, const Shard& shard,
                        Counter tip, TimeMs now_ms);

// Chooses the shard of each record; with `limiter`, marks those over its limits.
PutOutcome route_put(const PutRequest& request, std::shared_ptr<const Stream> stream,
                     ShardLimiter* limiter);

// Decodes the data of all records that are not throttled into one buffer, grouped by shard:
// one batch for each slot that has records, in the order of `outcome.slots`. False: some data is
// not base64.
bool store_put(const PutRequest& request, const PutOutcome& outcome,
               std::vector<ShardBatch>& batches);

// Whether all data is base64, without storing it.
bool is_base64_put(const PutRequest& request);

// Takes over the log's answer to the batches of store_put().
void complete_put(PutOutcome& outcome, std::span<const Appended> appended);

// Marks every record as throttled: the log refuses more for now.
void throttle_all(PutOutcome& outcome);

}  // namespace millstream::streams
