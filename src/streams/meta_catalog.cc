// Life cycle, snapshots and changes. Carrying intents out: meta_catalog_intents.cc.
#include "streams/meta_catalog.h"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <spdlog/spdlog.h>

#include "streams/consumer.h"
#include "streams/policies.h"
#include "streams/scaling.h"

namespace millstream::streams {
namespace {

// AWS limit: API model CreateStream, streams in CREATING at a time.
constexpr size_t kMaxChanging = 5;  // AWS: CreateStream; its text
constexpr std::chrono::minutes kExpiryInterval{1};
// Children may be created in the second of their parents' creation, and a child is at least 1 s
// younger than its parents (in its sequence numbers only): this leaves room for as many
// generations, from 1 shard to 1,000 and back some times, before a creation lies in the future.
constexpr int64_t kCreatedBeforeS = 100;

// Runs `change` to its end, whatever becomes of the caller: between the commit of a change and
// its publication nothing may interrupt it.
awaitable<Result<>> uninterrupted(awaitable<Result<>> change) {
  const auto executor = co_await asio::this_coro::executor;
  co_return co_await asio::co_spawn(
      executor, std::move(change),
      asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

}  // namespace

Result<> check_active(const Stream& stream) {
  if (stream.status == StreamStatus::kActive) return {};
  return fail(ErrorCode::kInUse, "Stream {} under account {} not ACTIVE, instead in state {}",
              stream.key.name, stream.key.account, status_text(stream.status));
}

awaitable<Result<>> MetaCatalog::open(asio::any_io_executor background) {
  background_ = std::move(background);
  CO_TRY(store_.migrate(stream_migrations()));
  std::vector<int64_t> unfinished;
  std::vector<Stream> loaded;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    unfinished.clear();
    loaded.clear();
    TRY_ASSIGN(auto generations, load_generations(transaction));
    for (int64_t generation : generations) {
      TRY_ASSIGN(Stream stream, load_stream(transaction, generation));
      TRY_ASSIGN(auto intents, load_intents(transaction, generation));
      if (!intents.empty()) unfinished.push_back(generation);
      loaded.push_back(std::move(stream));
    }
    return {};
  }));
  std::vector<ShardId> in_log = log_.shards();
  std::ranges::sort(in_log);
  std::vector<std::pair<StreamKey, int64_t>> to_finish;
  for (Stream& stream : loaded) {
    CO_TRY(check_log_has(stream, in_log));
    if (std::ranges::binary_search(unfinished, stream.generation)) {
      to_finish.emplace_back(stream.key, stream.generation);
    }
    publish(std::move(stream));
  }
  for (const auto& [key, generation] : to_finish) {
    const auto held = co_await locks_.acquire(key);
    auto finished = co_await finish(key, generation);
    if (!finished) {
      spdlog::warn("stream {}: the change that the last run began can't be completed yet: {}",
                   key.arn(), finished.error().message);
      complete_later(key, generation, std::chrono::seconds(1));
    }
  }
  CO_TRY(co_await sweep_doomed());
  asio::co_spawn(background_, run_expiry(), asio::detached);
  co_return Result<>{};
}

Result<> MetaCatalog::check_log_has(const Stream& stream,
                                    const std::vector<ShardId>& sorted) const {
  for (const Shard& shard : stream.shards) {
    if (std::ranges::binary_search(sorted, shard.log_id)) continue;
    if (stream.status == StreamStatus::kDeleting) continue;
    return fail(ErrorCode::kCorruption,
                "{} of stream {} (log shard {}) is missing in the log: metadata and log are not "
                "of the same time; restore both from the same backup",
                shard.id(), stream.key.arn(), static_cast<uint64_t>(shard.log_id));
  }
  return {};
}

