// `millstream tail`: a stream's records as they arrive, over splits and merges.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/retry.h"
#include "cli/api_client.h"
#include "wire/generated/kinesis.h"

namespace millstream::cli {

struct TailStart {
  enum class Kind : uint8_t { kLatest, kTrimHorizon, kTimestamp };
  Kind kind = Kind::kLatest;
  TimeMs time = 0;  // kTimestamp
};
// "latest", "trim_horizon", a time (2026-11-24T10:00:00Z), or a time before now (5m, 2h).
Result<TailStart> parse_tail_start(std::string_view text, TimeMs now);

struct TailOptions {
  std::string stream;
  TailStart from;
  uint64_t max_records = 0;  // 0: no limit
  bool follow = true;        // else: ends at the newest record of every shard
  bool ndjson = false;
  // Between calls at the tip. AWS limit: 5 GetRecords calls a second and shard.
  std::chrono::milliseconds poll{200};
  RetryPolicy retry{.retries = 10,
                    .first = std::chrono::milliseconds(200),
                    .longest = std::chrono::milliseconds(5'000)};
};

struct TailCalls {
  std::function<awaitable<Result<wire::kinesis::ListShardsOutput>>(wire::kinesis::ListShardsInput)>
      list_shards;
  std::function<awaitable<Result<wire::kinesis::GetShardIteratorOutput>>(
      wire::kinesis::GetShardIteratorInput)>
      get_shard_iterator;
  std::function<awaitable<Result<wire::kinesis::GetRecordsOutput>>(wire::kinesis::GetRecordsInput)>
      get_records;
};

using RecordSink = std::function<void(const std::string& shard, const wire::kinesis::Record&)>;

// Ends at options.max_records, without `follow` at the tip, when every shard has ended without
// children, or with an error that trying again does not heal. Records of a shard come in order,
// those of a parent before those of its children. `after_call` is called after each GetRecords.
awaitable<Result<uint64_t>> tail_stream(const TailOptions& options, const TailCalls& calls,
                                        const RecordSink& sink,
                                        const std::function<void()>& after_call);

// The exit code. Prints to standard output, in colour if that is a terminal and NO_COLOR is not
// set.
int run_tail(const TailOptions& options, const Connection& connection);

}  // namespace millstream::cli
