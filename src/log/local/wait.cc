#include "log/local/wait.h"

#include <algorithm>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millstream::local {
namespace {

// Completes a waiter that the shard did not complete, on the waiter's own executor.
void give_up(const std::shared_ptr<Waiter>& waiter, const ShardRef& shard,
             Waiter::Outcome outcome) {
  if (!waiter->settle(outcome)) return;
  {
    std::lock_guard lock(shard->mutex);
    std::erase(shard->waiters, waiter);
  }
  CompletionBatch batch;
  batch.add(waiter.get());
  batch.post();
}

bool is_over(ShardState& shard, Counter position) {
  std::lock_guard lock(shard.mutex);
  return !shard.durable.exists || shard.durable.sealed || shard.durable.tip > position;
}

// From here on the committer completes the waiter, unless there is nothing to wait for.
void enter(const std::shared_ptr<Waiter>& waiter, const ShardRef& shard,
           const std::atomic<bool>& closing) {
  {
    std::lock_guard lock(shard->mutex);
    shard->waiters.push_back(waiter);
  }
  // Records may have come, or the log begun to close, since it was looked at.
  if (is_over(*shard, waiter->position)) {
    give_up(waiter, shard, Waiter::Outcome::kReady);
  } else if (closing) {
    give_up(waiter, shard, Waiter::Outcome::kCancelled);
  }
}

}  // namespace

awaitable<Result<>> wait_for_records(ShardRef shard, Counter position,
                                     std::chrono::milliseconds timeout,
                                     const std::atomic<bool>& closing) {
  auto waiter = std::make_shared<Waiter>();
  waiter->position = position;
  if (is_over(*shard, position)) co_return Result<>();
  if (timeout.count() <= 0) {
    co_return fail(ErrorCode::kTimeout, "No record came in time.");
  }
  // Beyond this the clock's arithmetic would overflow.
  timeout = std::min<std::chrono::milliseconds>(timeout, std::chrono::hours(24 * 365));
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  asio::cancellation_slot slot = (co_await asio::this_coro::cancellation_state).slot();
  // Copies, since the coroutine may go on, elsewhere, before this has returned.
  auto start = [waiter, shard, slot, &timer, &closing]() mutable {
    timer.async_wait([waiter, shard](boost::system::error_code error) {
      if (!error) give_up(waiter, shard, Waiter::Outcome::kTimeout);
    });
    if (slot.is_connected()) {
      slot.assign([waiter, shard](asio::cancellation_type) {
        give_up(waiter, shard, Waiter::Outcome::kCancelled);
      });
    }
    enter(waiter, shard, closing);
  };
  co_await suspend(*waiter, std::move(start));
  if (slot.is_connected()) slot.clear();
  switch (waiter->outcome.load()) {
    case Waiter::Outcome::kTimeout:
      co_return fail(ErrorCode::kTimeout, "No record came in time.");
    case Waiter::Outcome::kCancelled:
      co_return fail(ErrorCode::kCancelled, "The wait was cancelled.");
    default:
      co_return Result<>();
  }
}

}  // namespace millstream::local
