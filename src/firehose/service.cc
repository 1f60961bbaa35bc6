// The life of delivery streams: start, create, delete.
#include "firehose/service.h"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/logging.h"
#include "base/retry.h"
#include "firehose/schema.h"
#include "streams/schema.h"

namespace millstream::firehose {
namespace {

namespace api = wire::firehose;

constexpr std::string_view kPart = "firehose";
// Delivered records are trimmed; what was not stays, however long its destination fails.
constexpr TimeMs kOwnShardRetentionMs = TimeMs{10} * 365 * 24 * 3600 * 1000;
constexpr std::chrono::milliseconds kBackgroundPoll{5};

DeliveryStream with_status(const DeliveryStream& stream, DeliveryStatus status) {
  DeliveryStream changed = stream;
  changed.status = status;
  return changed;
}

awaitable<> pause(std::chrono::milliseconds time) {
  if (time.count() == 0) co_return;
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

FirehoseService::FirehoseService(FirehoseContext context)
    : context_(std::move(context)), resources_(context_) {}

Result<> FirehoseService::start() {
  TRY(context_.meta.migrate(firehose_migrations()));
  std::vector<DeliveryStream> streams;
  TRY(context_.meta.read_now([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(streams, load_delivery_streams(transaction));
    return {};
  }));
  for (DeliveryStream& loaded : streams) {
    const auto stream = std::make_shared<const DeliveryStream>(std::move(loaded));
    if (stream->status == DeliveryStatus::kActive) {
      auto loop = std::make_shared<DeliveryLoop>(context_, resources_, stream);
      publish(stream, loop);
      loop->start();
      continue;
    }
    publish(stream, nullptr);
    ++background_;
    asio::co_spawn(context_.executor, keep_trying(stream), asio::detached);
  }
  return {};
}

awaitable<> FirehoseService::stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  while (background_ > 0) co_await pause(kBackgroundPoll);
  std::vector<std::shared_ptr<DeliveryLoop>> loops;
  {
    std::lock_guard lock(mutex_);
    for (auto& entry : entries_) {
      if (entry.second.loop) loops.push_back(std::move(entry.second.loop));
    }
  }
  const auto until = std::chrono::steady_clock::now() + grace;
  // All are told to stop at once; the first of them waits for as long as it takes.
  for (const auto& loop : loops) loop->request_stop();
  for (const auto& loop : loops) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    co_await loop->stop(std::max(left, std::chrono::milliseconds(0)));
  }
}

// Creations and deletions that an earlier run began.
awaitable<> FirehoseService::keep_trying(std::shared_ptr<const DeliveryStream> stream) {
  Backoff backoff(context_.settings.retry);
  while (!stopping_) {
    Result<> done;
    if (stream->status == DeliveryStatus::kCreating) {
      done = co_await activate(stream);
    } else {
      done = co_await finish_removal(Entry{stream, nullptr});
    }
    if (done) break;
    if (backoff.used() == 0) {
      log_warning(kPart, "{}: its {} can't be finished yet: {}; trying again", stream->key.arn(),
                  stream->status == DeliveryStatus::kCreating ? "creation" : "deletion",
                  done.error().message);
    }
    auto left = backoff.next().value_or(context_.settings.retry.longest);
    for (; left.count() > 0 && !stopping_; left -= std::chrono::milliseconds(100)) {
      co_await pause(std::min(left, std::chrono::milliseconds(100)));
    }
  }
  --background_;
}

std::optional<FirehoseService::Entry> FirehoseService::find(const DeliveryStreamKey& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

Result<FirehoseService::Entry> FirehoseService::existing(const wire::RequestContext& caller,
                                                         const std::string& name) const {
  const std::optional<Entry> found = find({caller.account, caller.region, name});
  if (found) return *found;
  return fail(ErrorCode::kNotFound, "Firehose {} under account {} not found.", name,
              caller.account);
}

void FirehoseService::publish(std::shared_ptr<const DeliveryStream> stream,
                              std::shared_ptr<DeliveryLoop> loop) {
  std::lock_guard lock(mutex_);
  entries_[stream->key] = Entry{stream, std::move(loop)};
}

void FirehoseService::erase(const DeliveryStream& stream) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(stream.key);
  if (found != entries_.end() && found->second.stream->id == stream.id) entries_.erase(found);
}

awaitable<Result<api::CreateDeliveryStreamOutput>> FirehoseService::create(
    const wire::RequestContext& caller, api::CreateDeliveryStreamInput in) {
  CO_TRY_ASSIGN(DeliveryStream wanted, new_delivery_stream(in, caller.account, caller.region));
  if (wanted.kinesis && !context_.catalog.find(wanted.kinesis->stream)) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "Kinesis stream {} does not exist; create it before its delivery stream",
                   wanted.kinesis->stream_arn);
  }
  CO_TRY_ASSIGN(const auto stream, co_await insert(std::move(wanted)));
  if (context_.settings.state_delay.count() > 0) {
    ++background_;
    asio::co_spawn(context_.executor, keep_trying(stream), asio::detached);
    co_return api::CreateDeliveryStreamOutput{stream->key.arn()};
  }
  // On another executor and without the caller's cancellation: a client that goes away does not
  // leave it half done.
  ++background_;
  const Result<> activated = co_await asio::co_spawn(
      context_.executor,
      [this, stream]() -> awaitable<Result<>> {
        Result<> done = co_await activate(stream);
        if (done) {
          --background_;
        } else {
          asio::co_spawn(context_.executor, keep_trying(stream), asio::detached);
        }
        co_return done;
      },
      asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
  // It stays in CREATING, and is finished as soon as what fails heals.
  if (!activated) {
    log_warning(kPart, "{}: it can't be activated yet: {}", stream->key.arn(),
                activated.error().message);
  }
  co_return api::CreateDeliveryStreamOutput{stream->key.arn()};
}

