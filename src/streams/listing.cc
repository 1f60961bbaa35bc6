#include "streams/listing.h"

#include <algorithm>

#include "base/text.h"
#include "streams/hash_key.h"
#include "streams/sequence_number.h"

namespace millstream::streams {
namespace {

using WireFilterType = wire::kinesis::ShardFilterType;

std::unexpected<Error> bad_token() {
  return fail(ErrorCode::kInvalidArgument,
              "NextToken is not one that this operation gave to this account; list again without "
              "it.");
}

// A shard begins when its parents end: no moment in between at which no shard was open.
TimeMs begin_of(const Stream& stream, const Shard& shard) {
  TimeMs begin = shard.created_s * 1000;
  for (const auto& index : {shard.parent, shard.adjacent_parent}) {
    if (!index) continue;
    const auto parent = std::ranges::lower_bound(stream.shards, *index, {}, &Shard::index);
    if (parent != stream.shards.end() && parent->index == *index) begin = parent->closed_ms;
  }
  return begin;
}

bool passes(const Stream& stream, const Shard& shard, const ShardFilter& filter, TimeMs horizon) {
  // Ids have a fixed number of digits: their order is that of the indices.
  if (!filter.after.empty() && shard.id() <= filter.after) return false;
  // Before the horizon there is nothing to be seen: earlier times mean the horizon.
  const TimeMs time = std::max(filter.time, horizon);
  switch (filter.type) {
    case ShardFilterType::kFromTrimHorizon:
      return true;
    case ShardFilterType::kAtLatest:
      return shard.open;
    case ShardFilterType::kFromTimestamp:
      return shard.open || shard.closed_ms >= time;
    case ShardFilterType::kAtTrimHorizon:
    case ShardFilterType::kAtTimestamp:
      return begin_of(stream, shard) <= time && (shard.open || shard.closed_ms >= time);
  }
  MS_ASSERT(false);
}

}  // namespace

Result<ShardFilter> shard_filter(const wire::kinesis::ShardFilter& filter) {
  const bool needs_shard = filter.type == WireFilterType::kAfterShardId;
  const bool needs_time =
      filter.type == WireFilterType::kAtTimestamp || filter.type == WireFilterType::kFromTimestamp;
  const auto check = [&filter](bool needed, bool given, std::string_view member) -> Result<> {
    if (needed && !given) {
      return fail(ErrorCode::kInvalidArgument, "ShardFilter type {} needs {}; add it.", filter.type,
                  member);
    }
    if (given && !needed) {
      return fail(ErrorCode::kInvalidArgument,
                  "ShardFilter type {} cannot be used with {}; leave it out.", filter.type, member);
    }
    return {};
  };
  TRY(check(needs_shard, filter.shard_id.has_value(), "ShardId"));
  TRY(check(needs_time, filter.timestamp.has_value(), "Timestamp"));
  ShardFilter result;
  if (filter.type == WireFilterType::kAtTrimHorizon) result.type = ShardFilterType::kAtTrimHorizon;
  if (filter.type == WireFilterType::kAtLatest) result.type = ShardFilterType::kAtLatest;
  if (filter.type == WireFilterType::kAtTimestamp) result.type = ShardFilterType::kAtTimestamp;
  if (filter.type == WireFilterType::kFromTimestamp) result.type = ShardFilterType::kFromTimestamp;
  if (needs_time) result.time = filter.timestamp->ms;
  if (needs_shard) result.after = *filter.shard_id;
  return result;
}

ShardPage list_shards(const Stream& stream, const ShardFilter& filter, size_t limit, TimeMs now) {
  const TimeMs oldest = now - TimeMs{stream.retention_hours} * 3'600'000;
  const TimeMs horizon = std::max(oldest, stream.created_ms);
  ShardPage page;
  for (const Shard& shard : stream.shards) {
    if (!shard.open && shard.closed_ms < oldest) continue;
    if (!passes(stream, shard, filter, horizon)) continue;
    if (page.shards.size() == limit) {
      page.more = true;
      break;
    }
    page.shards.push_back(&shard);
  }
  return page;
}

wire::kinesis::Shard wire_shard(const Shard& shard) {
  wire::kinesis::Shard result;
  result.shard_id = shard.id();
  if (shard.parent) result.parent_shard_id = shard_id_text(*shard.parent);
  if (shard.adjacent_parent)
    result.adjacent_parent_shard_id = shard_id_text(*shard.adjacent_parent);
  result.hash_key_range.starting_hash_key = format_hash_key(shard.first_hash_key);
  result.hash_key_range.ending_hash_key = format_hash_key(shard.last_hash_key);
  result.sequence_number_range.starting_sequence_number = starting_sequence_number(shard);
  result.sequence_number_range.ending_sequence_number = ending_sequence_number(shard);
  return result;
}

std::optional<wire::kinesis::WarmThroughputObject> wire_warm_throughput(const Stream& stream) {
  if (stream.mode != StreamMode::kOnDemand || !stream.warm_throughput_mibps) return std::nullopt;
  wire::kinesis::WarmThroughputObject warm;
  warm.target_mibps = stream.warm_throughput_mibps;
  warm.current_mibps =
      std::min(*stream.warm_throughput_mibps, static_cast<int32_t>(stream.open_by_hash_key.size()));
  return warm;
}

std::string seal_shard_page(const TokenKey& key, std::string_view account,
                            const ShardPageToken& token) {
  const std::string plain =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", token.stream.account, token.stream.region,
                  token.stream.name, token.generation, token.issued_ms,
                  static_cast<int>(token.filter.type), token.filter.time, token.filter.after);
  return seal_token_text(key, fmt::format("ListShards:{}", account), plain);
}

Result<ShardPageToken> open_shard_page(const TokenKey& key, std::string_view account,
                                       std::string_view text, TimeMs now) {
  const auto plain = open_token_text(key, fmt::format("ListShards:{}", account), text);
  if (!plain) return bad_token();
  // Authenticated: what opens was sealed above.
  const auto fields = split(*plain, '\n');
  MS_ASSERT(fields.size() == 8);
  ShardPageToken token;
  token.stream = {std::string(fields[0]), std::string(fields[1]), std::string(fields[2])};
  token.generation = parse_integer<int64_t>(fields[3]).value();
  token.issued_ms = parse_integer<int64_t>(fields[4]).value();
  token.filter.type = static_cast<ShardFilterType>(parse_integer<int>(fields[5]).value());
  token.filter.time = parse_integer<int64_t>(fields[6]).value();
  token.filter.after = fields[7];
  if (now - token.issued_ms > kPageTokenLifeMs) {
    return fail(ErrorCode::kExpiredNextToken,
                "NextToken is older than {} seconds; list again without it.",
                kPageTokenLifeMs / 1000);
  }
  return token;
}

std::string seal_stream_page(const TokenKey& key, std::string_view account, std::string_view region,
                             std::string_view last_name) {
  return seal_token_text(key, fmt::format("ListStreams:{}:{}", account, region), last_name);
}

Result<std::string> open_stream_page(const TokenKey& key, std::string_view account,
                                     std::string_view region, std::string_view text) {
  auto name = open_token_text(key, fmt::format("ListStreams:{}:{}", account, region), text);
  if (!name) return bad_token();
  return *std::move(name);
}

}  // namespace millstream::streams
