// Coroutines on Boost.Asio: the one awaitable type, and the ways between loops and threads.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.h"

namespace millstream {

namespace asio = boost::asio;

template <class T = void>
using awaitable = asio::awaitable<T>;

// Runs `work` (blocking is fine) on `pool` and resumes the caller on its own executor with the
// result. `work` runs to its end even if the caller is cancelled meanwhile.
template <class Work>
auto run_on(asio::thread_pool& pool, Work work) -> awaitable<decltype(work())> {
  using T = decltype(work());
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(std::exception_ptr, T)>(
      [&pool](auto handler, Work task) {
        auto executor = asio::get_associated_executor(handler);
        asio::post(
            pool, [handler = std::move(handler),
                   executor = asio::prefer(executor, asio::execution::outstanding_work.tracked),
                   task = std::move(task)]() mutable {
              std::exception_ptr error;
              std::optional<T> value;
              try {
                value.emplace(task());
              } catch (...) {
                error = std::current_exception();
              }
              asio::post(executor,
                         [handler = std::move(handler), error, value = std::move(value)]() mutable {
                           if (error) {
                             std::move(handler)(error, T{});
                           } else {
                             std::move(handler)(nullptr, *std::move(value));
                           }
                         });
            });
      },
      asio::use_awaitable, std::move(work));
}

}  // namespace millstream
