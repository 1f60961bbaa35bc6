// One coroutine waits, another part of the same loop wakes it.
#pragma once

#include <functional>
#include <utility>

#include "base/async.h"
#include "http/loops.h"

namespace millstream {

// Threads: one loop. At most one waiter. A notify() without a waiter is remembered (once).
template <class Executor>
class BasicSignal {
 public:
  explicit BasicSignal(Executor executor) : executor_(std::move(executor)) {}

  awaitable<> wait() {
    if (std::exchange(pending_, false)) co_return;
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [this](auto handler) {
          MS_ASSERT(!waiter_);
          waiter_ = [held = std::move(handler)]() mutable { std::move(held)(); };
        },
        asio::use_awaitable);
  }

  // The waiter resumes in a later turn of the loop, never inside this call.
  void notify() {
    if (!waiter_) {
      pending_ = true;
      return;
    }
    asio::post(executor_, std::exchange(waiter_, nullptr));
  }

 private:
  Executor executor_;
  std::move_only_function<void()> waiter_;
  bool pending_ = false;
};

using Signal = BasicSignal<Loops::Executor>;

}  // namespace millstream