awaitable<Result<std::shared_ptr<const DeliveryStream>>> FirehoseService::insert(
    DeliveryStream stream) {
  stream.created_ms = context_.clock.now_ms();
  if (stream.kinesis) stream.kinesis->start_ms = stream.created_ms;
  const DeliveryStreamKey& key = stream.key;
  const int64_t limit = context_.settings.delivery_streams_per_account_and_region;
  Result<> inserted = co_await context_.meta.write([&, this](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const int64_t count, count_delivery_streams(transaction, key.account, key.region));
    if (count >= limit) {
      return fail(ErrorCode::kLimitExceeded,
                  "You have already consumed your firehose quota of {} hoses.", limit);
    }
    TRY_ASSIGN(stream.id, context_.meta.next_number(transaction, kDeliveryStreamSequence));
    stream.own_shards.clear();
    if (!stream.kinesis) {
      TRY_ASSIGN(const int64_t shard,
                 context_.meta.next_number(transaction, streams::kLogShardSequence));
      stream.own_shards.push_back(ShardId(shard));
    }
    return insert_delivery_stream(transaction, stream);
  });
  if (!inserted && inserted.error().code == ErrorCode::kInUse) {
    co_return fail(ErrorCode::kInUse, "Firehose {} under accountId {} already exists", key.name,
                   key.account);
  }
  if (!inserted) co_return std::unexpected(std::move(inserted).error());
  auto shared = std::make_shared<const DeliveryStream>(std::move(stream));
  publish(shared, nullptr);
  co_return shared;
}

awaitable<Result<>> FirehoseService::activate(std::shared_ptr<const DeliveryStream> stream) {
  co_await pause(context_.settings.state_delay);
  for (ShardId shard : stream->own_shards) {
    CO_TRY(co_await context_.log.create(shard, ShardOptions{kOwnShardRetentionMs, 0}));
  }
  CO_TRY_ASSIGN(const std::vector<ShardProgress> progress, co_await starting_progress(*stream));
  CO_TRY(co_await context_.meta.write([&](Transaction& transaction) -> Result<> {
    TRY(set_progress(transaction, stream->id, progress));
    return update_status(transaction, stream->id, DeliveryStatus::kActive);
  }));
  const auto active =
      std::make_shared<const DeliveryStream>(with_status(*stream, DeliveryStatus::kActive));
  auto loop = std::make_shared<DeliveryLoop>(context_, resources_, active);
  publish(active, loop);
  loop->start();
  co_return Result<>{};
}

