#include "firehose/delivery_loop.h"

#include <algorithm>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>

#include "base/logging.h"
#include "base/random.h"
#include "base/retry.h"
#include "firehose/schema.h"

namespace millstream::firehose {
namespace {

constexpr std::string_view kPart = "firehose";
// Reading ahead of the plan: how much one read may bring.
constexpr ReadLimits kReadLimits{.records = 10'000, .bytes = kReadBytes};
constexpr std::chrono::milliseconds kBudgetPoll{20};
constexpr std::chrono::milliseconds kStopPoll{5};
constexpr int kEpochShift = 40;  // of a counter, see log/shard_log.h

// An attempt of a delivery beside the strand of its loop: it reads, compresses and sends.
awaitable<Result<ObjectContent>> deliver(ShardLog& log, ObjectStore& store, DeliveryPlan plan) {
  CO_TRY_ASSIGN(ObjectContent content, co_await read_content(log, plan));
  // Everything was removed by retention: there is nothing to put.
  if (content.records == 0) co_return content;
  if (plan.target == DeliveryTarget::kLake) CO_TRY(co_await store.make_bucket(plan.bucket));
  CO_TRY(co_await store.put(plan.bucket, plan.key, std::move(content.parts), PutOptions()));
  content.parts.clear();
  co_return content;
}

}  // namespace

DeliveryLoop::DeliveryLoop(FirehoseContext& context, DeliveryResources& resources,
                           std::shared_ptr<const DeliveryStream> stream)
    : context_(context),
      resources_(resources),
      stream_(std::move(stream)),
      strand_(asio::make_strand(context.executor)),
      shards_({}),
      buffer_(std::min(stream_->destination.buffer_bytes, resources.budget.limit() / 2),
              stream_->destination.buffer_interval) {}

void DeliveryLoop::start() {
  ++running_count_;
  asio::post(strand_, [self = shared_from_this()] {
    self->spawn(self->run());
    --self->running_count_;
  });
}

void DeliveryLoop::request_stop() {
  asio::post(strand_, [self = shared_from_this()] {
    self->stopping_ = true;
    self->wake();
  });
}

awaitable<> DeliveryLoop::stop(std::chrono::milliseconds grace) {
  const auto self = shared_from_this();
  request_stop();
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto give_up = std::chrono::steady_clock::now() + grace;
  bool given_up = false;
  while (!stopping_ || running_count_ > 0) {
    if (!given_up && std::chrono::steady_clock::now() >= give_up) {
      given_up = true;
      asio::post(strand_, [self] {
        for (auto& entry : self->running_) entry.second.emit(asio::cancellation_type::terminal);
      });
    }
    timer.expires_after(kStopPoll);
    co_await timer.async_wait(asio::use_awaitable);
  }
  note_success(Failing::kReading);
  note_success(Failing::kDelivering);
}

std::string DeliveryLoop::failure() const {
  std::lock_guard lock(failure_mutex_);
  std::string all;
  for (const std::string& text : {failures_[0], failures_[1], loss_}) {
    if (!all.empty() && !text.empty()) all += ' ';
    all += text;
  }
  return all;
}

void DeliveryLoop::spawn(awaitable<> work) {
  ++running_count_;
  const uint64_t number = next_coroutine_++;
  asio::co_spawn(
      strand_, std::move(work),
      asio::bind_cancellation_slot(running_[number].slot(),
                                   [self = shared_from_this(), number](const std::exception_ptr&) {
                                     // An exception: stop() gave it up. The coroutine itself is
                                     // still on the stack, and may look at its signal.
                                     asio::post(self->strand_, [self, number] {
                                       self->running_.erase(number);
                                       self->wake();
                                       --self->running_count_;
                                     });
                                   }));
}

awaitable<> DeliveryLoop::run() {
  Backoff backoff(context_.settings.retry);
  bool loaded = false;
  while (!stopping_) {
    Result<bool> done = true;
    if (!loaded) {
      const Result<> load_result = co_await load();
      if (load_result) {
        loaded = true;
      } else {
        done = std::unexpected(load_result.error());
      }
    } else {
      done = co_await step();
    }
    if (stopping_) break;
    if (done) {
      backoff.reset();
      note_success(Failing::kReading);
      if (!*done) co_await sleep(context_.settings.poll);
      continue;
    }
    // Someone else's plan, or one of ours whose commit was in doubt: what is durable counts.
    if (done.error().code == ErrorCode::kConcurrentModification) loaded = false;
    note_failure(Failing::kReading, done.error().message);
    const auto wait = backoff.next();
    if (backoff.used() == 1) {
      log_warning(kPart, "{}: {}; trying again", stream_->key.arn(), done.error().message);
    }
    co_await sleep(wait.value_or(context_.settings.retry.longest));
  }
}

awaitable<Result<>> DeliveryLoop::load() {
  std::vector<ShardProgress> progress;
  std::vector<DeliveryPlan> plans;
  CO_TRY(co_await context_.meta.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(progress, load_progress(transaction, stream_->id));
    TRY_ASSIGN(plans, load_open_plans(transaction, stream_->id));
    return {};
  }));
  for (ShardId shard : stream_->own_shards) {
    if (context_.log.status(shard)) continue;
    co_return fail(ErrorCode::kCorruption,
                   "log shard {}, which keeps its records, is missing: metadata and log are not of "
                   "the same time; restore both from the same backup",
                   static_cast<uint64_t>(shard));
  }
  buffer_.clear();
  shards_ = SourceShards(progress);
  if (!stream_->kinesis) shards_.set_own(stream_->own_shards);
  for (DeliveryPlan& plan : plans) {
    // The others are being delivered, or have been since this was read.
    if (plan.id > last_plan_) start_delivery(std::move(plan));
  }
  co_return co_await trim_own_shards();
}

