#include "firehose/source_shards.h"

#include <algorithm>
#include <unordered_set>

namespace millstream::firehose {

SourceShards::SourceShards(std::span<const ShardProgress> progress)
    : progress_(progress.begin(), progress.end()) {
  std::ranges::sort(progress_, {}, &ShardProgress::shard);
}

SourceShard SourceShards::make(ShardId id) const {
  SourceShard shard;
  shard.id = id;
  const auto found = std::ranges::lower_bound(progress_, id, {}, &ShardProgress::shard);
  if (found != progress_.end() && found->shard == id) shard.next = shard.planned = found->planned;
  return shard;
}

void SourceShards::set_own(std::span<const ShardId> shards) {
  std::vector<SourceShard> now;
  for (ShardId id : shards) now.push_back(make(id));
  set(std::move(now));
}

void SourceShards::set(std::vector<SourceShard> shards) {
  shards_ = std::move(shards);
  places_.clear();
  for (size_t place = 0; place < shards_.size(); ++place) places_[shards_[place].id] = place;
}

std::vector<SourceShard> SourceShards::follow(std::shared_ptr<const streams::Stream> stream) {
  if (stream == followed_) return {};
  std::vector<SourceShard> now;
  std::vector<SourceShard> gone;
  for (const streams::Shard& shard : stream ? stream->shards : std::vector<streams::Shard>()) {
    SourceShard* known = find(shard.log_id);
    SourceShard next = known != nullptr ? *known : make(shard.log_id);
    next.index = shard.index;
    next.parent = shard.parent;
    next.adjacent_parent = shard.adjacent_parent;
    // Closed before the delivery began, or read to its end by an earlier run.
    if (shard.end && next.next >= *shard.end) next.at_end = next.at_tip = true;
    now.push_back(next);
  }
  std::unordered_set<ShardId> there;
  for (const SourceShard& shard : now) there.insert(shard.id);
  for (const auto& [id, place] : places_) {
    if (!there.contains(id)) gone.push_back(shards_[place]);
  }
  // Those that went while the server was down.
  for (const ShardProgress& shard : progress_) {
    if (!places_.contains(shard.shard) && !there.contains(shard.shard)) {
      gone.push_back(make(shard.shard));
    }
  }
  std::erase_if(progress_,
                [&](const ShardProgress& shard) { return !there.contains(shard.shard); });
  set(std::move(now));
  followed_ = std::move(stream);
  return gone;
}

std::vector<SourceShard*> SourceShards::readable() {
  std::vector<SourceShard*> found;
  for (size_t i = 0; i < shards_.size(); ++i) {
    SourceShard& shard = shards_[(turn_ + i) % shards_.size()];
    if (is_readable(shard)) found.push_back(&shard);
  }
  ++turn_;
  return found;
}

SourceShard* SourceShards::find(ShardId id) {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &shards_[found->second];
}

bool SourceShards::all_at_tip() const {
  return std::ranges::all_of(shards_, [this](const SourceShard& shard) {
    return shard.at_tip || shard.at_end || !is_readable(shard);
  });
}

bool SourceShards::is_readable(const SourceShard& shard) const {
  return !shard.at_end && is_read_to_end(shard.parent) && is_read_to_end(shard.adjacent_parent);
}

// Parents that are listed no more have been past their retention for longer than their
// children exist.
bool SourceShards::is_read_to_end(std::optional<uint32_t> index) const {
  if (!index) return true;
  const auto found = std::ranges::lower_bound(shards_, index, {}, &SourceShard::index);
  return found == shards_.end() || found->index != index || found->at_end;
}

}  // namespace millstream::firehose
