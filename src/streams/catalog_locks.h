// One change of a stream at a time.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/async.h"
#include "streams/catalog.h"

namespace millstream::streams {

// Locks by stream that coroutines wait for, first come, first served. Bounded by the requests
// that the server has admitted.
//
// Threads: any. Outlives every Held. acquire() must not be cancelled: who waits for it runs
// uninterrupted.
class StreamLocks {
 public:
  class Held {
   public:
    Held(StreamLocks* locks, StreamKey key) : locks_(locks), key_(std::move(key)) {}
    Held(Held&& other) noexcept
        : locks_(std::exchange(other.locks_, nullptr)), key_(std::move(other.key_)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (locks_) locks_->release(key_);
    }

   private:
    StreamLocks* locks_;
    StreamKey key_;
  };

  awaitable<Held> acquire(StreamKey key) {
    auto turn = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor,
                                                     asio::steady_timer::time_point::max());
    bool free = false;
    {
      std::lock_guard lock(mutex_);
      const auto [place, is_new] = waiting_.try_emplace(key);
      free = is_new;
      if (!free) place->second.push_back(turn);
    }
    if (!free) {
      boost::system::error_code ignored;
      co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return Held(this, std::move(key));
  }

 private:
  // Hands the lock to the next in line.
  void release(const StreamKey& key) {
    std::lock_guard lock(mutex_);
    const auto place = waiting_.find(key);
    MS_ASSERT(place != waiting_.end());
    if (place->second.empty()) {
      waiting_.erase(place);
      return;
    }
    auto next = std::move(place->second.front());
    place->second.pop_front();
    // A new expiry, not a cancel: the wait may not have started yet.
    asio::post(next->get_executor(),
               [next] { next->expires_at(asio::steady_timer::time_point::min()); });
  }

  std::mutex mutex_;
  std::map<StreamKey, std::deque<std::shared_ptr<asio::steady_timer>>> waiting_;  // held: present
};

}  // namespace millstream::streams