awaitable<Result<bool>> DeliveryLoop::step() {
  const bool may_plan = open_plans_.size() < context_.settings.open_plans;
  if (const Result<> refreshed = refresh_shards(); !refreshed) {
    // Its records went with it: the delivery of what was read counts them as lost.
    if (!buffer_.empty() && may_plan) CO_TRY(co_await make_plan());
    co_return std::unexpected(refreshed.error());
  }
  CO_TRY(co_await forget_gone_shards());
  CO_TRY_ASSIGN(bool progressed, co_await read_shards());
  const bool due =
      buffer_.due(context_.clock.monotonic(), context_.clock.now_ms(), shards_.all_at_tip());
  if (due && may_plan) {
    CO_TRY(co_await make_plan());
    progressed = true;
  }
  co_return progressed;
}

Result<> DeliveryLoop::refresh_shards() {
  if (!stream_->kinesis) return {};
  const streams::StreamKey& source = stream_->kinesis->stream;
  const std::shared_ptr<const streams::Stream> found = context_.catalog.find(source);
  for (const SourceShard& gone : shards_.follow(found)) {
    gone_shards_.push_back(gone.id);
    if (gone.known_tip > gone.next) {
      note_loss(1, fmt::format("records of log shard {} from {} on", static_cast<uint64_t>(gone.id),
                               gone.next));
    }
  }
  if (found) return {};
  return fail(ErrorCode::kNotFound,
              "the source {} does not exist any more; create it again, or delete this delivery "
              "stream",
              source.arn());
}

// Only while nothing of them waits for its plan, which still needs their progress.
awaitable<Result<>> DeliveryLoop::forget_gone_shards() {
  if (gone_shards_.empty() || !buffer_.empty()) co_return Result<>{};
  CO_TRY(co_await context_.meta.write([this](Transaction& transaction) {
    return forget_shards(transaction, stream_->id, gone_shards_);
  }));
  gone_shards_.clear();
  co_return Result<>{};
}

awaitable<Result<bool>> DeliveryLoop::read_shards() {
  bool progressed = false;
  for (SourceShard* shard : shards_.readable()) {
    if (stopping_ || buffer_.full()) break;
    CO_TRY_ASSIGN(const bool found, co_await read_shard(*shard));
    progressed = progressed || found;
  }
  co_return progressed;
}

