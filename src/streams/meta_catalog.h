// The catalog on the MetaStore, and every change of it.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "log/shard_log.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"
#include "streams/catalog_locks.h"
#include "streams/reshard.h"
#include "streams/schema.h"
#include "streams/service.h"
#include "streams/stream_keys.h"

namespace millstream::streams {

struct NewStream {
  StreamKey key;
  StreamMode mode = StreamMode::kProvisioned;
  uint32_t shards = 1;
  int32_t retention_hours = 24;
  int32_t max_record_kib = 1024;
  std::optional<int32_t> warm_throughput_mibps;
  std::map<std::string, std::string> tags;
};

// kInUse with AWS's text unless the stream is ACTIVE.
Result<> check_active(const Stream& stream);

// Life cycle:  open() once before use. Shutdown: the loops stop (coroutines that wait in here are
//              simply not resumed), log and MetaStore are destroyed (they complete what they
//              accepted, and their threads let go of the loops), then the loops, then this.
// Threads:     find(), list() from any thread; changes from any loop, one at a time per stream.
// Cancelling:  a caller that is cancelled (its client has gone) stops waiting; the change goes on.
// Durability:  a change that completes with a value has been decided durably, as an intent; with
//              state_delay 0 it has also been carried out. If carrying it out fails (disk full),
//              the stream stays CREATING, UPDATING or DELETING, as on AWS, and the background
//              tries again until it is done; a restart finishes it as well.
class MetaCatalog final : public Catalog {
 public:
  // `keys`, if any, learns each state of each stream.
  MetaCatalog(MetaStore& store, ShardLog& log, Clock& clock, const StreamsSettings& settings,
              StreamKeys* keys = nullptr)
      : store_(store), log_(log), clock_(clock), settings_(settings), keys_(keys) {}

  // Loads everything, finishes intents and starts the expiry of closed shards on `background`
  // (a loop that lives as long as the server's). Errors: kCorruption if the log lacks a shard
  // that the metadata has (they are not of the same backup).
  awaitable<Result<>> open(asio::any_io_executor background);

  std::shared_ptr<const Stream> find(const StreamKey& key) const override;
  std::vector<std::shared_ptr<const Stream>> list(std::string_view account,
                                                  std::string_view region) const override;
  // The first `limit` of them whose names come after `after`.
  std::vector<std::shared_ptr<const Stream>> list_page(std::string_view account,
                                                       std::string_view region,
                                                       std::string_view after, size_t limit) const;
  std::vector<std::shared_ptr<const Stream>> list_all() const;
  awaitable<> wait_for_change(StreamKey key, std::shared_ptr<const Stream> seen,
                              std::chrono::milliseconds timeout) override;

  // Errors: kInUse (exists), kLimitExceeded, with AWS's texts.
  awaitable<Result<>> create(NewStream wanted);
  // Errors: kNotFound, kInUse (not ACTIVE, or has consumers and not `with_consumers`).
  awaitable<Result<>> remove(StreamKey key, bool with_consumers = false);
  // Closes and opens shards as `plan` says about the stream's present state; all steps of a plan
  // are one intent: clients see the stream before them or after them. `along`, if any, is
  // committed with that intent; the stream is UPDATING and ACTIVE again even if no shard changes.
  // Errors: kNotFound, kInUse (not ACTIVE), kLimitExceeded, those of `plan` and `along`.
  using Plan = std::function<Result<ReshardPlan>(const Stream&)>;
  using Along = std::function<Result<>(Transaction&, const Stream&)>;
  awaitable<Result<>> reshard(StreamKey key, Plan plan, Along along = {});
  // `edit` changes what update_settings() stores, of a copy of the stream; `along`, if any, is
  // committed with it.
  // Errors: kNotFound, those of `edit` and `along`.
  using Edit = std::function<Result<>(Stream&)>;
  awaitable<Result<>> edit(StreamKey key, Edit edit, Along along = {});
  // Where all of this is kept; for what belongs to no stream.
  MetaStore& store() { return store_; }

  // Deletes every stream, whatever its state (reset of a test server).
  awaitable<Result<>> remove_all();
  // Forgets closed shards whose retention has ended. Runs once a minute by itself.
  awaitable<Result<>> expire_closed_shards();

