// A ShardLog that keeps the records of encrypted streams encrypted in another ShardLog.
#pragma once

#include <memory>
#include <vector>

#include "log/encrypted/key_ring.h"
#include "log/encrypted/record_cipher.h"
#include "log/encrypted/writer_order.h"
#include "log/shard_log.h"

namespace millstream {

// Above it records are plaintext, below it (journal, files, caches, brokers) those of encrypted
// streams are ciphertext only. Plain and encrypted records of one shard live side by side.
//
// Life cycle: `log`, `rings` and `pool` outlive it.
// Threads:    as ShardLog. Batches of more than 1 MiB are encrypted and decrypted in `pool`.
// Order:      appends of one writer reach `log` in the order of their calls (WriterOrder); others
//             may overtake each other while they are encrypted.
// Limits:     ReadLimits::bytes and the bounds of an append count stored, so encrypted bytes.
// Errors:     those of `log`; those of KeyRing of append() and read(). A read that needs a key
//             which is not there, or meets a record that is not authentic, fails whole: nothing
//             is left out.
// Cost:       append() looks each of its shards up once, read() its one.
class EncryptedLog final : public ShardLog {
 public:
  EncryptedLog(ShardLog& log, const KeyRings& rings, asio::thread_pool* pool = nullptr)
      : log_(log), rings_(rings), pool_(pool) {}

  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp stamp) override;
  awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) override;

  awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) override {
    return log_.open_writer(writer);
  }
  awaitable<Result<>> create(ShardId shard, ShardOptions options) override {
    return log_.create(shard, options);
  }
  awaitable<Result<Counter>> seal(ShardId shard) override { return log_.seal(shard); }
  awaitable<Result<>> remove(ShardId shard) override { return log_.remove(shard); }
  awaitable<Result<>> trim(ShardId shard, Counter first) override {
    return log_.trim(shard, first);
  }
  awaitable<Result<>> set_retention(ShardId shard, TimeMs retention_ms) override {
    return log_.set_retention(shard, retention_ms);
  }
  awaitable<Result<>> wait(ShardId shard, Counter position,
                           std::chrono::milliseconds timeout) override {
    return log_.wait(shard, position, timeout);
  }
  awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) override {
    return log_.position_at(shard, time);
  }
  Result<ShardStatus> status(ShardId shard) override { return log_.status(shard); }
  std::vector<ShardId> shards() override { return log_.shards(); }
  awaitable<Result<>> close() override { return log_.close(); }

 private:
  // A batch that is to be encrypted.
  struct Sealing {
    size_t batch = 0;
    std::shared_ptr<KeyRing> ring;
    Nonces nonces;
  };

  awaitable<Result<std::vector<Appended>>> append_encrypted(std::vector<ShardBatch> batches,
                                                            WriterStamp stamp,
                                                            std::vector<Sealing> sealings);
  bool is_for_pool(size_t bytes) const;

  ShardLog& log_;
  const KeyRings& rings_;
  asio::thread_pool* pool_;
  WriterOrder order_;
};

}  // namespace millstream