awaitable<Result<bool>> DeliveryLoop::read_shard(SourceShard& shard) {
  const Result<ShardStatus> status = context_.log.status(shard.id);
  if (!status) {
    // Removed with its stream, which the catalog will tell.
    if (status.error().code == ErrorCode::kNotFound) co_return false;
    co_return std::unexpected(status.error());
  }
  if (shard.next >= status->tip && !status->sealed) {
    shard.at_tip = true;
    co_return false;
  }
  CO_TRY_ASSIGN(const ReadResult read,
                co_await context_.log.read(shard.id, shard.next, kReadLimits));
  note_gap(shard, read);
  shard.known_tip = read.tip;
  const Nanoseconds now = context_.clock.monotonic();
  for (const StoredBatch& batch : read.batches) {
    if (buffer_.full()) break;
    CO_TRY_ASSIGN(const DeliveryBuffer::Added added,
                  buffer_.add(shard.id, shard.planned, batch, now));
    shard.next = added.next;
  }
  // What retention hid behind the last batch, or all of it.
  const bool whole = read.batches.empty() || shard.next == read.next;
  if (read.batches.empty()) shard.next = std::max(shard.next, read.next);
  shard.at_tip = whole && shard.next >= read.tip;
  shard.at_end = whole && read.at_end;
  co_return !read.batches.empty() || shard.at_end;
}

// Records that were there and are not any more. Counters have gaps where a run of the log began
// anew, so only within a run, or below a tip that was seen, a gap is a loss.
void DeliveryLoop::note_gap(const SourceShard& shard, const ReadResult& read) {
  const Counter found = read.batches.empty() ? read.next : read.batches.front().first;
  if (found <= shard.next) return;
  const bool same_run = found >> kEpochShift == shard.next >> kEpochShift;
  if (!same_run && shard.next >= shard.known_tip) return;
  note_loss(same_run ? found - shard.next : 1,
            fmt::format("records of log shard {} from {} on", static_cast<uint64_t>(shard.id),
                        shard.next));
}

awaitable<Result<>> DeliveryLoop::make_plan() {
  DeliveryPlan plan;
  plan.delivery_stream = stream_->id;
  plan.version = stream_->version;
  plan.target = context_.s3 != nullptr ? DeliveryTarget::kS3 : DeliveryTarget::kLake;
  plan.bucket = stream_->destination.bucket;
  plan.oldest_ms = buffer_.oldest_ms();
  plan.key = object_key(*stream_, plan.oldest_ms, uuid_v4());
  plan.compression = stream_->destination.compression;
  plan.bytes = buffer_.bytes();
  plan.ranges = buffer_.ranges();
  const Result<> committed =
      co_await context_.meta.write([this, &plan](Transaction& transaction) -> Result<> {
        TRY_ASSIGN(plan.id, context_.meta.next_number(transaction, kDeliveryPlanSequence));
        return insert_plan(transaction, plan);
      });
  if (!committed) {
    // Whether it is durable is not known: load() finds out, and no record gets two plans.
    co_return fail(ErrorCode::kConcurrentModification, "a delivery can't be planned: {}",
                   committed.error().message);
  }
  buffer_.clear();
  for (const ShardRange& range : plan.ranges) {
    if (SourceShard* shard = shards_.find(range.shard)) shard->planned = range.next;
  }
  start_delivery(std::move(plan));
  co_return Result<>{};
}

void DeliveryLoop::start_delivery(DeliveryPlan plan) {
  last_plan_ = plan.id;
  open_plans_.emplace(plan.id, plan);
  spawn(run_delivery(std::move(plan)));
}

awaitable<> DeliveryLoop::run_delivery(DeliveryPlan plan) {
  Backoff backoff(context_.settings.retry);
  bool delivered = false;
  ObjectContent content;
  while (!stopping_) {
    Result<> done;
    if (!delivered) {
      Result<ObjectContent> put = co_await attempt(plan);
      if (stopping_ && !put) co_return;
      if (put) {
        delivered = true;
        content = *std::move(put);
      } else {
        done = std::unexpected(std::move(put).error());
      }
    }
    if (delivered) done = co_await finish(plan, content);
    if (done) co_return;
    resources_.metrics.failed_attempts.add();
    const std::string what = fmt::format("object {} of bucket {} can't be delivered: {}", plan.key,
                                         plan.bucket, done.error().message);
    note_failure(Failing::kDelivering, what);
    const auto wait = backoff.next();
    // The 1st, 2nd, 4th, 8th … time.
    const auto attempts = static_cast<unsigned>(backoff.used());
    if ((attempts & (attempts - 1)) == 0) {
      log_warning(kPart, "{}: {}; attempt {}, trying again", stream_->key.arn(), what, attempts);
    }
    co_await sleep(wait.value_or(context_.settings.retry.longest));
  }
}

