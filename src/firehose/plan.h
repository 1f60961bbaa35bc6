// Delivery plans: what exactly goes into one object, decided and durable before its first byte
// leaves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/env.h"
#include "firehose/delivery_stream.h"
#include "log/shard_log.h"

namespace millstream::firehose {

// Records of one shard.
struct ShardRange {
  ShardId shard{};
  Counter first = 0;
  Counter next = 0;      // past the last one
  uint32_t records = 0;  // that were there when the plan was made
  friend bool operator==(const ShardRange&, const ShardRange&) = default;
};

// An object = the data of its ranges' records, range by range, each in order. Constant once it is
// committed: doing it again puts the same bytes under the same key.
struct DeliveryPlan {
  int64_t id = 0;  // of the MetaStore; never given twice
  int64_t delivery_stream = 0;
  int64_t version = 0;  // of the configuration that it follows
  DeliveryTarget target = DeliveryTarget::kLake;
  std::string bucket;
  std::string key;
  Compression compression = Compression::kNone;
  uint64_t bytes = 0;  // of data, before compression
  TimeMs oldest_ms = 0;
  std::vector<ShardRange> ranges;

  uint64_t records() const;
};

// <evaluated prefix><name>-<version>-<yyyy-MM-dd-HH-mm-ss>-<uuid><extension>, with the time of
// the object's oldest record in the destination's time zone.
std::string object_key(const DeliveryStream& stream, TimeMs oldest_ms, std::string_view uuid);

}  // namespace millstream::firehose
