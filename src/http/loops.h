// The event loops: one single-threaded io_context and its thread per core.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/async.h"

namespace millstream {

// Life cycle: start() once; stop(), then join(). The destructor does both. What lives on a loop
//             (sockets, timers, suspended coroutines) goes before the Loops object, or with it.
// Threads:    all members from any thread, except start(), join() and the destructor: one owner
//             that is not on a loop. Each loop's handlers run on its own thread only, so that
//             what belongs to one loop needs no lock.
class Loops {
 public:
  using Executor = asio::io_context::executor_type;

  // `count` 0: one per core that this process may use. Threads are named "ms-loop-N".
  explicit Loops(size_t count = 0);
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  void start();
  // Loops end after the handler they are in; what waits is destroyed with the object.
  void stop();
  void join();

  size_t size() const { return loops_.size(); }
  Executor executor(size_t i) { return loops_[i]->context.get_executor(); }
  asio::io_context& context(size_t i) { return loops_[i]->context; }

  // The loop with the fewest connections (the first of equals).
  size_t next() const;
  void add_connection(size_t i) { ++loops_[i]->connections; }
  void remove_connection(size_t i) { --loops_[i]->connections; }
  size_t connections(size_t i) const { return loops_[i]->connections; }

 private:
  struct Loop {
    asio::io_context context{1};  // one thread runs it; others may post
    asio::executor_work_guard<Executor> work{context.get_executor()};
    std::atomic<size_t> connections = 0;
    std::thread thread;
  };
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace millstream
