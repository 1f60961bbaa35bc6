#include "streams/subscribe.h"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "streams/consumer.h"
#include "streams/dry_run.h"
#include "streams/starting_position.h"
#include "streams/subscribe_event.h"
#include "wire/access.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

constexpr std::chrono::minutes kLife{5};  // AWS: API documentation of SubscribeToShard
// AWS sends about so often on a quiet shard.
constexpr std::chrono::seconds kQuietFor{5};
constexpr std::chrono::seconds kPaidAhead{1};
constexpr ReadLimits kEventLimits{10'000, size_t{1} << 20};
// How long the children of a sealed shard may take to be published before it is looked at again.
constexpr std::chrono::milliseconds kReshardPatience{500};

awaitable<Result<>> pause(std::chrono::nanoseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return Result<>{};
}

// An answer of its own for what a client must be told when nothing can be sent any more.
Error in_use_by_another(std::string_view arn, std::string_view shard) {
  return {ErrorCode::kInUse,
          fmt::format("Another active subscription exists for this consumer: {} {}", arn, shard)};
}

Error refused(SubscriptionTable::Refusal why, std::string_view arn, std::string_view shard) {
  if (why == SubscriptionTable::Refusal::kTooSoon) return in_use_by_another(arn, shard);
  return {ErrorCode::kLimitExceeded,
          fmt::format("Rate exceeded for consumer {} and shard {}", arn, shard)};
}

}  // namespace

// A call and where it has come to.
struct Subscriber::Call {
  std::string arn;
  wire::ConsumerArn consumer;
  StreamKey key;
  wire::Protocol protocol{};
  std::chrono::nanoseconds deadline{};
  std::chrono::nanoseconds quiet_at{};  // when an event without records is due
  std::chrono::nanoseconds paid_at{};   // when what was sent is within AWS's throughput
  std::shared_ptr<const Stream> stream;
  const Shard* shard = nullptr;  // of `stream`
  int64_t consumer_id = 0;       // 0: not looked up yet
  std::string shard_id;
  Counter position = 0;
};

// Looks stream, consumer and shard up again: kNotFound once one of them is gone.
Result<> Subscriber::refresh(Call& call) const {
  auto stream = context_.catalog.find(call.key);
  if (stream == call.stream && stream != nullptr) return {};
  const bool is_first = call.stream == nullptr;
  if (!stream || !stream->has_records() ||
      (!is_first && stream->generation != call.stream->generation)) {
    return no_such_stream(call.key);
  }
  const auto consumer =
      std::ranges::find_if(stream->consumers, [&call, is_first](const Consumer& one) {
        if (one.deregistered_ms) return false;
        return is_first ? one.name == call.consumer.name &&
                              one.created_ms / 1000 == call.consumer.created_s
                        : one.id == call.consumer_id;
      });
  if (consumer == stream->consumers.end()) return no_such_consumer(call.key, call.arn);
  const Shard* shard = stream->find_shard(call.shard_id);
  if (shard == nullptr) {
    return fail(ErrorCode::kNotFound, "Shard {} in stream {} under account {} does not exist",
                call.shard_id, call.key.name, call.key.account);
  }
  call.consumer_id = consumer->id;
  call.shard = shard;
  call.stream = std::move(stream);
  return {};
}

Result<> Subscriber::open(Call& call, const std::string& shard_id) const {
  TRY_ASSIGN(call.consumer, wire::parse_consumer_arn(call.arn));
  const wire::StreamArn& stream = call.consumer.stream;
  call.key = {stream.account, stream.region, stream.name};
  call.shard_id = shard_id;
  TRY(refresh(call));
  const ConsumerView view(context_.clock.now_ms(), context_.settings.state_delay);
  const Consumer* consumer = view.find(*call.stream, call.consumer.name);
  if (consumer == nullptr || view.status(*consumer) != ConsumerStatus::kActive) {
    return fail(ErrorCode::kInUse,
                "Consumer {} with creation timestamp {} under stream: {}, account {} is not in "
                "ACTIVE status.",
                call.consumer.name, call.consumer.created_s, call.key.name, call.key.account);
  }
  return {};
}

