// Who is subscribed to which shard, and what the subscriptions of a shard share.
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/cancellation_signal.hpp>

#include "base/async.h"
#include "base/bytes.h"
#include "base/http_message.h"
#include "base/result.h"
#include "log/shard_log.h"
#include "wire/operation.h"

namespace millstream::streams {

// An event as it goes over the wire.
struct EncodedEvent {
  Slice message;
  size_t stored_bytes = 0;  // of its records
  Counter next = 0;         // where the next event begins
  uint64_t records = 0;
  int64_t millis_behind_latest = 0;
};

// The newest events of a shard, so that what all its subscribers read at the tip is encoded once.
// Bounded: a few events, of the last fraction of a second.
//
// Threads: any. make() encodes with the lock held: those who want the same event wait for it.
class ShardEvents {
 public:
  using Make = std::function<EncodedEvent()>;

  std::optional<EncodedEvent> find(Counter from, wire::Protocol protocol,
                                   std::chrono::nanoseconds now);
  // What is kept for `from`, else what `make` gives.
  EncodedEvent get(Counter from, wire::Protocol protocol, std::chrono::nanoseconds now,
                   const Make& make);

 private:
  struct Kept {
    Counter from = 0;
    wire::Protocol protocol{};
    std::chrono::nanoseconds at{};
    EncodedEvent event;
  };
  const EncodedEvent* find_locked(Counter from, wire::Protocol protocol,
                                  std::chrono::nanoseconds now);

  std::mutex mutex_;
  std::deque<Kept> kept_;  // oldest first
  size_t bytes_ = 0;
};

// One subscription, from its acceptance to its end.
//
// Threads: end() from any; the rest on the loop of the subscription's handler.
class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  enum class End : uint8_t { kNone, kTakenOver, kClientGone, kDraining };

  Subscription(asio::any_io_executor executor, std::shared_ptr<ShardEvents> events)
      : executor_(std::move(executor)), events_(std::move(events)) {}

  // The first reason counts. Ends a wait() soon.
  void end(End why);
  End ended() const { return ended_; }

  // Runs `work`, a wait that honours cancellation, until it is over or the subscription has been
  // ended.
  awaitable<> wait(awaitable<Result<>> work);
  // Writes to `out`; cuts it off if the client takes nothing for kStallTimeout.
  awaitable<Result<>> write(ResponseStream& out, Slice message);

  ShardEvents& events() { return *events_; }
  // Whether somebody else reads the same shard.
  bool shares_shard() const { return events_.use_count() > 1; }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<ShardEvents> events_;
  asio::cancellation_signal wake_;
  End ended_ = End::kNone;
  ResponseStream* writing_to_ = nullptr;
  uint64_t writes_ = 0;
};

// A shard of a consumer.
struct SubscriptionKey {
  int64_t consumer = 0;
  ShardId shard{};
  friend auto operator<=>(const SubscriptionKey&, const SubscriptionKey&) = default;
};

// At most one subscription of a consumer and shard.
//
// Threads: any.
class SubscriptionTable {
 public:
  // Takes an older subscription over, which then ends. Nothing if it is younger than
  // kTakeoverAfter (AWS: API documentation of SubscribeToShard).
  std::shared_ptr<Subscription> add(SubscriptionKey key, asio::any_io_executor executor,
                                    std::chrono::nanoseconds now);
  // Forgets `subscription` if it is still the one of `key`.
  void remove(SubscriptionKey key, const Subscription* subscription);

 private:
  struct Entry {
    std::shared_ptr<Subscription> subscription;
    std::chrono::nanoseconds since{};
  };
  std::mutex mutex_;
  std::map<SubscriptionKey, Entry> entries_;
  std::map<ShardId, std::weak_ptr<ShardEvents>> events_;
};

}  // namespace millstream::streams
