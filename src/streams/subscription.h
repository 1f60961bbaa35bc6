// Who is subscribed to which shard, and what the subscriptions of a shard share.
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <deque>
#include <expected>
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
#include "streams/token_bucket.h"
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

  // A client that takes nothing for so long is cut off: what it holds back is held for it.
  static constexpr std::chrono::milliseconds kStallTimeout{60'000};

  Subscription(asio::any_io_executor executor, std::shared_ptr<ShardEvents> events,
               std::chrono::milliseconds stall_timeout)
      : executor_(std::move(executor)), events_(std::move(events)), stall_timeout_(stall_timeout) {}

  // The first reason counts. Ends a wait() soon.
  void end(End why);
  End ended() const { return ended_; }

  // Runs `work`, a wait that honours cancellation, until it is over or the subscription has been
  // ended.
  awaitable<> wait(awaitable<Result<>> work);
  // Writes to `out`; cuts it off if the client takes nothing for the stall timeout.
  awaitable<Result<>> write(ResponseStream& out, Slice message);

  ShardEvents& events() { return *events_; }
  // Whether somebody else reads the same shard.
  bool shares_shard() const { return events_.use_count() > 1; }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<ShardEvents> events_;
  const std::chrono::milliseconds stall_timeout_;
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
// Threads: any. With AWS's rules what has ended is remembered for some seconds, so that the size is
// bounded by the calls of those.
class SubscriptionTable {
 public:
  enum class Refusal : uint8_t {
    kTooSoon,   // the last subscription began less than five seconds ago
    kTooOften,  // AWS's rules only: more than a call a second
  };

  SubscriptionTable(bool aws_rules, std::chrono::milliseconds stall_timeout)
      : aws_rules_(aws_rules), stall_timeout_(stall_timeout) {}

  // Takes an older subscription over, which then ends. One that has ended makes room at once, but
  // not with AWS's rules. AWS: API documentation of SubscribeToShard.
  std::expected<std::shared_ptr<Subscription>, Refusal> add(SubscriptionKey key,
                                                            asio::any_io_executor executor,
                                                            std::chrono::nanoseconds now);
  // Forgets `subscription` if it is still the one of `key`.
  void remove(SubscriptionKey key, const Subscription* subscription);

 private:
  struct Entry {
    std::shared_ptr<Subscription> subscription;  // nullptr: it has ended
    std::chrono::nanoseconds since{};
    TokenBucket calls;
  };
  void drop_ended(std::chrono::nanoseconds now);

  const bool aws_rules_;
  const std::chrono::milliseconds stall_timeout_;
  std::mutex mutex_;
  std::map<SubscriptionKey, Entry> entries_;
  size_t drop_at_ = 1024;  // next clean-up
  std::map<ShardId, std::weak_ptr<ShardEvents>> events_;
};

}  // namespace millstream::streams