awaitable<Result<>> Subscriber::subscribe(const Request& request, Slice body, ResponseStream& out) {
  const auto self = shared_from_this();
  kinesis::SubscribeToShardInput in;
  CO_TRY(wire::decode_input(kinesis::SubscribeToShard::descriptor(), request.protocol, body, &in));
  if (request.access != nullptr) {
    CO_TRY(wire::check_access(kinesis::SubscribeToShard::descriptor(), request, &in));
  }
  Call call;
  call.arn = in.consumer_arn;
  call.protocol = request.protocol;
  CO_TRY(open(call, in.shard_id));
  StartingPoint point{"SubscribeToShard", in.starting_position.type,
                      in.starting_position.sequence_number, std::nullopt};
  if (in.starting_position.timestamp) point.timestamp = in.starting_position.timestamp->ms;
  CO_TRY_ASSIGN(call.position,
                co_await starting_position(context_.log, context_.clock, std::move(point),
                                           *call.stream, *call.shard));
  if (in.dry_run.value_or(false)) co_return std::unexpected(dry_run_passed());
  const auto now = context_.clock.monotonic();
  call.deadline = now + kLife;
  call.quiet_at = now + kQuietFor;
  call.paid_at = now;
  const SubscriptionKey key{call.consumer_id, call.shard->log_id};
  const auto added = table_.add(key, co_await asio::this_coro::executor, now);
  count_subscription(*call.stream, added.has_value());
  if (!added) co_return std::unexpected(refused(added.error(), call.arn, call.shard_id));
  const std::shared_ptr<Subscription> subscription = *added;
  // Also when this coroutine is destroyed with its loop.
  struct Removal {
    std::shared_ptr<Subscriber> owner;
    SubscriptionKey key;
    Subscription* subscription;
    ~Removal() { owner->table_.remove(key, subscription); }
  } removal{self, key, subscription.get()};
  out.on_interrupt([subscription](ResponseStream::Interrupt why) {
    subscription->end(why == ResponseStream::Interrupt::kClosed ? Subscription::End::kClientGone
                                                                : Subscription::End::kDraining);
  });
  HttpResponse head;
  head.headers.emplace_back("content-type", "application/vnd.amazon.eventstream");
  auto done = co_await out.start(std::move(head));
  if (done) done = co_await run(call, *subscription, out);
  out.on_interrupt({});
  // An error means that the client has gone: nobody is left to tell.
  if (done) (void)co_await out.finish();
  co_return Result<>{};
}

awaitable<Result<>> Subscriber::run(Call& call, Subscription& subscription, ResponseStream& out) {
  CO_TRY(co_await subscription.write(out, encode_initial_response(call.protocol)));
  Result<> state;
  while (state && subscription.ended() == Subscription::End::kNone &&
         context_.clock.monotonic() < call.deadline) {
    state = refresh(call);
    if (!state) break;
    auto more = co_await step(call, subscription, out);
    if (!more) {
      if (more.error().code == ErrorCode::kCancelled) co_return std::unexpected(more.error());
      state = std::unexpected(std::move(more).error());
      // The log's shard is removed after its stream was, or its place in it: that is the news.
      if (state.error().code == ErrorCode::kNotFound) {
        if (auto known = refresh(call); !known) state = std::move(known);
      }
    } else if (!*more) {
      co_return Result<>{};
    }
  }
  if (state && subscription.ended() == Subscription::End::kTakenOver) {
    state = std::unexpected(in_use_by_another(call.arn, call.shard_id));
  }
  if (state) co_return Result<>{};
  co_return co_await subscription.write(out, encode_subscribe_error(call.protocol, state.error()));
}

