// Carrying out what was decided. Every step is idempotent: a crash between any two of them, or
// an error of the log, and the whole runs again.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "streams/meta_catalog.h"

namespace millstream::streams {
namespace {

constexpr std::chrono::milliseconds kRetryDelay{1'000};
// Log calls in flight at a time: they share the journal's commits.
constexpr size_t kLogCallsAtATime = 64;

TimeMs retention_ms(int32_t hours) { return TimeMs{hours} * 3'600'000; }

struct Gathering {
  explicit Gathering(const asio::any_io_executor& executor)
      : done(executor, asio::steady_timer::time_point::max()) {}
  size_t running = 0;
  Result<> result;
  asio::steady_timer done;
};

// call(item) for all items, some at a time; the first error, once all that began have ended.
template <class Item, class Call>
awaitable<Result<>> for_all(std::vector<Item> items, Call call) {
  const auto executor = co_await asio::this_coro::executor;
  for (size_t begin = 0; begin < items.size(); begin += kLogCallsAtATime) {
    const size_t end = std::min(items.size(), begin + kLogCallsAtATime);
    auto gathering = std::make_shared<Gathering>(executor);
    gathering->running = end - begin;
    for (size_t i = begin; i < end; ++i) {
      // One executor: the completions run on this coroutine's loop, one after the other.
      asio::co_spawn(executor, call(items[i]),
                     [gathering](std::exception_ptr error, Result<> result) {
                       MS_ASSERT(!error);
                       if (!result && gathering->result) gathering->result = std::move(result);
                       if (--gathering->running == 0) {
                         gathering->done.expires_at(asio::steady_timer::time_point::min());
                       }
                     });
    }
    boost::system::error_code ignored;
    co_await gathering->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    MS_ASSERT(gathering->running == 0);
    if (!gathering->result) co_return gathering->result;
  }
  co_return Result<>{};
}

}  // namespace

awaitable<> MetaCatalog::complete(StreamKey key, int64_t generation) {
  if (settings_.state_delay.count() > 0) {
    complete_later(key, generation, settings_.state_delay);
    co_return;
  }
  auto finished = co_await finish(key, generation);
  if (finished) co_return;
  spdlog::warn("stream {}: its change was accepted but can't be carried out yet: {}", key.arn(),
               finished.error().message);
  complete_later(key, generation, kRetryDelay);
}

void MetaCatalog::complete_later(StreamKey key, int64_t generation,
                                 std::chrono::milliseconds delay) {
  asio::co_spawn(background_, run_later(std::move(key), generation, delay), asio::detached);
}

awaitable<> MetaCatalog::run_later(StreamKey key, int64_t generation,
                                   std::chrono::milliseconds delay) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(delay);
    co_await timer.async_wait(asio::use_awaitable);
    const auto held = co_await locks_.acquire(key);
    auto finished = co_await finish(key, generation);
    if (finished) co_return;
    spdlog::warn("stream {}: its change still can't be carried out: {}", key.arn(),
                 finished.error().message);
    delay = kRetryDelay;
  }
}

awaitable<Result<>> MetaCatalog::finish(StreamKey key, int64_t generation) {
  std::vector<Intent> intents;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(intents, load_intents(transaction, generation));
    return {};
  }));
  for (const Intent& intent : intents) {
    switch (intent.kind) {
      case IntentKind::kCreate:
        CO_TRY(co_await finish_create(generation));
        break;
      case IntentKind::kDelete:
        co_return co_await finish_delete(key, generation);
      case IntentKind::kReshard:
        CO_TRY(co_await finish_reshard(key, generation, intent));
        break;
      case IntentKind::kRetention:
        CO_TRY(co_await finish_retention(key, generation));
        break;
    }
  }
  co_return Result<>{};
}

awaitable<Result<std::vector<Shard>>> MetaCatalog::pending_shards(int64_t generation) {
  std::vector<Shard> shards;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(shards, load_pending_shards(transaction, generation));
    return {};
  }));
  co_return shards;
}

awaitable<Result<std::vector<ClosedShard>>> MetaCatalog::seal(std::vector<Shard> shards) {
  std::vector<ClosedShard> closed;
  CO_TRY(co_await for_all(std::move(shards), [this, &closed](Shard shard) -> awaitable<Result<>> {
    CO_TRY_ASSIGN(const Counter end, co_await log_.seal(shard.log_id));
    closed.push_back({shard.log_id, end});
    co_return Result<>{};
  }));
  co_return closed;
}

awaitable<Result<>> MetaCatalog::create_log_shards(std::vector<Shard> shards,
                                                   int32_t retention_hours, TimeMs not_before_ms) {
  const auto create = [this, retention_hours, not_before_ms](Shard shard) -> awaitable<Result<>> {
    ShardOptions options;
    options.retention_ms = retention_ms(retention_hours);
    options.not_before_ms = std::max(not_before_ms, shard.created_s * 1000);
    auto created = co_await log_.create(shard.log_id, options);
    // The number is ours alone: what exists was made by an earlier try, maybe with another
    // retention; an intent of its own sets that right.
    if (!created && created.error().code != ErrorCode::kInUse) co_return created;
    co_return Result<>{};
  };
  return for_all(std::move(shards), create);
}

