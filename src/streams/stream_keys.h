// The data keys of all encrypted streams: wrapped by master keys, kept in the MetaStore, gone
// with their streams.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/env.h"
#include "log/encrypted/key_ring.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"
#include "streams/master_keys.h"
#include "streams/stream_key_ring.h"

namespace millstream::streams {

// Life cycle: open() before the catalog; it tells every state of a stream by update() before
//             anybody sees it. `store`, `masters` and `clock` outlive it; coroutines that wait
//             here end with their loops before.
// Threads:    any; open() and reload() block.
class StreamKeys final : public KeyRings {
 public:
  StreamKeys(MetaStore& store, MasterKeys& masters, Clock& clock)
      : store_(store), masters_(masters), clock_(clock) {}

  // Learns which streams have data keys, and checks all of them: problems().
  Result<> open();
  // The master keys are others: forgets what they unwrapped, and checks again.
  Result<> reload();
  // What can't be encrypted or decrypted with the present master keys.
  std::vector<std::string> problems() const;

  // Whether `key_id` can encrypt a stream of `user`; the default key is made if there is no key at
  // all and there never was. Errors: those of MasterKeys.
  awaitable<Result<>> prepare(std::string key_id, KeyUser user);

  void update(const Stream& stream);
  void forget(int64_t generation);

  std::shared_ptr<KeyRing> find(ShardId shard) const override;

 private:
  struct StreamRing {
    std::shared_ptr<StreamKeyRing> ring;
    std::vector<uint64_t> shards;  // the stream's keys of by_shard_
  };

  Result<> check();
  void map_shards(StreamRing& entry, const Stream& stream);  // with the lock held

  MetaStore& store_;
  MasterKeys& masters_;
  Clock& clock_;
  std::atomic<bool> any_{false};  // whether rings_ is worth a look
  mutable std::shared_mutex mutex_;
  std::map<int64_t, StreamRing> rings_;  // by generation
  std::unordered_map<uint64_t, std::shared_ptr<StreamKeyRing>> by_shard_;
  mutable std::mutex problems_mutex_;
  std::vector<std::string> problems_;
};

}  // namespace millstream::streams