// Where the shards of the source stood when the delivery stream was made. Children that come
// later have no row: they are read from their beginning.
awaitable<Result<std::vector<ShardProgress>>> FirehoseService::starting_progress(
    const DeliveryStream& stream) {
  std::vector<ShardProgress> progress;
  if (!stream.kinesis) co_return progress;
  const auto source = context_.catalog.find(stream.kinesis->stream);
  for (const streams::Shard& shard : source ? source->shards : std::vector<streams::Shard>()) {
    const Result<Counter> position =
        co_await context_.log.position_at(shard.log_id, stream.kinesis->start_ms);
    if (position) {
      progress.push_back({shard.log_id, *position});
    } else if (position.error().code != ErrorCode::kNotFound) {
      co_return std::unexpected(position.error());
    }
  }
  co_return progress;
}

awaitable<Result<api::DeleteDeliveryStreamOutput>> FirehoseService::remove(
    const wire::RequestContext& caller, api::DeleteDeliveryStreamInput in) {
  CO_TRY_ASSIGN(const Entry entry, existing(caller, in.delivery_stream_name));
  if (entry.stream->status == DeliveryStatus::kCreating) {
    co_return fail(ErrorCode::kInUse,
                   "Firehose {} under account {} is being created; delete it when it is ACTIVE.",
                   in.delivery_stream_name, caller.account);
  }
  CO_TRY(co_await start_removal(entry));
  co_return api::DeleteDeliveryStreamOutput();
}

awaitable<Result<>> FirehoseService::start_removal(Entry entry) {
  if (entry.stream->status == DeliveryStatus::kDeleting) co_return Result<>{};
  CO_TRY(co_await context_.meta.write([id = entry.stream->id](Transaction& transaction) {
    return update_status(transaction, id, DeliveryStatus::kDeleting);
  }));
  const auto deleting =
      std::make_shared<const DeliveryStream>(with_status(*entry.stream, DeliveryStatus::kDeleting));
  std::shared_ptr<DeliveryLoop> loop;
  {
    // Of two deletions at the same time, one goes on.
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(deleting->key);
    if (found == entries_.end() || found->second.stream->id != deleting->id) co_return Result<>{};
    if (found->second.stream->status == DeliveryStatus::kDeleting) co_return Result<>{};
    loop = std::move(found->second.loop);
    found->second = Entry{deleting, nullptr};
  }
  ++background_;
  asio::co_spawn(
      context_.executor,
      [this, deleting, loop]() -> awaitable<> {
        co_await pause(context_.settings.state_delay);
        if (loop) co_await loop->stop(std::chrono::milliseconds(0));
        co_await keep_trying(deleting);
      },
      asio::detached);
  co_return Result<>{};
}

awaitable<Result<>> FirehoseService::finish_removal(Entry entry) {
  for (ShardId shard : entry.stream->own_shards) CO_TRY(co_await context_.log.remove(shard));
  CO_TRY(co_await context_.meta.write([id = entry.stream->id](Transaction& transaction) {
    return delete_delivery_stream(transaction, id);
  }));
  erase(*entry.stream);
  co_return Result<>{};
}

awaitable<Result<>> FirehoseService::remove_all() {
  for (;;) {
    std::vector<Entry> all;
    {
      std::lock_guard lock(mutex_);
      for (const auto& entry : entries_) all.push_back(entry.second);
    }
    if (all.empty()) co_return Result<>{};
    for (const Entry& entry : all) {
      if (entry.stream->status == DeliveryStatus::kActive) CO_TRY(co_await start_removal(entry));
    }
    co_await pause(kBackgroundPoll);
  }
}

}  // namespace millstream::firehose
