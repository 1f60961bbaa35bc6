#include "log/local/tier_store.h"

#include <array>

#include <boost/asio/bind_cancellation_slot.hpp>

#include "base/hash.h"
#include "base/random.h"

namespace millstream::local {
namespace {

constexpr std::chrono::milliseconds kWritePatience{120'000};
constexpr size_t kPageObjects = 1000;
// Reads are short of time: their caller comes again.
constexpr RetryPolicy kReadRetries{.retries = 2,
                                   .first = std::chrono::milliseconds(100),
                                   .longest = std::chrono::milliseconds(1'000)};
constexpr RetryPolicy kWriteRetries{.retries = 4,
                                    .first = std::chrono::milliseconds(200),
                                    .longest = std::chrono::milliseconds(5'000)};

bool may_pass(ErrorCode code) {
  switch (code) {
    case ErrorCode::kThrottled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
      return true;
    default:
      return false;
  }
}

std::unexpected<Error> no_answer(std::chrono::milliseconds patience) {
  return fail(ErrorCode::kUnavailable, "the object store has not answered within {} s",
              std::chrono::duration<double>(patience).count());
}

}  // namespace

Result<std::string> load_log_id(Env& env, const std::string& folder, bool must_exist) {
  const std::string path = folder + "/LOG_ID";
  TRY_ASSIGN(const bool exists, env.exists(path));
  if (!exists && must_exist) {
    return fail(ErrorCode::kCorruption,
                "{} is missing: without it nothing says which objects are this log's. Restore it "
                "from a backup, or write the name of the log's folder in the object store into it.",
                path);
  }
  if (!exists) {
    std::array<unsigned char, 16> id{};
    fill_random(id);
    TRY(env.write_file_durably(path, to_hex(id)));
  }
  TRY_ASSIGN(const std::string id, env.read_file(path));
  return id.substr(0, id.find('\n'));
}

TierStore::TierStore(std::shared_ptr<ObjectStore> store, std::string bucket, std::string prefix,
                     std::chrono::milliseconds read_timeout)
    : store_(std::move(store)),
      bucket_(std::move(bucket)),
      prefix_(std::move(prefix)),
      read_timeout_(read_timeout) {}

void TierStore::start(const std::string& log_id) {
  base_ = prefix_ + log_id + "/";
  running_ = true;
  thread_ = std::thread([this] { io_.run(); });
}

void TierStore::stop() {
  {
    std::unique_lock lock(mutex_);
    running_ = false;
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      for (const auto& call : calls_) call->cancel.emit(asio::cancellation_type::terminal);
    });
    ended_.wait(lock, [&] { return outstanding_ == 0; });
  }
  work_.reset();
  thread_.join();
}

template <class T>
awaitable<Result<T>> TierStore::with_retries(Attempt<T> attempt, RetryPolicy policy) {
  Backoff backoff(policy);
  for (;;) {
    Result<T> answer = co_await attempt();
    if (answer || !may_pass(answer.error().code)) co_return answer;
    const auto pause = backoff.next();
    if (!pause) co_return answer;
    asio::steady_timer timer(co_await asio::this_coro::executor, *pause);
    co_await timer.async_wait(asio::use_awaitable);  // throws once the call is cancelled
  }
}

template <class T>
void TierStore::begin(Attempt<T> attempt, RetryPolicy policy, std::chrono::milliseconds patience,
                      std::function<void(Result<T>)> done) {
  bool refused = false;
  {
    std::lock_guard lock(mutex_);
    refused = !running_ || !store_;
    if (!refused) ++outstanding_;
  }
  if (refused) {
    done(store_ ? fail(ErrorCode::kUnavailable, "the log is closing")
                : fail(ErrorCode::kUnavailable, "log.tier.url is not set"));
    return;
  }
  asio::post(io_, [this, attempt = std::move(attempt), policy, patience,
                   done = std::move(done)]() mutable {
    auto call = std::make_shared<Call>(io_);
    calls_.push_back(call);
    auto answer = [call, done = std::move(done)](Result<T> result) {
      if (std::exchange(call->answered, true)) return;
      call->timer.cancel();
      done(std::move(result));
    };
    call->timer.expires_after(patience);
    call->timer.async_wait([call, answer, patience](boost::system::error_code cancelled) {
      if (cancelled || call->answered) return;
      answer(no_answer(patience));
      call->cancel.emit(asio::cancellation_type::terminal);
    });
    auto ended = [this, call, answer](std::exception_ptr error, Result<T> result) {
      calls_.remove(call);
      if (error) result = fail(ErrorCode::kUnavailable, "the call was given up");
      answer(std::move(result));
      std::lock_guard lock(mutex_);
      --outstanding_;
      ended_.notify_all();
    };
    asio::co_spawn(io_, with_retries<T>(std::move(attempt), policy),
                   asio::bind_cancellation_slot(call->cancel.slot(), std::move(ended)));
  });
}

template <class T>
Result<T> TierStore::wait_for(Attempt<T> attempt, RetryPolicy policy,
                              std::chrono::milliseconds patience) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Result<T>> answer;
  begin<T>(std::move(attempt), policy, patience, [&](Result<T> result) {
    std::lock_guard lock(mutex);
    answer = std::move(result);
    answered.notify_one();
  });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return answer.has_value(); });
  return *std::move(answer);
}

void TierStore::get(const std::string& key, std::function<void(Result<Slice>)> done) {
  begin<Slice>([this, key] { return store_->get(bucket_, key); }, kReadRetries, read_timeout_,
               std::move(done));
}

void TierStore::put(const std::string& key, Slice bytes, std::function<void(Result<>)> done) {
  begin<void>(
      [this, key, bytes = std::move(bytes)] { return store_->put(bucket_, key, {bytes}, {}); },
      kWriteRetries, kWritePatience, std::move(done));
}

Result<Slice> TierStore::get(const std::string& key) {
  return wait_for<Slice>([this, key] { return store_->get(bucket_, key); }, kReadRetries,
                         read_timeout_);
}

Result<> TierStore::put(const std::string& key, Slice bytes) {
  return wait_for<void>(
      [this, key, bytes = std::move(bytes)] { return store_->put(bucket_, key, {bytes}, {}); },
      kWriteRetries, kWritePatience);
}

Result<ObjectPage> TierStore::list(const std::string& prefix, const std::string& start_after) {
  return wait_for<ObjectPage>(
      [this, prefix, start_after] {
        return store_->list(bucket_, prefix, start_after, kPageObjects);
      },
      kWriteRetries, kWritePatience);
}

Result<> TierStore::remove(const std::string& key) {
  return wait_for<void>([this, key] { return store_->remove(bucket_, key); }, kWriteRetries,
                        kWritePatience);
}

}  // namespace millstream::local
