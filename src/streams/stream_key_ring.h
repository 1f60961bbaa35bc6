// The data keys of one stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/env.h"
#include "log/encrypted/key_ring.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"
#include "streams/master_keys.h"

namespace millstream::streams {

// MetaStore::next_number() sequence of data keys, of all streams.
inline constexpr std::string_view kDataKeySequence = "stream_data_key";

// A new data key is made when this run first writes to the stream, after SealingKey::kMaxRecords
// or a day, and after drop_keys(); it is stored before it encrypts. Those of earlier runs decrypt
// only.
//
// Life cycle: shared by who looks it up; `store`, `masters` and `clock` outlive it.
// Threads:    any.
class StreamKeyRing final : public KeyRing, public std::enable_shared_from_this<StreamKeyRing> {
 public:
  StreamKeyRing(MetaStore& store, MasterKeys& masters, Clock& clock, StreamKey stream,
                int64_t generation)
      : store_(store),
        masters_(masters),
        clock_(clock),
        user_{stream.account, stream.region},
        generation_(generation) {}

  // The master key that new data keys are wrapped by; empty: new records are not encrypted.
  void use_master_key(const std::string& key_id);
  // Forgets what the master keys unwrapped.
  void drop_keys();

  bool encrypts() const override;
  std::optional<Nonces> take(uint32_t records) override;
  awaitable<Result<Nonces>> renew(uint32_t records) override;
  std::shared_ptr<const DataKey> find(uint64_t id) const override;
  awaitable<Result<std::shared_ptr<const DataKey>>> load(uint64_t id) override;

 private:
  using Waiter = std::shared_ptr<asio::steady_timer>;

  // One key at a time is made, for all who wait for it; it goes on if they are cancelled.
  awaitable<> make_key();
  awaitable<Result<std::shared_ptr<const DataKey>>> store_new_key(std::string key_id);
  void keep(const std::shared_ptr<const DataKey>& key);  // with the lock held

  MetaStore& store_;
  MasterKeys& masters_;
  Clock& clock_;
  const KeyUser user_;
  const int64_t generation_;
  mutable std::mutex mutex_;
  std::string key_id_;
  uint64_t epoch_ = 0;  // raised by whatever makes a key out of date that is being made
  std::unique_ptr<SealingKey> current_;
  std::chrono::nanoseconds current_since_{};
  std::map<uint64_t, std::shared_ptr<const DataKey>> known_;
  bool making_ = false;
  Result<> made_;  // how the last making went
  std::vector<Waiter> waiters_;
};

// A row of stream_data_keys.
struct WrappedKey {
  uint64_t id = 0;
  MasterKeyRef master;
  Blob wrapped;
};
// What is authenticated with a wrapped data key: it can't be given to another stream.
std::string wrapping_context(uint64_t id, int64_t generation, const MasterKeyRef& master);
Result<SecretKey> unwrap(const MasterKeys& masters, const WrappedKey& key, int64_t generation,
                         const KeyUser& user);

}  // namespace millstream::streams
