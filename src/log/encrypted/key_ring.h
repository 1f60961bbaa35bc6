// Which shards are encrypted, and with which keys: what EncryptedLog asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/async.h"
#include "base/result.h"
#include "log/encrypted/data_key.h"
#include "log/shard_log.h"

namespace millstream {

// The data keys of one stream.
//
// Threads: any. What does not return an awaitable answers from memory.
// Errors:  kKeyNotFound, kKeyDisabled, kKeyInvalidState, kKeyAccessDenied of its master key;
//          those of the store that keeps the keys.
class KeyRing {
 public:
  virtual ~KeyRing() = default;

  // Whether new records are to be encrypted.
  virtual bool encrypts() const = 0;
  // Nonces for that many records. Nothing if another key has to be made first: renew().
  virtual std::optional<Nonces> take(uint32_t records) = 0;
  // The same, with a new key if one is due. The key is on stable storage before this completes.
  virtual awaitable<Result<Nonces>> renew(uint32_t records) = 0;

  // nullptr: load() has to get it.
  virtual std::shared_ptr<const DataKey> find(uint64_t id) const = 0;
  virtual awaitable<Result<std::shared_ptr<const DataKey>>> load(uint64_t id) = 0;
};

class KeyRings {
 public:
  virtual ~KeyRings() = default;
  // nullptr: no record of the shard was ever encrypted, nor is one to be. A shard has its ring
  // before its first encrypted record, and keeps it.
  virtual std::shared_ptr<KeyRing> find(ShardId shard) const = 0;
};

}  // namespace millstream
