// A flag that a coroutine waits for.
#pragma once

#include <chrono>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/async.h"

namespace millstream::analytics {

// Threads: one strand. One waiter at a time.
class Wakeup {
 public:
  explicit Wakeup(const asio::any_io_executor& strand) : timer_(strand) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  // Until set() (also before), or so long.
  awaitable<> wait(std::chrono::nanoseconds timeout) {
    if (!set_ && timeout.count() > 0) {
      timer_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(timeout));
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    set_ = false;
  }

 private:
  asio::steady_timer timer_;
  bool set_ = false;
};

}  // namespace millstream::analytics
