// An ObjectStore in memory that fails, hangs and gives wrong bytes. For tests.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/object_store.h"

namespace millstream::local {

class TierTestStore final : public ObjectStore {
 public:
  // The same objects, no faults: what another world after a crash finds.
  std::shared_ptr<TierTestStore> copy() {
    auto other = std::make_shared<TierTestStore>();
    std::lock_guard lock(mutex_);
    other->objects_ = objects_;
    return other;
  }
  // Every call fails.
  void set_failing(std::optional<ErrorCode> code) {
    std::lock_guard lock(mutex_);
    failing_ = code;
  }
  // One call in `nth` is refused; 0: none.
  void fail_every(uint64_t nth) { fail_every_ = nth; }
  // Gets begin and don't end before this is over, or they are cancelled.
  void set_hanging(bool hanging) { hanging_ = hanging; }
  // Of each get.
  void set_latency(std::chrono::milliseconds latency) { latency_ = latency; }

  uint64_t gets() const { return gets_; }
  std::vector<std::string> keys() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, bytes] : objects_) keys.push_back(key);
    return keys;
  }
  std::string object(const std::string& key) {
    std::lock_guard lock(mutex_);
    return objects_.at(key);
  }
  void set_object(const std::string& key, std::string bytes) {
    std::lock_guard lock(mutex_);
    objects_[key] = std::move(bytes);
  }
  void erase(const std::string& key) {
    std::lock_guard lock(mutex_);
    objects_.erase(key);
  }

  awaitable<Result<>> put(std::string, std::string key, std::vector<Slice> parts,
                          PutOptions) override {
    std::string bytes;
    for (const Slice& part : parts) bytes += part.view();
    std::lock_guard lock(mutex_);
    if (fails()) co_return fault();
    objects_[key] = std::move(bytes);
    co_return Result<>();
  }
  awaitable<Result<Slice>> get(std::string, std::string key) override {
    ++gets_;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(latency_.load());
    co_await timer.async_wait(asio::use_awaitable);
    while (hanging_) {
      timer.expires_after(std::chrono::milliseconds(2));
      co_await timer.async_wait(asio::use_awaitable);
    }
    std::lock_guard lock(mutex_);
    if (fails()) co_return fault();
    const auto found = objects_.find(key);
    if (found == objects_.end()) co_return fail(ErrorCode::kNotFound, "no such key: {}", key);
    co_return Slice::copy_of(found->second);
  }
  awaitable<Result<ObjectInfo>> head(std::string, std::string key) override {
    std::lock_guard lock(mutex_);
    if (fails()) co_return fault();
    const auto found = objects_.find(key);
    if (found == objects_.end()) co_return fail(ErrorCode::kNotFound, "no such key: {}", key);
    co_return ObjectInfo{.key = key, .size = found->second.size(), .modified = 0, .etag = ""};
  }
  awaitable<Result<ObjectPage>> list(std::string, std::string prefix, std::string start_after,
                                     size_t limit) override {
    std::lock_guard lock(mutex_);
    if (fails()) co_return fault();
    ObjectPage page;
    for (auto it = objects_.upper_bound(std::max(prefix, start_after)); it != objects_.end();
         ++it) {
      if (!it->first.starts_with(prefix)) break;
      if (page.objects.size() == std::min(limit, size_t{7})) {  // several pages
        page.next_start_after = page.objects.back().key;
        break;
      }
      page.objects.push_back(
          {.key = it->first, .size = it->second.size(), .modified = 0, .etag = ""});
    }
    co_return page;
  }
  awaitable<Result<>> remove(std::string, std::string key) override {
    std::lock_guard lock(mutex_);
    if (fails()) co_return fault();
    objects_.erase(key);
    co_return Result<>();
  }
  awaitable<Result<>> make_bucket(std::string) override { co_return Result<>(); }

 private:
  bool fails() {
    const uint64_t nth = fail_every_;
    return failing_ || (nth > 0 && ++calls_ % nth == 0);
  }
  std::unexpected<Error> fault() const {
    return std::unexpected(
        Error{failing_.value_or(ErrorCode::kRemote), "the store fails on purpose"});
  }

  std::mutex mutex_;
  std::map<std::string, std::string> objects_;
  std::optional<ErrorCode> failing_;
  uint64_t calls_ = 0;
  std::atomic<uint64_t> fail_every_{0};
  std::atomic<bool> hanging_{false};
  std::atomic<std::chrono::milliseconds> latency_{std::chrono::milliseconds(0)};
  std::atomic<uint64_t> gets_{0};
};

}  // namespace millstream::local
