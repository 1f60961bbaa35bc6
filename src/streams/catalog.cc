#include "streams/catalog.h"

#include <algorithm>

#include <fmt/format.h>

namespace millstream::streams {

std::string StreamKey::arn() const {
  return fmt::format("arn:aws:kinesis:{}:{}:stream/{}", region, account, name);
}

std::unexpected<Error> no_such_stream(const StreamKey& key) {
  return fail(ErrorCode::kNotFound, "Stream {} under account {} not found.", key.name, key.account);
}

std::string_view status_text(StreamStatus status) {
  switch (status) {
    case StreamStatus::kCreating:
      return "CREATING";
    case StreamStatus::kActive:
      return "ACTIVE";
    case StreamStatus::kUpdating:
      return "UPDATING";
    case StreamStatus::kDeleting:
      return "DELETING";
  }
  MS_ASSERT(false);
}

std::string_view mode_text(StreamMode mode) {
  return mode == StreamMode::kOnDemand ? "ON_DEMAND" : "PROVISIONED";
}

std::string Shard::id() const { return fmt::format("shardId-{:012}", index); }

const Shard* Stream::find_shard(std::string_view id) const {
  // "shardId-000000000007": the digits are the index, by which `shards` is sorted.
  constexpr std::string_view kPrefix = "shardId-";
  if (id.size() != kPrefix.size() + 12 || !id.starts_with(kPrefix)) return nullptr;
  uint64_t index = 0;
  for (char c : id.substr(kPrefix.size())) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<uint64_t>(c - '0');
  }
  const auto found = std::ranges::lower_bound(shards, index, {}, &Shard::index);
  return found != shards.end() && found->index == index ? &*found : nullptr;
}

const Shard& Stream::route(HashKey hash_key) const {
  MS_ASSERT(!open_by_hash_key.empty());
  const auto next = std::ranges::upper_bound(first_hash_keys, hash_key);
  MS_ASSERT(next != first_hash_keys.begin());
  return shards[open_by_hash_key[static_cast<size_t>(next - first_hash_keys.begin()) - 1]];
}

std::vector<const Shard*> Stream::children(uint32_t index) const {
  std::vector<const Shard*> found;
  for (const Shard& shard : shards) {
    if (shard.parent == index || shard.adjacent_parent == index) found.push_back(&shard);
  }
  return found;
}

void Stream::index_open_shards() {
  open_by_hash_key.clear();
  first_hash_keys.clear();
  for (uint32_t position = 0; position < shards.size(); ++position) {
    if (shards[position].open) open_by_hash_key.push_back(position);
  }
  std::ranges::sort(open_by_hash_key, {},
                    [this](uint32_t position) { return shards[position].first_hash_key; });
  if (open_by_hash_key.empty()) return;
  HashKey next = 0;
  for (uint32_t position : open_by_hash_key) {
    MS_ASSERT(shards[position].first_hash_key == next);
    first_hash_keys.push_back(next);
    next = shards[position].last_hash_key + 1;
  }
  MS_ASSERT(next == 0);  // wrapped round behind 2^128 - 1
}

}  // namespace millstream::streams
