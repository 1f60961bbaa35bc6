// Key rings in memory, for tests: every shard has one ring, which a test turns on and off.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "log/encrypted/key_ring.h"
#include "log/record.h"

namespace millstream {

// Threads: one.
class FakeKeyRing final : public KeyRing {
 public:
  bool on = true;
  bool is_missing = false;  // the master key is: nothing can be loaded or made
  int loads = 0;

  // As another run does: it has no key in hand, and makes one of its own.
  void restart() {
    current_.reset();
    known_.clear();
  }
  void renew_next() { current_.reset(); }

  bool encrypts() const override { return on; }
  std::optional<Nonces> take(uint32_t records) override {
    if (!current_) return std::nullopt;
    return current_->take(records);
  }
  awaitable<Result<Nonces>> renew(uint32_t records) override {
    CO_TRY(check());
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    if (current_) co_return *current_->take(records);
    SecretKey secret;
    secret.bytes.fill(static_cast<unsigned char>(stored_.size() + 1));
    const uint64_t id = 100 + stored_.size();
    stored_[id] = secret;
    known_[id] = std::make_shared<const DataKey>(id, secret);
    current_ = std::make_unique<SealingKey>(known_[id]);
    co_return *current_->take(records);
  }
  std::shared_ptr<const DataKey> find(uint64_t id) const override {
    const auto found = known_.find(id);
    return found == known_.end() ? nullptr : found->second;
  }
  awaitable<Result<std::shared_ptr<const DataKey>>> load(uint64_t id) override {
    CO_TRY(check());
    ++loads;
    const auto found = stored_.find(id);
    if (found == stored_.end()) co_return fail(ErrorCode::kKeyInvalidState, "no key {}", id);
    known_[id] = std::make_shared<const DataKey>(id, found->second);
    co_return known_[id];
  }
  size_t keys() const { return stored_.size(); }

 private:
  Result<> check() const {
    if (is_missing) return fail(ErrorCode::kKeyNotFound, "the master key is missing");
    return {};
  }

  std::map<uint64_t, SecretKey> stored_;
  std::map<uint64_t, std::shared_ptr<const DataKey>> known_;
  std::unique_ptr<SealingKey> current_;
};

class FakeKeyRings final : public KeyRings {
 public:
  std::map<ShardId, std::shared_ptr<FakeKeyRing>> rings;

  std::shared_ptr<KeyRing> find(ShardId shard) const override {
    const auto found = rings.find(shard);
    return found == rings.end() ? nullptr : found->second;
  }
};

// A batch of (partition key, data).
using PlainRecord = std::pair<std::string, std::string>;

inline ShardBatch plain_batch(ShardId shard, const std::vector<PlainRecord>& records) {
  std::string body;
  for (const auto& [key, data] : records) {
    const size_t at = body.size();
    body.resize(at + stored_record_size(key.size(), data.size()));
    data.copy(store_record_head(body.data() + at, key, data.size()), data.size());
  }
  const Slice slice = Slice::copy_of(body);
  return {shard, static_cast<uint32_t>(records.size()), crc32c(slice.view()), slice};
}

inline std::vector<PlainRecord> plain_records(std::string_view body) {
  std::vector<PlainRecord> records;
  RecordCursor cursor(body);
  RecordView record;
  while (cursor.next(record)) records.emplace_back(record.partition_key, record.data);
  MS_ASSERT(!cursor.broken());
  return records;
}

}  // namespace millstream
