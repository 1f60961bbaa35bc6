#include "log/encrypted/encrypted_log.h"

#include <optional>
#include <utility>

namespace millstream {
namespace {

constexpr size_t kPoolBytes = size_t{1} << 20;

Result<std::vector<StoredBatch>> decrypt(std::vector<StoredBatch> batches, ShardId shard,
                                         const DataKeys& keys) {
  for (StoredBatch& batch : batches) {
    TRY_ASSIGN(batch.body, decrypt_records(batch.body, shard, keys));
  }
  return batches;
}

}  // namespace

bool EncryptedLog::is_for_pool(size_t bytes) const {
  return bytes > kPoolBytes && pool_ != nullptr;
}

awaitable<Result<std::vector<Appended>>> EncryptedLog::append(std::vector<ShardBatch> batches,
                                                              WriterStamp stamp) {
  std::vector<Sealing> sealings;
  for (size_t i = 0; i < batches.size(); ++i) {
    auto ring = rings_.find(batches[i].shard);
    if (ring && ring->encrypts()) sealings.push_back({i, std::move(ring), {}});
  }
  if (sealings.empty() && stamp.writer == 0) return log_.append(std::move(batches), stamp);
  return append_encrypted(std::move(batches), stamp, std::move(sealings));
}

awaitable<Result<std::vector<Appended>>> EncryptedLog::append_encrypted(
    std::vector<ShardBatch> batches, WriterStamp stamp, std::vector<Sealing> sealings) {
  if (sealings.empty() && !order_.is_busy(stamp.writer)) {
    co_return co_await log_.append(std::move(batches), stamp);
  }
  std::optional<WriterOrder::Place> place;
  if (stamp.writer != 0) place.emplace(order_, stamp.writer);
  size_t bytes = 0;
  for (Sealing& sealing : sealings) {
    const ShardBatch& batch = batches[sealing.batch];
    bytes += batch.body.size();
    if (auto nonces = sealing.ring->take(batch.records)) {
      sealing.nonces = *std::move(nonces);
    } else {
      CO_TRY_ASSIGN(sealing.nonces, co_await sealing.ring->renew(batch.records));
    }
  }
  // Work in the pool goes on when this coroutine is destroyed: it owns all that it uses.
  auto encrypt = [batches = std::move(batches), sealings = std::move(sealings)]() mutable {
    for (const Sealing& sealing : sealings) {
      if (!sealing.nonces.key) continue;
      ShardBatch& batch = batches[sealing.batch];
      batch = encrypt_batch(batch, sealing.nonces);
    }
    return std::move(batches);
  };
  std::vector<ShardBatch> encrypted;
  if (is_for_pool(bytes)) {
    encrypted = co_await run_on(*pool_, std::move(encrypt));
  } else {
    encrypted = encrypt();
  }
  if (place) {
    co_await place->turn();
    // The next one runs on this executor: not before the log has taken this append.
    place->leave();
  }
  co_return co_await log_.append(std::move(encrypted), stamp);
}

awaitable<Result<ReadResult>> EncryptedLog::read(ShardId shard, Counter from, ReadLimits limits) {
  CO_TRY_ASSIGN(ReadResult result, co_await log_.read(shard, from, limits));
  // Looked up after the read: what was read was written with the ring in place.
  const std::shared_ptr<KeyRing> ring = rings_.find(shard);
  if (!ring) co_return result;
  std::vector<uint64_t> ids;
  size_t bytes = 0;
  for (const StoredBatch& batch : result.batches) {
    add_key_ids(batch.body.view(), ids);
    bytes += batch.body.size();
  }
  if (ids.empty()) co_return result;
  DataKeys keys;
  for (const uint64_t id : ids) {
    std::shared_ptr<const DataKey> key = ring->find(id);
    if (!key) {
      CO_TRY_ASSIGN(key, co_await ring->load(id));
    }
    keys.push_back(std::move(key));
  }
  Result<std::vector<StoredBatch>> decrypted;
  if (is_for_pool(bytes)) {
    decrypted = co_await run_on(
        *pool_, [batches = std::move(result.batches), shard, keys = std::move(keys)]() mutable {
          return decrypt(std::move(batches), shard, keys);
        });
  } else {
    decrypted = decrypt(std::move(result.batches), shard, keys);
  }
  CO_TRY_ASSIGN(result.batches, std::move(decrypted));
  co_return result;
}

}  // namespace millstream
