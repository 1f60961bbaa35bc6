#include "streams/subscription.h"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millstream::streams {
namespace {

constexpr std::chrono::seconds kTakeoverAfter{5};
constexpr uint64_t kCallsPerSecond = 1;  // AWS: of a consumer and shard
// Subscribers at the tip want an event within milliseconds of each other. MillisBehindLatest in
// it is as old as the event.
constexpr std::chrono::milliseconds kKeepFor{250};
constexpr size_t kMaxKept = 8;
constexpr size_t kMaxKeptBytes = size_t{2} << 20;

}  // namespace

const EncodedEvent* ShardEvents::find_locked(Counter from, wire::Protocol protocol,
                                             std::chrono::nanoseconds now) {
  while (!kept_.empty() && (now - kept_.front().at > kKeepFor || kept_.size() > kMaxKept ||
                            (bytes_ > kMaxKeptBytes && kept_.size() > 1))) {
    bytes_ -= kept_.front().event.message.size();
    kept_.pop_front();
  }
  const auto found = std::ranges::find_if(
      kept_, [&](const Kept& kept) { return kept.from == from && kept.protocol == protocol; });
  return found == kept_.end() ? nullptr : &found->event;
}

std::optional<EncodedEvent> ShardEvents::find(Counter from, wire::Protocol protocol,
                                              std::chrono::nanoseconds now) {
  std::lock_guard lock(mutex_);
  const EncodedEvent* found = find_locked(from, protocol, now);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

EncodedEvent ShardEvents::get(Counter from, wire::Protocol protocol, std::chrono::nanoseconds now,
                              const Make& make) {
  std::lock_guard lock(mutex_);
  if (const EncodedEvent* found = find_locked(from, protocol, now)) return *found;
  EncodedEvent event = make();
  bytes_ += event.message.size();
  kept_.push_back({from, protocol, now, event});
  return event;
}

void Subscription::end(End why) {
  asio::post(executor_, [self = shared_from_this(), why] {
    if (self->ended_ != End::kNone) return;
    self->ended_ = why;
    self->wake_.emit(asio::cancellation_type::terminal);
  });
}

awaitable<> Subscription::wait(awaitable<Result<>> work) {
  if (ended_ != End::kNone) co_return;
  try {
    // Its result does not matter: the caller looks at the shard, and at ended().
    (void)co_await asio::co_spawn(executor_, std::move(work),
                                  asio::bind_cancellation_slot(wake_.slot(), asio::use_awaitable));
  } catch (const boost::system::system_error&) {
    // Ended before it had begun to wait.
  }
}

awaitable<Result<>> Subscription::write(ResponseStream& out, Slice message) {
  asio::steady_timer stalled(executor_, stall_timeout_);
  writing_to_ = &out;
  stalled.async_wait(
      [self = shared_from_this(), number = ++writes_](boost::system::error_code error) {
        // On the handler's loop: a write that is over has cleared writing_to_.
        if (error || self->writes_ != number || self->writing_to_ == nullptr) return;
        self->writing_to_->abort();
      });
  auto written = co_await out.write(std::move(message));
  writing_to_ = nullptr;
  co_return written;
}

std::expected<std::shared_ptr<Subscription>, SubscriptionTable::Refusal> SubscriptionTable::add(
    SubscriptionKey key, asio::any_io_executor executor, std::chrono::nanoseconds now) {
  std::lock_guard lock(mutex_);
  if (entries_.size() >= drop_at_) drop_ended(now);
  const auto [place, is_first] = entries_.try_emplace(key);
  Entry& entry = place->second;
  if (aws_rules_) {
    entry.calls.fill(now, kCallsPerSecond);
    if (!entry.calls.has(1)) return std::unexpected(Refusal::kTooOften);
    entry.calls.take(1);
  }
  if (!is_first) {
    if (now - entry.since < kTakeoverAfter) return std::unexpected(Refusal::kTooSoon);
    if (entry.subscription) entry.subscription->end(Subscription::End::kTakenOver);
  }
  std::weak_ptr<ShardEvents>& shared = events_[key.shard];
  std::shared_ptr<ShardEvents> events = shared.lock();
  if (!events) {
    events = std::make_shared<ShardEvents>();
    shared = events;
  }
  entry.subscription =
      std::make_shared<Subscription>(std::move(executor), std::move(events), stall_timeout_);
  entry.since = now;
  return entry.subscription;
}

void SubscriptionTable::remove(SubscriptionKey key, const Subscription* subscription) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.subscription.get() != subscription) return;
  found->second.subscription.reset();
  if (!aws_rules_) entries_.erase(found);
  const bool is_last = std::ranges::none_of(entries_, [&key](const auto& entry) {
    return entry.first.shard == key.shard && entry.second.subscription;
  });
  if (is_last) events_.erase(key.shard);
}

void SubscriptionTable::drop_ended(std::chrono::nanoseconds now) {
  std::erase_if(entries_, [now](const auto& known) {
    const Entry& entry = known.second;
    return !entry.subscription && now - entry.since >= kTakeoverAfter &&
           entry.calls.is_full_at(now, kCallsPerSecond);
  });
  drop_at_ = std::max(size_t{1024}, entries_.size() * 2);
}

}  // namespace millstream::streams
