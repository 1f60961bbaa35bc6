// The object store as the log uses it: its keys, patience and retries.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/object_store.h"
#include "base/retry.h"
#include "log/local/local_log.h"

namespace millstream::local {

// What the names of a log's objects begin with: random, kept in the file LOG_ID of its folder, made
// when it is first needed. kCorruption where it should be there and is not.
Result<std::string> load_log_id(Env& env, const std::string& folder, bool must_exist);

// Life cycle: start() once the log's id is known, stop() before what the callbacks use goes away.
//             Owns the store together with whoever else does: the last one here lets go of it
//             after its calls have ended and before the loop they ran on does.
// Threads:    all calls from any; the store's calls run on a thread of its own.
// Errors:     those of ObjectStore; kUnavailable also when its patience is at an end, when there
//             is no store, and after stop().
class TierStore {
 public:
  TierStore(std::shared_ptr<ObjectStore> store, std::string bucket, std::string prefix,
            std::chrono::milliseconds read_timeout);
  ~TierStore() { stop(); }

  void start(const std::string& log_id);
  // Cancels what is under way, and waits for its end.
  void stop();
  bool exists() const { return store_ != nullptr; }

  // "<prefix><log id>/": of all objects of this log.
  const std::string& base() const { return base_; }

  // `done` is called once, on the store's thread or, after stop(), on the caller's.
  void get(const std::string& key, std::function<void(Result<Slice>)> done);
  void put(const std::string& key, Slice bytes, std::function<void(Result<>)> done);
  // These block.
  Result<Slice> get(const std::string& key);
  Result<> put(const std::string& key, Slice bytes);
  Result<ObjectPage> list(const std::string& prefix, const std::string& start_after);
  Result<> remove(const std::string& key);

 private:
  // One call of the store with its retries.
  struct Call {
    explicit Call(asio::io_context& io) : timer(io) {}
    asio::cancellation_signal cancel;
    asio::steady_timer timer;
    bool answered = false;
  };
  template <class T>
  using Attempt = std::function<awaitable<Result<T>>()>;

  template <class T>
  static awaitable<Result<T>> with_retries(Attempt<T> attempt, RetryPolicy policy);
  template <class T>
  void begin(Attempt<T> attempt, RetryPolicy policy, std::chrono::milliseconds patience,
             std::function<void(Result<T>)> done);
  template <class T>
  Result<T> wait_for(Attempt<T> attempt, RetryPolicy policy, std::chrono::milliseconds patience);

  asio::io_context io_{1};  // lives longer than the store, whose connections are on it
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  const std::shared_ptr<ObjectStore> store_;
  const std::string bucket_;
  const std::string prefix_;
  const std::chrono::milliseconds read_timeout_;
  std::string base_;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool running_ = false;
  size_t outstanding_ = 0;
  std::list<std::shared_ptr<Call>> calls_;  // the thread's own
  std::thread thread_;
};

}  // namespace millstream::local
