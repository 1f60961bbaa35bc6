// Reading a shard: what GetRecords answers, independent of the protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/shard_log.h"
#include "streams/catalog.h"
#include "wire/generated/kinesis.h"

namespace millstream::streams {

// AWS limits: 10,000 records (API model GetRecordsInputLimit) and 10 MiB a call.
inline constexpr uint32_t kMaxRecordsPerGet = 10'000;
inline constexpr size_t kMaxGetBytes = size_t{10} << 20;

struct GetAnswer {
  std::shared_ptr<const Stream> stream;
  const Shard* shard = nullptr;  // of `stream`
  ReadResult read;
  int64_t millis_behind_latest = 0;
  std::optional<std::string> next_iterator;  // none at the end of a closed shard
  std::vector<const Shard*> children;        // then these: of `stream`
};

size_t stored_bytes(const ReadResult& read);

// 0 at the tip; before it, how old the newest record of the answer is, at least 1.
int64_t millis_behind_latest(const ReadResult& read, TimeMs now_ms);

// The shards that a ChildShard names as its parents.
std::vector<std::string> parent_ids(const Shard& shard);

// For protocols without a codec of their own (get_json.h): copies everything.
wire::kinesis::GetRecordsOutput to_output(const GetAnswer& answer);

}  // namespace millstream::streams
