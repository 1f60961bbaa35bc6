// The appends of each writer in the order of their calls, while keys are fetched and records are
// encrypted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/async.h"

namespace millstream {

// Threads: any. The appends of one writer come on one executor that runs one thing at a time (a
//          loop or a strand), or they have no order.
class WriterOrder {
 public:
  // Whether an append of the writer has entered and not left yet.
  bool is_busy(uint64_t writer) const {
    std::lock_guard lock(mutex_);
    return newest_.contains(writer);
  }

 private:
  struct Step {
    bool left = false;
    std::shared_ptr<asio::steady_timer> next;  // of the append behind this one, once it waits
  };

 public:
  // The place of an append in line. Who is destroyed on its way lets the others pass.
  class Place {
   public:
    Place(WriterOrder& order, uint64_t writer) : order_(order), writer_(writer) {
      std::lock_guard lock(order_.mutex_);
      before_ = std::exchange(order_.newest_[writer_], own_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { leave(); }

    // Completes when all that entered before have left.
    awaitable<> turn() {
      auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor,
                                                        asio::steady_timer::time_point::max());
      {
        std::lock_guard lock(order_.mutex_);
        if (!before_ || before_->left) co_return;
        before_->next = timer;
      }
      boost::system::error_code ignored;
      co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }

    void leave() {
      std::lock_guard lock(order_.mutex_);
      if (std::exchange(own_->left, true)) return;
      const auto newest = order_.newest_.find(writer_);
      if (newest != order_.newest_.end() && newest->second == own_) order_.newest_.erase(newest);
      if (!own_->next) return;
      // A new expiry, not a cancel: the wait may not have started yet.
      asio::post(own_->next->get_executor(),
                 [next = own_->next] { next->expires_at(asio::steady_timer::time_point::min()); });
    }

   private:
    WriterOrder& order_;
    uint64_t writer_;
    std::shared_ptr<Step> own_ = std::make_shared<Step>();
    std::shared_ptr<Step> before_;
  };

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Step>> newest_;
};

}  // namespace millstream