EncodedEvent Subscriber::event_of(const Call& call, ReadResult read) const {
  EncodedEvent event;
  event.next = read.next;
  event.stored_bytes = stored_bytes(read);
  for (const StoredBatch& batch : read.batches) event.records += batch.records;
  GetAnswer answer;
  answer.stream = call.stream;
  answer.shard = call.shard;
  event.millis_behind_latest = millis_behind_latest(read, context_.clock.now_ms());
  answer.millis_behind_latest = event.millis_behind_latest;
  const std::string continuation = continuation_number(*call.shard, read);
  answer.read = std::move(read);
  event.message = encode_subscribe_event(call.protocol, answer, continuation);
  return event;
}

awaitable<Result<bool>> Subscriber::step(Call& call, Subscription& subscription,
                                         ResponseStream& out) {
  const auto now = context_.clock.monotonic();
  // AWS: 2 MiB/s, of which a second's worth may come at once, and the event that exceeds it.
  if (const auto ahead = call.paid_at - now - kPaidAhead; ahead.count() >= 0) {
    co_await subscription.wait(pause(ahead + std::chrono::milliseconds(1)));
    co_return true;
  }
  ShardEvents& events = subscription.events();
  if (auto known = events.find(call.position, call.protocol, now)) {
    CO_TRY(co_await send(call, subscription, out, *std::move(known)));
    co_return true;
  }
  const ShardId shard = call.shard->log_id;
  CO_TRY_ASSIGN(ReadResult read, co_await context_.log.read(shard, call.position, kEventLimits));
  if (!read.batches.empty()) {
    const auto make = [&] { return event_of(call, std::move(read)); };
    // One subscriber alone needs nothing kept.
    EncodedEvent event =
        subscription.shares_shard() ? events.get(call.position, call.protocol, now, make) : make();
    CO_TRY(co_await send(call, subscription, out, std::move(event)));
    co_return true;
  }
  call.position = read.next;
  if (read.at_end) co_return co_await finish_shard(call, subscription, out);
  if (now >= call.quiet_at) {
    CO_TRY(co_await send(call, subscription, out, event_of(call, std::move(read))));
    co_return true;
  }
  const auto until = std::min(call.quiet_at, call.deadline) - now;
  co_await subscription.wait(
      context_.log.wait(shard, call.position, std::chrono::ceil<std::chrono::milliseconds>(until)));
  co_return true;
}

awaitable<Result<bool>> Subscriber::finish_shard(Call& call, Subscription& subscription,
                                                 ResponseStream& out) {
  if (call.shard->open) {
    // Sealed: over, once the children are published.
    co_await context_.catalog.wait_for_change(call.key, call.stream, kReshardPatience);
    co_return true;
  }
  GetAnswer answer;
  answer.stream = call.stream;
  answer.shard = call.shard;
  answer.children = call.stream->children(call.shard->index);
  EncodedEvent last;
  last.message = encode_subscribe_event(call.protocol, answer, {});
  CO_TRY(co_await subscription.write(out, last.message));
  count_event(*call.stream, last);
  co_return false;
}

awaitable<Result<>> Subscriber::send(Call& call, Subscription& subscription, ResponseStream& out,
                                     EncodedEvent event) {
  call.position = event.next;
  const uint64_t rate = context_.settings.shard_limits.out_bytes_per_s;
  if (rate > 0) {
    const auto cost = std::chrono::nanoseconds(event.stored_bytes * 1'000'000'000 / rate);
    call.paid_at = std::max(call.paid_at, context_.clock.monotonic()) + cost;
  }
  CO_TRY(co_await subscription.write(out, std::move(event.message)));
  count_event(*call.stream, event);
  call.quiet_at = context_.clock.monotonic() + kQuietFor;
  co_return Result<>{};
}

void register_subscribe_operation(wire::OperationTable& table, StreamsContext& context) {
  auto subscriber = std::make_shared<Subscriber>(context);
  table.handle_stream(
      kinesis::SubscribeToShard::descriptor(),
      [subscriber](const wire::RequestContext& request, Slice body, ResponseStream& out) {
        return subscriber->subscribe(request, std::move(body), out);
      });
}

}  // namespace millstream::streams