awaitable<Result<>> MetaCatalog::finish_create(int64_t generation) {
  CO_TRY_ASSIGN(auto shards, co_await pending_shards(generation));
  Stream stream;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(stream, load_stream(transaction, generation));
    return {};
  }));
  CO_TRY(co_await create_log_shards(std::move(shards), stream.retention_hours, 0));
  co_return co_await write_and_publish(generation, [&](Transaction& transaction) -> Result<> {
    TRY(open_pending_shards(transaction, generation));
    TRY(update_status(transaction, generation, StreamStatus::kActive));
    return delete_intent(transaction, generation, IntentKind::kCreate);
  });
}

awaitable<Result<>> MetaCatalog::finish_delete(StreamKey key, int64_t generation) {
  CO_TRY(co_await store_.write(
      [&](Transaction& transaction) -> Result<> { return doom_stream(transaction, generation); }));
  publish_removal(key, generation);
  // The stream is gone; its data follows, at the latest with the next sweep.
  auto swept = co_await sweep_doomed();
  if (!swept) {
    spdlog::warn("data of the deleted stream {} can't be removed yet: {}", key.arn(),
                 swept.error().message);
  }
  co_return Result<>{};
}

awaitable<Result<>> MetaCatalog::finish_reshard(StreamKey key, int64_t generation, Intent intent) {
  const auto stream = find(key);
  MS_ASSERT(stream && stream->generation == generation);
  CO_TRY_ASSIGN(auto children, co_await pending_shards(generation));
  // Of the stream, and those new ones that only lead from one step of the plan to the next.
  std::vector<Shard> parents;
  std::vector<Shard> passing;
  for (uint32_t index : intent.parents) {
    const auto child = std::ranges::lower_bound(children, index, {}, &Shard::index);
    if (child != children.end() && child->index == index) {
      passing.push_back(*child);
      continue;
    }
    const auto parent = std::ranges::lower_bound(stream->shards, index, {}, &Shard::index);
    MS_ASSERT(parent != stream->shards.end() && parent->index == index);
    parents.push_back(*parent);
  }
  CO_TRY_ASSIGN(std::vector<ClosedShard> closed, co_await seal(parents));
  TimeMs last_arrival_ms = 0;
  for (const Shard& parent : parents) {
    CO_TRY_ASSIGN(const ShardStatus status, log_.status(parent.log_id));
    last_arrival_ms = std::max(last_arrival_ms, status.last_arrival_ms);
    // A parent without records may have been opened by a later clock: after what its own parents
    // have.
    for (const auto& before : {parent.parent, parent.adjacent_parent}) {
      if (!before) continue;
      const auto shard = std::ranges::lower_bound(stream->shards, *before, {}, &Shard::index);
      if (shard == stream->shards.end() || shard->index != *before) continue;
      last_arrival_ms = std::max(last_arrival_ms, shard->closed_ms);
    }
  }
  const TimeMs closed_ms = std::max(clock_.now_ms(), last_arrival_ms);
  CO_TRY(co_await create_log_shards(std::move(children), stream->retention_hours, last_arrival_ms));
  CO_TRY_ASSIGN(const std::vector<ClosedShard> passed, co_await seal(std::move(passing)));
  closed.insert(closed.end(), passed.begin(), passed.end());
  co_return co_await write_and_publish(generation, [&](Transaction& transaction) -> Result<> {
    TRY(open_pending_shards(transaction, generation));
    TRY(close_shards(transaction, closed, closed_ms));
    TRY(update_status(transaction, generation, StreamStatus::kActive));
    return delete_intent(transaction, generation, IntentKind::kReshard);
  });
}

awaitable<Result<>> MetaCatalog::finish_retention(StreamKey key, int64_t generation) {
  const auto stream = find(key);
  MS_ASSERT(stream && stream->generation == generation);
  std::vector<ShardId> shards;
  for (const Shard& shard : stream->shards) shards.push_back(shard.log_id);
  const TimeMs retention = retention_ms(stream->retention_hours);
  CO_TRY(co_await for_all(std::move(shards), [this, retention](ShardId shard) {
    return log_.set_retention(shard, retention);
  }));
  co_return co_await store_.write([&](Transaction& transaction) -> Result<> {
    return delete_intent(transaction, generation, IntentKind::kRetention);
  });
}

awaitable<Result<>> MetaCatalog::sweep_doomed() {
  std::vector<ShardId> doomed;
  CO_TRY(co_await store_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(doomed, load_doomed(transaction));
    return {};
  }));
  if (doomed.empty()) co_return Result<>{};
  CO_TRY(co_await for_all(doomed, [this](ShardId shard) { return log_.remove(shard); }));
  co_return co_await store_.write(
      [&](Transaction& transaction) -> Result<> { return forget_doomed(transaction, doomed); });
}

}  // namespace millstream::streams