std::shared_ptr<const Stream> MetaCatalog::find(const StreamKey& key) const {
  const Stripe& stripe = stripe_of(key);
  std::shared_lock lock(stripe.mutex);
  const auto found = stripe.streams.find(key);
  return found == stripe.streams.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const Stream>> MetaCatalog::list(std::string_view account,
                                                             std::string_view region) const {
  std::vector<std::shared_ptr<const Stream>> found;
  std::shared_lock lock(order_mutex_);
  auto at = in_order_.lower_bound(StreamKey{std::string(account), std::string(region), ""});
  for (; at != in_order_.end(); ++at) {
    if (at->first.account != account || at->first.region != region) break;
    found.push_back(at->second);
  }
  return found;
}

std::vector<std::shared_ptr<const Stream>> MetaCatalog::list_page(std::string_view account,
                                                                  std::string_view region,
                                                                  std::string_view after,
                                                                  size_t limit) const {
  std::vector<std::shared_ptr<const Stream>> found;
  std::shared_lock lock(order_mutex_);
  auto at = in_order_.upper_bound(
      StreamKey{std::string(account), std::string(region), std::string(after)});
  for (; at != in_order_.end() && found.size() < limit; ++at) {
    if (at->first.account != account || at->first.region != region) break;
    found.push_back(at->second);
  }
  return found;
}

std::vector<std::shared_ptr<const Stream>> MetaCatalog::list_all() const {
  std::vector<std::shared_ptr<const Stream>> found;
  std::shared_lock lock(order_mutex_);
  for (const auto& entry : in_order_) found.push_back(entry.second);
  return found;
}

awaitable<> MetaCatalog::wait_for_change(StreamKey key, std::shared_ptr<const Stream> seen,
                                         std::chrono::milliseconds timeout) {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, timeout);
  {
    std::lock_guard lock(waiters_mutex_);
    waiters_[key].push_back(timer);
  }
  // Registered first, looked second: a change in between is seen either way.
  if (find(key) == seen) {
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  std::lock_guard lock(waiters_mutex_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end()) co_return;
  std::erase(found->second, timer);
  if (found->second.empty()) waiters_.erase(found);
}

void MetaCatalog::keep_counts(Stream& stream) const {
  auto before = find(stream.key);
  if (before && before->generation != stream.generation) before = nullptr;
  stream.activity = before ? before->activity : std::make_shared<StreamActivity>();
  const bool counts_shards =
      stream.mode == StreamMode::kOnDemand || !stream.shard_level_metrics.empty();
  for (Shard& shard : stream.shards) {
    if (!shard.open || !counts_shards) continue;
    if (before) {
      const auto known = std::ranges::lower_bound(before->shards, shard.index, {}, &Shard::index);
      if (known != before->shards.end() && known->index == shard.index) {
        shard.writes = known->writes;
      }
    }
    if (!shard.writes) shard.writes = std::make_shared<ShardWrites>();
  }
}

void MetaCatalog::keep_deregistered(Stream& stream) const {
  const auto before = find(stream.key);
  if (!before || before->generation != stream.generation) return;
  const TimeMs now = clock_.now_ms();
  for (Consumer consumer : before->consumers) {
    const auto same = std::ranges::find(stream.consumers, consumer.id, &Consumer::id);
    if (same != stream.consumers.end()) continue;
    if (!consumer.deregistered_ms) consumer.deregistered_ms = now;
    if (now - *consumer.deregistered_ms >= settings_.state_delay.count()) continue;
    stream.consumers.push_back(std::move(consumer));
  }
  std::ranges::sort(stream.consumers, {}, &Consumer::id);
}

void MetaCatalog::publish(Stream stream) {
  const StreamKey key = stream.key;
  keep_deregistered(stream);
  keep_counts(stream);
  auto shared = std::make_shared<const Stream>(std::move(stream));
  // Who sees that a stream is encrypted may rely on it; who does not, on nothing.
  const bool is_encrypted = !shared->encryption_key_id.empty();
  if (keys_ != nullptr && is_encrypted) keys_->update(*shared);
  {
    std::unique_lock lock(order_mutex_);
    in_order_[key] = shared;
  }
  {
    Stripe& stripe = stripe_of(key);
    std::unique_lock lock(stripe.mutex);
    stripe.streams[key] = shared;
  }
  if (keys_ != nullptr && !is_encrypted) keys_->update(*shared);
  wake_waiters(key);
}

void MetaCatalog::publish_removal(const StreamKey& key, int64_t generation) {
  {
    std::unique_lock lock(order_mutex_);
    in_order_.erase(key);
  }
  {
    Stripe& stripe = stripe_of(key);
    std::unique_lock lock(stripe.mutex);
    stripe.streams.erase(key);
  }
  if (keys_ != nullptr) keys_->forget(generation);
  wake_waiters(key);
}

void MetaCatalog::wake_waiters(const StreamKey& key) {
  std::lock_guard lock(waiters_mutex_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end()) return;
  for (const auto& timer : found->second) {
    asio::post(timer->get_executor(),
               [timer] { timer->expires_at(asio::steady_timer::time_point::min()); });
  }
  waiters_.erase(found);
}

awaitable<Result<>> MetaCatalog::write_and_publish(int64_t generation, MetaStore::Work change) {
  Stream after;
  CO_TRY(co_await store_.write([&](Transaction& transaction) -> Result<> {
    TRY(change(transaction));
    TRY_ASSIGN(after, load_stream(transaction, generation));
    return {};
  }));
  publish(std::move(after));
  co_return Result<>{};
}

Result<> MetaCatalog::check_shard_limit(Transaction& transaction, const StreamKey& key,
                                        int64_t more) const {
  const int64_t limit = settings_.shards_per_account_and_region;
  if (more <= 0) return {};
  TRY_ASSIGN(const int64_t all, count_all_shards(transaction));
  if (all + more <= limit) return {};
  TRY_ASSIGN(const int64_t now, count_shards(transaction, key.account, key.region));
  if (now + more <= limit) return {};
  return fail(ErrorCode::kLimitExceeded,
              "This request would exceed the shard limit for the account {} in {}. Current shard "
              "count for the account: {}. Limit: {}. Number of additional shards that would have "
              "resulted from this request: {}. Refer to the AWS Service Limits page "
              "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current "
              "limits and how to request higher limits.",
              key.account, key.region, now, limit, more);
}

awaitable<Result<>> MetaCatalog::create(NewStream wanted) {
  return uninterrupted(run_create(std::move(wanted)));
}
awaitable<Result<>> MetaCatalog::remove(StreamKey key, bool with_consumers) {
  return uninterrupted(run_remove(std::move(key), with_consumers));
}
awaitable<Result<>> MetaCatalog::reshard(StreamKey key, Plan plan, Along along) {
  return uninterrupted(run_reshard(std::move(key), std::move(plan), std::move(along)));
}
awaitable<Result<>> MetaCatalog::edit(StreamKey key, Edit edit, Along along) {
  return uninterrupted(run_edit(std::move(key), std::move(edit), std::move(along)));
}
awaitable<Result<>> MetaCatalog::remove_all() { return uninterrupted(run_remove_all()); }

awaitable<Result<>> MetaCatalog::run_create(NewStream wanted) {
  MS_ASSERT(wanted.shards > 0);
  const auto held = co_await locks_.acquire(wanted.key);
  const auto already_exists = [&wanted] {
    return fail(ErrorCode::kInUse, "Stream {} under account {} already exists.", wanted.key.name,
                wanted.key.account);
  };
  if (find(wanted.key)) co_return already_exists();
  if (settings_.state_delay.count() > 0) {
    const auto streams = list(wanted.key.account, wanted.key.region);
    const auto changing = std::ranges::count_if(streams, [](const auto& stream) {
      return stream->status == StreamStatus::kCreating || stream->status == StreamStatus::kDeleting;
    });
    if (static_cast<size_t>(changing) >= kMaxChanging) {
      co_return fail(ErrorCode::kLimitExceeded,
                     "This request would have exceed the limit on the number of streams that can "
                     "simultaneously be in CREATING or DELETING for the account {}. Limit: {}.",
                     wanted.key.account, kMaxChanging);
    }
  }
  Stream stream;
  stream.key = wanted.key;
  stream.mode = wanted.mode;
  stream.created_ms = clock_.now_ms();
  stream.retention_hours = wanted.retention_hours;
  stream.max_record_kib = wanted.max_record_kib;
  stream.warm_throughput_mibps = wanted.warm_throughput_mibps;
  stream.tags = std::move(wanted.tags);
  auto done = co_await store_.write([&](Transaction& transaction) -> Result<> {
    TRY(check_shard_limit(transaction, wanted.key, wanted.shards));
    if (wanted.mode == StreamMode::kOnDemand) {
      TRY(check_on_demand_limit(transaction, wanted.key, settings_));
    }
    if (wanted.warm_throughput_mibps && settings_.aws_rules()) {
      TRY(check_warm(*wanted.warm_throughput_mibps, wanted.key, settings_));
      TRY(check_commitment(transaction, wanted.key, stream.created_ms));
    }
    TRY_ASSIGN(stream.generation, store_.next_number(transaction, kGenerationSequence));
    TRY(insert_stream(transaction, stream));
    TRY_ASSIGN(const uint32_t first,
               take_shard_indices(transaction, stream.generation, wanted.shards));
    std::vector<Shard> shards;
    for (const HashKeyRange& range : even_ranges(wanted.shards)) {
      Shard& shard = shards.emplace_back();
      TRY_ASSIGN(const int64_t log_id, store_.next_number(transaction, kLogShardSequence));
      shard.log_id = ShardId{static_cast<uint64_t>(log_id)};
      shard.index = first + static_cast<uint32_t>(shards.size()) - 1;
      shard.first_hash_key = range.first;
      shard.last_hash_key = range.last;
      shard.created_s = stream.created_ms / 1000 - kCreatedBeforeS;
    }
    TRY(insert_pending_shards(transaction, stream.generation, shards));
    return insert_intent(transaction, stream.generation, {IntentKind::kCreate, {}});
  });
  // Another node of a cluster may have been faster.
  if (!done && done.error().code == ErrorCode::kInUse) co_return already_exists();
  CO_TRY(std::move(done));
  const int64_t generation = stream.generation;
  publish(std::move(stream));
  co_await complete(wanted.key, generation);
  co_return Result<>{};
}

awaitable<Result<>> MetaCatalog::run_remove(StreamKey key, bool with_consumers) {
  const auto held = co_await locks_.acquire(key);
  const auto stream = find(key);
  if (!stream) co_return no_such_stream(key);
  CO_TRY(check_active(*stream));
  const bool has_consumers = std::ranges::any_of(
      stream->consumers, [](const Consumer& consumer) { return !consumer.deregistered_ms; });
  if (has_consumers && !with_consumers) {
    co_return fail(ErrorCode::kInUse,
                   "DeleteStream can't delete {}:{} because there are consumers associated with "
                   "this data stream. To delete {} anyway, set the EnforceConsumerDeletion "
                   "parameter to true to force the deletion of all the consumers that are "
                   "associated with it.",
                   key.account, key.name, key.name);
  }
  CO_TRY(co_await write_and_publish(stream->generation, [&](Transaction& transaction) -> Result<> {
    TRY(update_status(transaction, stream->generation, StreamStatus::kDeleting));
    return insert_intent(transaction, stream->generation, {IntentKind::kDelete, {}});
  }));
  co_await complete(key, stream->generation);
  co_return Result<>{};
}

Result<MetaCatalog::NumberedPlan> MetaCatalog::number(Transaction& transaction,
                                                      const Stream& stream,
                                                      const ReshardPlan& plan) const {
  TRY_ASSIGN(const uint32_t first, take_shard_indices(transaction, stream.generation,
                                                      static_cast<uint32_t>(plan.children.size())));
  NumberedPlan numbered;
  const auto index_of = [first](uint32_t planned) {
    return planned >= kNewShards ? first + (planned - kNewShards) : planned;
  };
  for (uint32_t parent : plan.parents) numbered.parents.push_back(index_of(parent));
  const auto created_s_of = [&](uint32_t planned) {
    if (planned >= kNewShards) return numbered.children[planned - kNewShards].created_s;
    const auto found = std::ranges::lower_bound(stream.shards, planned, {}, &Shard::index);
    MS_ASSERT(found != stream.shards.end() && found->index == planned && found->open);
    return found->created_s;
  };
  for (const NewShard& planned : plan.children) {
    Shard child;
    TRY_ASSIGN(const int64_t log_id, store_.next_number(transaction, kLogShardSequence));
    child.log_id = ShardId{static_cast<uint64_t>(log_id)};
    child.index = first + static_cast<uint32_t>(numbered.children.size());
    child.first_hash_key = planned.range.first;
    child.last_hash_key = planned.range.last;
    // Every number of a child is above every number of its parents, whatever the clock does.
    child.created_s =
        std::max(clock_.now_ms() / 1000 - kCreatedBeforeS, created_s_of(planned.parent) + 1);
    child.parent = index_of(planned.parent);
    if (planned.adjacent_parent) {
      child.created_s = std::max(child.created_s, created_s_of(*planned.adjacent_parent) + 1);
      child.adjacent_parent = index_of(*planned.adjacent_parent);
    }
    numbered.children.push_back(child);
  }
  return numbered;
}

awaitable<Result<>> MetaCatalog::run_reshard(StreamKey key, Plan plan, Along along) {
  const auto held = co_await locks_.acquire(key);
  const auto stream = find(key);
  if (!stream) co_return no_such_stream(key);
  CO_TRY(check_active(*stream));
  CO_TRY_ASSIGN(const ReshardPlan planned, plan(*stream));
  CO_TRY(co_await write_and_publish(stream->generation, [&](Transaction& transaction) -> Result<> {
    const auto more = std::ssize(planned.children) - std::ssize(planned.parents);
    TRY(check_shard_limit(transaction, key, more));
    if (along) TRY(along(transaction, *stream));
    TRY_ASSIGN(auto numbered, number(transaction, *stream, planned));
    TRY(insert_pending_shards(transaction, stream->generation, numbered.children));
    TRY(update_status(transaction, stream->generation, StreamStatus::kUpdating));
    return insert_intent(transaction, stream->generation,
                         {IntentKind::kReshard, std::move(numbered.parents)});
  }));
  co_await complete(key, stream->generation);
  co_return Result<>{};
}

Result<> MetaCatalog::store_consumers(Transaction& transaction, const Stream& stream) const {
  std::vector<Consumer> consumers = stream.consumers;
  for (Consumer& consumer : consumers) {
    if (consumer.id != 0) continue;
    TRY_ASSIGN(consumer.id, store_.next_number(transaction, kConsumerSequence));
  }
  for (const auto& [arn, policy] : stream.consumer_policies) {
    const auto is_its = [&](const Consumer& consumer) {
      return !consumer.deregistered_ms && consumer_arn(stream, consumer) == arn;
    };
    if (std::ranges::none_of(consumers, is_its)) TRY(delete_policy(transaction, arn));
  }
  return update_consumers(transaction, stream.generation, consumers);
}

awaitable<Result<>> MetaCatalog::run_edit(StreamKey key, Edit edit, Along along) {
  const auto held = co_await locks_.acquire(key);
  const auto stream = find(key);
  if (!stream) co_return no_such_stream(key);
  Stream edited = *stream;
  CO_TRY(edit(edited));
  const bool retention_changes = edited.retention_hours != stream->retention_hours;
  CO_TRY(co_await write_and_publish(stream->generation, [&](Transaction& transaction) -> Result<> {
    TRY(update_settings(transaction, edited));
    if (edited.consumers != stream->consumers) TRY(store_consumers(transaction, edited));
    if (along) TRY(along(transaction, *stream));
    if (!retention_changes) return {};
    return insert_intent(transaction, stream->generation, {IntentKind::kRetention, {}});
  }));
  if (retention_changes) co_await complete(key, stream->generation);
  co_return Result<>{};
}

awaitable<Result<>> MetaCatalog::run_remove_all() {
  for (const auto& listed : list_all()) {
    const auto held = co_await locks_.acquire(listed->key);
    const auto stream = find(listed->key);
    if (stream) CO_TRY(co_await finish_delete(stream->key, stream->generation));
  }
  co_return Result<>{};
}

awaitable<Result<>> MetaCatalog::expire_closed_shards() {
  for (const auto& listed : list_all()) {
    const auto is_over = [this](const Stream& stream, const Shard& shard) {
      return !shard.open &&
             shard.closed_ms + TimeMs{stream.retention_hours} * 3'600'000 < clock_.now_ms();
    };
    const auto any = [&](const Stream& stream) {
      return std::ranges::any_of(stream.shards,
                                 [&](const Shard& shard) { return is_over(stream, shard); });
    };
    if (!any(*listed)) continue;
    const auto held = co_await locks_.acquire(listed->key);
    const auto stream = find(listed->key);
    if (!stream || !any(*stream)) continue;
    CO_TRY(
        co_await write_and_publish(stream->generation, [&](Transaction& transaction) -> Result<> {
          for (const Shard& shard : stream->shards) {
            if (is_over(*stream, shard)) TRY(doom_shard(transaction, shard.log_id));
          }
          return {};
        }));
  }
  co_return co_await sweep_doomed();
}

awaitable<> MetaCatalog::run_expiry() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(kExpiryInterval);
    co_await timer.async_wait(asio::use_awaitable);
    auto done = co_await expire_closed_shards();
    if (!done) spdlog::warn("closed shards could not be expired: {}", done.error().message);
  }
}

}  // namespace millstream::streams
