// Which shards and streams an answer shows: filters, pages and their tokens. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "streams/catalog.h"
#include "streams/token.h"
#include "wire/generated/kinesis.h"

namespace millstream::streams {

enum class ShardFilterType : uint8_t {
  kFromTrimHorizon,  // the default: all within the retention
  kAtTrimHorizon,
  kAtLatest,
  kAtTimestamp,
  kFromTimestamp,
};

struct ShardFilter {
  ShardFilterType type = ShardFilterType::kFromTrimHorizon;
  TimeMs time = 0;    // kAtTimestamp, kFromTimestamp
  std::string after;  // shards with a higher id only; empty: all
};

// Errors: kInvalidArgument if a member that the type needs is missing, or one is given that it
// can't use.
Result<ShardFilter> shard_filter(const wire::kinesis::ShardFilter& filter);

// At most `limit` shards of `stream` that pass `filter`, by id. Closed shards whose retention
// has ended are not shown. `more`: there are others behind them.
struct ShardPage {
  std::vector<const Shard*> shards;
  bool more = false;
};
ShardPage list_shards(const Stream& stream, const ShardFilter& filter, size_t limit, TimeMs now);

wire::kinesis::Shard wire_shard(const Shard& shard);
// Nothing for a stream that was never warmed. Current: a shard takes 1 MiB/s.
std::optional<wire::kinesis::WarmThroughputObject> wire_warm_throughput(const Stream& stream);

inline constexpr TimeMs kPageTokenLifeMs = 300'000;  // AWS: API model ListShards NextToken

// Where a listing of shards goes on.
struct ShardPageToken {
  StreamKey stream;
  int64_t generation = 0;
  TimeMs issued_ms = 0;
  ShardFilter filter;  // `after`: the last shard shown
};

// `account`: of the caller; a token is good for that account only.
std::string seal_shard_page(const TokenKey& key, std::string_view account,
                            const ShardPageToken& token);
// Errors: kInvalidArgument (not one of ours), kExpiredNextToken.
Result<ShardPageToken> open_shard_page(const TokenKey& key, std::string_view account,
                                       std::string_view text, TimeMs now);

// The same for ListStreams: the name of the last stream shown.
std::string seal_stream_page(const TokenKey& key, std::string_view account, std::string_view region,
                             std::string_view last_name);
Result<std::string> open_stream_page(const TokenKey& key, std::string_view account,
                                     std::string_view region, std::string_view text);

}  // namespace millstream::streams
