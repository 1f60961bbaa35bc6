// Suspends a coroutine until another thread has its answer, and wakes many at once.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/async.h"

namespace millstream::local {

// One suspended coroutine. Stands in that coroutine's frame, which lives until it is resumed.
struct Completion {
  asio::any_io_executor executor;  // tracked as outstanding work
  std::move_only_function<void()> resume;
};

// Suspends the calling coroutine, then calls `start`, which hands `completion` to whoever
// completes it; that may happen before `start` returns.
template <class Start>
awaitable<> suspend(Completion& completion, Start start) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [](auto handler, Completion* target, Start begin) {
        target->executor = asio::prefer(asio::get_associated_executor(handler),
                                        asio::execution::outstanding_work.tracked);
        target->resume = [h = std::move(handler)]() mutable { std::move(h)(); };
        begin();
      },
      asio::use_awaitable, &completion, std::move(start));
}

// Collects completions by executor, so that each loop is woken once however many waited.
//
// Threads: one. The coroutines resume on their own executors.
class CompletionBatch {
 public:
  void add(Completion* completion);
  // Posts one function to each executor. The completions may be gone when this returns.
  void post();
  bool empty() const { return groups_.empty(); }

 private:
  struct Group {
    asio::any_io_executor executor;
    std::vector<Completion*> members;
  };
  std::vector<Group> groups_;
};

}  // namespace millstream::local