awaitable<Result<ObjectContent>> DeliveryLoop::attempt(const DeliveryPlan& plan) {
  ObjectStore* store = plan.target == DeliveryTarget::kS3 ? context_.s3 : &context_.lake;
  if (store == nullptr) {
    co_return fail(ErrorCode::kUnavailable,
                   "it was planned for an S3 endpoint, and none is configured; configure it "
                   "again");
  }
  const size_t needed =
      std::min(static_cast<size_t>(plan.bytes) + kReadBytes + ContentWriter::kPieceBytes,
               resources_.budget.limit());
  std::optional<ByteBudget::Hold> hold = resources_.budget.try_hold(needed);
  while (!hold) {
    if (stopping_) co_return fail(ErrorCode::kCancelled, "the server is stopping");
    co_await sleep(kBudgetPoll);
    hold = resources_.budget.try_hold(needed);
  }
  co_return co_await asio::co_spawn(resources_.next_executor(), deliver(context_.log, *store, plan),
                                    asio::use_awaitable);
}

awaitable<Result<>> DeliveryLoop::finish(const DeliveryPlan& plan, const ObjectContent& content) {
  CO_TRY(co_await context_.meta.write(
      [id = plan.id](Transaction& transaction) { return finish_plan(transaction, id); }));
  if (content.records > 0) resources_.metrics.delivered_objects.add();
  resources_.metrics.delivered_records.add(content.records);
  resources_.metrics.delivered_bytes.add(content.bytes);
  if (content.missing > 0) {
    note_loss(content.missing, fmt::format("{} of the {} records planned for object {}",
                                           content.missing, plan.records(), plan.key));
  }
  note_success(Failing::kDelivering);
  open_plans_.erase(plan.id);
  // Only space: it is done again after the next delivery, and at the start.
  const Result<> trimmed = co_await trim_own_shards();
  if (!trimmed && !stopping_) {
    log_warning(kPart, "{}: delivered records can't be removed yet: {}", stream_->key.arn(),
                trimmed.error().message);
  }
  co_return Result<>{};
}

awaitable<Result<>> DeliveryLoop::trim_own_shards() {
  if (stream_->kinesis) co_return Result<>{};
  for (ShardId id : stream_->own_shards) {
    const SourceShard* shard = shards_.find(id);
    MS_ASSERT(shard != nullptr);
    Counter position = shard->planned;
    for (const auto& entry : open_plans_) {
      for (const ShardRange& range : entry.second.ranges) {
        if (range.shard == id) position = std::min(position, range.first);
      }
    }
    if (position > 0) CO_TRY(co_await context_.log.trim(id, position));
  }
  co_return Result<>{};
}

awaitable<> DeliveryLoop::sleep(std::chrono::milliseconds time) {
  if (stopping_) co_return;
  asio::steady_timer timer(strand_, time);
  struct Sleeper {
    std::set<asio::steady_timer*>& all;
    asio::steady_timer* timer;
    ~Sleeper() { all.erase(timer); }
  } sleeper{sleepers_, &timer};
  sleepers_.insert(&timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// All sleepers: a delivery that looks again too early does no harm.
void DeliveryLoop::wake() {
  for (asio::steady_timer* timer : sleepers_) timer->cancel();
}

void DeliveryLoop::note_failure(Failing part, std::string what) {
  std::lock_guard lock(failure_mutex_);
  std::string& failure = failures_[static_cast<size_t>(part)];
  if (failure.empty()) resources_.metrics.failing.add(1);
  failure = std::move(what);
}

void DeliveryLoop::note_success(Failing part) {
  std::lock_guard lock(failure_mutex_);
  std::string& failure = failures_[static_cast<size_t>(part)];
  if (!failure.empty()) resources_.metrics.failing.add(-1);
  failure.clear();
}

void DeliveryLoop::note_loss(uint64_t records, const std::string& what) {
  resources_.metrics.lost_records.add(records);
  std::string message =
      fmt::format("Lost: {} were removed by retention before they were delivered.", what);
  log_error(kPart, "{}: {} Raise the retention of the source, or look why deliveries lag.",
            stream_->key.arn(), message);
  std::lock_guard lock(failure_mutex_);
  loss_ = std::move(message);
}

}  // namespace millstream::firehose
