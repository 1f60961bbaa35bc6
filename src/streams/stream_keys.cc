#include "streams/stream_keys.h"

#include <set>
#include <utility>

namespace millstream::streams {
namespace {

std::string problem(const StreamKey& stream, std::string_view what, const Error& error) {
  std::string_view why = error.message;
  if (why.ends_with('.')) why.remove_suffix(1);
  return fmt::format("stream {}: {}: {}; restore the key file and send SIGHUP", stream.arn(), what,
                     why);
}

}  // namespace

Result<> StreamKeys::open() {
  TRY(store_.read_now([this](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows,
               transaction.query("SELECT DISTINCT k.generation, s.account, s.region, s.name"
                                 " FROM stream_data_keys k JOIN streams s"
                                 " ON k.generation = s.generation"));
    std::unique_lock lock(mutex_);
    rings_.clear();
    for (const SqlRow& row : rows) {
      const int64_t generation = row.integer(0);
      const StreamKey stream{row.text(1), row.text(2), row.text(3)};
      rings_[generation].ring =
          std::make_shared<StreamKeyRing>(store_, masters_, clock_, stream, generation);
    }
    any_ = !rings_.empty();
    return {};
  }));
  return check();
}

Result<> StreamKeys::reload() {
  {
    std::shared_lock lock(mutex_);
    for (const auto& entry : rings_) entry.second.ring->drop_keys();
  }
  return check();
}

Result<> StreamKeys::check() {
  std::vector<std::string> found;
  TRY(store_.read_now([this, &found](Transaction& transaction) -> Result<> {
    found.clear();
    // One data key of each version that wrapped any of a stream.
    TRY_ASSIGN(
        auto rows,
        transaction.query("SELECT k.key_id, k.generation, k.master_key_id, k.master_key_version,"
                          " k.wrapped, s.account, s.region, s.name"
                          " FROM stream_data_keys k JOIN streams s ON k.generation = s.generation"
                          " WHERE k.key_id IN (SELECT MIN(key_id) FROM stream_data_keys"
                          "  GROUP BY generation, master_key_id, master_key_version)"
                          " ORDER BY k.key_id"));
    std::set<int64_t> unreadable;
    for (const SqlRow& row : rows) {
      const int64_t generation = row.integer(1);
      const StreamKey stream{row.text(5), row.text(6), row.text(7)};
      const WrappedKey key{static_cast<uint64_t>(row.integer(0)),
                           {row.text(2), static_cast<uint32_t>(row.integer(3))},
                           row.blob(4)};
      const auto unwrapped = unwrap(masters_, key, generation, {stream.account, stream.region});
      if (unwrapped || !unreadable.insert(generation).second) continue;
      found.push_back(problem(stream, "its encrypted records can't be read", unwrapped.error()));
    }
    TRY_ASSIGN(rows, transaction.query("SELECT generation, account, region, name,"
                                       " encryption_key_id FROM streams"
                                       " WHERE encryption_key_id IS NOT NULL ORDER BY generation"));
    for (const SqlRow& row : rows) {
      const StreamKey stream{row.text(1), row.text(2), row.text(3)};
      const auto key = masters_.resolve(row.text(4), {stream.account, stream.region});
      if (key || unreadable.contains(row.integer(0))) continue;
      found.push_back(problem(stream, "its new records can't be encrypted", key.error()));
    }
    return {};
  }));
  std::lock_guard lock(problems_mutex_);
  problems_ = std::move(found);
  return {};
}

std::vector<std::string> StreamKeys::problems() const {
  std::lock_guard lock(problems_mutex_);
  return problems_;
}

awaitable<Result<>> StreamKeys::prepare(std::string key_id, KeyUser user) {
  if (masters_.lacks_default(key_id)) {
    // On the store's thread: writing a file blocks.
    CO_TRY(co_await store_.write([this](Transaction& transaction) -> Result<> {
      TRY_ASSIGN(auto rows, transaction.query("SELECT 1 FROM stream_data_keys LIMIT 1"));
      // The keys are lost or not mounted: another one under that name would hide it.
      if (!rows.empty()) return {};
      return masters_.make_default();
    }));
  }
  CO_TRY(masters_.resolve(key_id, user));
  co_return Result<>{};
}

void StreamKeys::update(const Stream& stream) {
  const bool encrypts = !stream.encryption_key_id.empty();
  if (!encrypts && !any_) return;
  std::unique_lock lock(mutex_);
  auto found = rings_.find(stream.generation);
  if (found == rings_.end()) {
    if (!encrypts) return;
    auto ring =
        std::make_shared<StreamKeyRing>(store_, masters_, clock_, stream.key, stream.generation);
    found = rings_.emplace(stream.generation, StreamRing{std::move(ring), {}}).first;
  }
  found->second.ring->use_master_key(stream.encryption_key_id);
  map_shards(found->second, stream);
  any_ = true;
}

void StreamKeys::map_shards(StreamRing& entry, const Stream& stream) {
  for (const uint64_t shard : entry.shards) by_shard_.erase(shard);
  entry.shards.clear();
  for (const Shard& shard : stream.shards) {
    entry.shards.push_back(static_cast<uint64_t>(shard.log_id));
    by_shard_[entry.shards.back()] = entry.ring;
  }
}

void StreamKeys::forget(int64_t generation) {
  std::unique_lock lock(mutex_);
  const auto found = rings_.find(generation);
  if (found == rings_.end()) return;
  for (const uint64_t shard : found->second.shards) by_shard_.erase(shard);
  rings_.erase(found);
  any_ = !rings_.empty();
}

std::shared_ptr<KeyRing> StreamKeys::find(ShardId shard) const {
  if (!any_.load(std::memory_order_acquire)) return nullptr;
  std::shared_lock lock(mutex_);
  const auto found = by_shard_.find(static_cast<uint64_t>(shard));
  return found == by_shard_.end() ? nullptr : found->second;
}

}  // namespace millstream::streams