 private:
  awaitable<Result<>> run_create(NewStream wanted);
  awaitable<Result<>> run_remove(StreamKey key, bool with_consumers);
  awaitable<Result<>> run_reshard(StreamKey key, Plan plan, Along along);
  awaitable<Result<>> run_edit(StreamKey key, Edit edit, Along along);
  awaitable<Result<>> run_remove_all();

  struct KeyHash {
    size_t operator()(const StreamKey& key) const {
      const std::hash<std::string_view> hash;
      return hash(key.name) ^ (hash(key.account) * 31) ^ (hash(key.region) * 1'000'003);
    }
  };
  // Lookups of different streams rarely meet; those of the same share a reader's lock.
  struct Stripe {
    mutable std::shared_mutex mutex;
    std::unordered_map<StreamKey, std::shared_ptr<const Stream>, KeyHash> streams;
  };

  Stripe& stripe_of(const StreamKey& key) { return stripes_[KeyHash{}(key) % stripes_.size()]; }
  const Stripe& stripe_of(const StreamKey& key) const {
    return stripes_[KeyHash{}(key) % stripes_.size()];
  }
  // With the stream's lock held.
  void publish(Stream stream);
  // The counters of shards outlive the snapshots.
  void keep_counts(Stream& stream) const;
  // Consumers that `stream` lacks and the state before it had are DELETING for the state delay.
  void keep_deregistered(Stream& stream) const;
  // With ids for the new ones.
  Result<> store_consumers(Transaction& transaction, const Stream& stream) const;
  void publish_removal(const StreamKey& key, int64_t generation);
  void wake_waiters(const StreamKey& key);

  // Runs `change`, then loads the stream, in one transaction; publishes what it has become.
  awaitable<Result<>> write_and_publish(int64_t generation, MetaStore::Work change);
  Result<> check_shard_limit(Transaction& transaction, const StreamKey& key, int64_t more) const;
  struct NumberedPlan {
    std::vector<uint32_t> parents;
    std::vector<Shard> children;
  };
  Result<NumberedPlan> number(Transaction& transaction, const Stream& stream,
                              const ReshardPlan& plan) const;

  // Carries the stream's intents out, with its lock held: now, or after the state delay.
  awaitable<> complete(StreamKey key, int64_t generation);
  void complete_later(StreamKey key, int64_t generation, std::chrono::milliseconds delay);
  awaitable<> run_later(StreamKey key, int64_t generation, std::chrono::milliseconds delay);
  awaitable<Result<>> finish(StreamKey key, int64_t generation);
  awaitable<Result<>> finish_create(int64_t generation);
  awaitable<Result<>> finish_delete(StreamKey key, int64_t generation);
  awaitable<Result<>> finish_reshard(StreamKey key, int64_t generation, Intent intent);
  awaitable<Result<>> finish_retention(StreamKey key, int64_t generation);
  awaitable<Result<std::vector<Shard>>> pending_shards(int64_t generation);
  // `shards` in the log, with their ends.
  awaitable<Result<std::vector<ClosedShard>>> seal(std::vector<Shard> shards);
  awaitable<Result<>> create_log_shards(std::vector<Shard> shards, int32_t retention_hours,
                                        TimeMs not_before_ms);
  // Removes deleted shards from the log.
  awaitable<Result<>> sweep_doomed();
  awaitable<> run_expiry();
  Result<> check_log_has(const Stream& stream, const std::vector<ShardId>& sorted) const;

  MetaStore& store_;
  ShardLog& log_;
  Clock& clock_;
  const StreamsSettings& settings_;
  StreamKeys* keys_;
  asio::any_io_executor background_;
  StreamLocks locks_;
  std::array<Stripe, 16> stripes_;
  mutable std::shared_mutex order_mutex_;
  std::map<StreamKey, std::shared_ptr<const Stream>> in_order_;
  std::mutex waiters_mutex_;
  std::map<StreamKey, std::vector<std::shared_ptr<asio::steady_timer>>> waiters_;
};

}  // namespace millstream::streams
