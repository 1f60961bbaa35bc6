// Two ends of a channel, and coroutines run to their end.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "worker/channel.h"

namespace millstream::worker {

// A loop with threads of its own.
class Loop {
 public:
  explicit Loop(int threads = 1) : work_(asio::make_work_guard(context_)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~Loop() {
    work_.reset();
    for (std::thread& thread : threads_) thread.join();
  }
  asio::any_io_executor executor() { return context_.get_executor(); }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

// The result of a coroutine; from a thread that is not the loop's.
template <class T>
T get(asio::any_io_executor executor, awaitable<T> task) {
  return asio::co_spawn(executor, std::move(task), asio::use_future).get();
}

inline std::vector<Slice> one(std::string_view text) { return {Slice::copy_of(text)}; }

// Both ends of a socket, running, until destroyed.
class Pair {
 public:
  explicit Pair(int threads = 1, size_t max_calls = 1024) : loop(threads) {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    near = Channel::make(loop.executor(), sockets[0], max_calls);
    far = Channel::make(loop.executor(), sockets[1], max_calls);
  }
  ~Pair() {
    near->close();
    far->close();
    if (near_end.valid()) near_end.wait();
    if (far_end.valid()) far_end.wait();
  }
  // After the handlers have been set.
  void run() {
    near_end = asio::co_spawn(loop.executor(), near->run(), asio::use_future);
    far_end = asio::co_spawn(loop.executor(), far->run(), asio::use_future);
  }

  Loop loop;
  std::shared_ptr<Channel> near;
  std::shared_ptr<Channel> far;
  std::future<Result<>> near_end;
  std::future<Result<>> far_end;
};

inline awaitable<> pause_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Tries again until it holds; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace millstream::worker
