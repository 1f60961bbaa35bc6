// A ShardLog in memory, for the tests of its callers: the semantics of shard_log.h, nothing
// durable, and failures on demand.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "log/shard_log.h"

namespace millstream {

// Threads: as ShardLog. `clock` outlives the log.
class FakeShardLog final : public ShardLog {
 public:
  // Called before anything happens, with the name of the call ("append", "seal", …); an error
  // makes the call fail without effect. Set before use, or between calls.
  using Hook = std::function<Result<>(std::string_view call, ShardId shard)>;

  explicit FakeShardLog(Clock& clock) : clock_(clock) {}

  void set_hook(Hook hook) {
    std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  // As a restart does: a new run epoch, so that later counters are higher than all before.
  void restart() {
    std::lock_guard lock(mutex_);
    ++run_epoch_;
    closed_ = false;
  }
  // Appends of one arrival time are read as one batch, as LocalLog does with those of one frame.
  void merge_reads() {
    std::lock_guard lock(mutex_);
    merges_reads_ = true;
  }
  ShardOptions options(ShardId shard) const {
    std::lock_guard lock(mutex_);
    auto found = shards_.find(shard);
    return found == shards_.end() ? ShardOptions{} : found->second.options;
  }

  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp stamp) override {
    co_return append_now(std::move(batches), stamp);
  }

  awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("open_writer", ShardId{}));
    Writer& found = writers_[writer];
    ++found.epoch;
    co_return OpenedWriter{found.epoch, found.last_number};
  }

  awaitable<Result<>> create(ShardId shard, ShardOptions wanted) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("create", shard));
    auto [place, is_new] = shards_.try_emplace(shard);
    if (is_new) {
      place->second.options = wanted;
      place->second.last_arrival_ms = 0;
      place->second.first = place->second.next = run_epoch_ << 40;
    } else if (place->second.options.retention_ms != wanted.retention_ms ||
               place->second.options.not_before_ms != wanted.not_before_ms) {
      co_return fail(ErrorCode::kInUse, "log shard {} exists with other options", number(shard));
    }
    co_return Result<>{};
  }

  awaitable<Result<Counter>> seal(ShardId shard) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("seal", shard));
    CO_TRY_ASSIGN(Shard * found, find(shard));
    found->sealed = true;
    wake(*found);
    co_return found->next;
  }

  awaitable<Result<>> remove(ShardId shard) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("remove", shard));
    auto found = shards_.find(shard);
    if (found != shards_.end()) {
      wake(found->second);
      shards_.erase(found);
    }
    co_return Result<>{};
  }

  awaitable<Result<>> trim(ShardId shard, Counter first) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("trim", shard));
    CO_TRY_ASSIGN(Shard * found, find(shard));
    found->first = std::max(found->first, std::min(first, found->next));
    drop_hidden(*found);
    co_return Result<>{};
  }

  awaitable<Result<>> set_retention(ShardId shard, TimeMs retention_ms) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("set_retention", shard));
    CO_TRY_ASSIGN(Shard * found, find(shard));
    found->options.retention_ms = retention_ms;
    co_return Result<>{};
  }

  awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) override {
    co_return read_now(shard, from, limits);
  }

  awaitable<Result<>> wait(ShardId shard, Counter position,
                           std::chrono::milliseconds timeout) override {
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, timeout);
    {
      std::lock_guard lock(mutex_);
      CO_TRY(enter("wait", shard));
      CO_TRY_ASSIGN(Shard * found, find(shard));
      if (found->next > position || found->sealed) co_return Result<>{};
      found->waiters.push_back(timer);
    }
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::lock_guard lock(mutex_);
    if (closed_) co_return fail(ErrorCode::kCancelled, "the log is closing");
    auto found = shards_.find(shard);
    if (found == shards_.end()) co_return Result<>{};
    std::erase(found->second.waiters, timer);
    if (found->second.next > position || found->second.sealed) co_return Result<>{};
    co_return fail(ErrorCode::kTimeout, "no new record in log shard {}", number(shard));
  }

  awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) override {
    std::lock_guard lock(mutex_);
    CO_TRY(enter("position_at", shard));
    CO_TRY_ASSIGN(Shard * found, find(shard));
    drop_hidden(*found);
    for (const StoredBatch& batch : found->batches) {
      if (batch.arrival_ms >= time) co_return std::max(batch.first, found->first);
    }
    co_return found->next;
  }

  Result<ShardStatus> status(ShardId shard) override {
    std::lock_guard lock(mutex_);
    TRY_ASSIGN(Shard * found, find(shard));
    drop_hidden(*found);
    ShardStatus status{found->first, found->next, found->sealed, found->last_arrival_ms, 0};
    for (const StoredBatch& batch : found->batches) status.stored_bytes += batch.body.size();
    return status;
  }

  std::vector<ShardId> shards() override {
    std::lock_guard lock(mutex_);
    std::vector<ShardId> all;
    for (const auto& entry : shards_) all.push_back(entry.first);
    return all;
  }

  awaitable<Result<>> close() override {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& entry : shards_) wake(entry.second);
    co_return Result<>{};
  }

 private:
  struct Shard {
    ShardOptions options;
    std::deque<StoredBatch> batches;
    Counter first = 0;
    Counter next = 0;
    bool sealed = false;
    TimeMs last_arrival_ms = 0;
    std::vector<std::shared_ptr<asio::steady_timer>> waiters;
  };
  struct Writer {
    uint64_t epoch = 0;
    uint64_t last_number = 0;
    std::vector<Appended> last;
  };

  static uint64_t number(ShardId shard) { return static_cast<uint64_t>(shard); }

  Result<> enter(std::string_view call, ShardId shard) {
    if (closed_) return fail(ErrorCode::kUnavailable, "the log is closing");
    if (hook_) return hook_(call, shard);
    return {};
  }

  Result<Shard*> find(ShardId shard) {
    auto found = shards_.find(shard);
    if (found == shards_.end()) {
      return fail(ErrorCode::kNotFound, "there is no log shard {}", number(shard));
    }
    return &found->second;
  }

  // A wait that has not started yet must end too: hence a new expiry instead of a cancel.
  static void wake(Shard& shard) {
    for (const auto& timer : shard.waiters) {
      asio::post(timer->get_executor(),
                 [timer] { timer->expires_at(asio::steady_timer::time_point::min()); });
    }
    shard.waiters.clear();
  }

  void drop_hidden(Shard& shard) {
    const TimeMs oldest = clock_.now_ms() - shard.options.retention_ms;
    while (!shard.batches.empty()) {
      const StoredBatch& batch = shard.batches.front();
      const Counter end = batch.first + batch.records;
      if (batch.arrival_ms >= oldest && end > shard.first) break;
      shard.first = std::max(shard.first, end);
      shard.batches.pop_front();
    }
    if (shard.batches.empty()) shard.first = shard.next;
  }

  Result<std::vector<Appended>> append_now(std::vector<ShardBatch> batches, WriterStamp stamp) {
    std::lock_guard lock(mutex_);
    TRY(enter("append", batches.empty() ? ShardId{} : batches.front().shard));
    Writer* writer = nullptr;
    if (stamp.writer != 0) {
      writer = &writers_[stamp.writer];
      if (stamp.epoch != writer->epoch) {
        return fail(ErrorCode::kFenced, "writer {} has epoch {}, not {}", stamp.writer,
                    writer->epoch, stamp.epoch);
      }
      if (stamp.number == writer->last_number && stamp.number != 0) return writer->last;
      if (stamp.number != writer->last_number + 1) {
        return fail(ErrorCode::kOutOfSequence, "writer {} wrote batch {} last, {} can't follow",
                    stamp.writer, writer->last_number, stamp.number);
      }
    }
    size_t bytes = 0;
    for (const ShardBatch& batch : batches) {
      MS_ASSERT(batch.records > 0);
      bytes += batch.body.size();
      TRY_ASSIGN(Shard * found, find(batch.shard));
      if (found->sealed) {
        return fail(ErrorCode::kSealed, "log shard {} is sealed", number(batch.shard));
      }
    }
    if (bytes > (writer ? kMaxWriterAppendBytes : kMaxAppendBytes)) {
      return fail(ErrorCode::kInvalidArgument, "{} bytes are too many for one append", bytes);
    }
    std::vector<Appended> appended;
    for (ShardBatch& batch : batches) {
      Shard& shard = shards_.at(batch.shard);
      shard.next = std::max(shard.next, run_epoch_ << 40);
      if (shard.batches.empty()) shard.first = shard.next;
      shard.last_arrival_ms =
          std::max({shard.last_arrival_ms, clock_.now_ms(), shard.options.not_before_ms});
      appended.push_back({batch.shard, shard.next, batch.records, shard.last_arrival_ms});
      shard.batches.push_back(
          {shard.next, batch.records, shard.last_arrival_ms, std::move(batch.body)});
      shard.next += batch.records;
      wake(shard);
    }
    if (writer) {
      writer->last_number = stamp.number;
      writer->last = appended;
    }
    return appended;
  }

  Result<ReadResult> read_now(ShardId shard, Counter from, ReadLimits limits) {
    std::lock_guard lock(mutex_);
    TRY(enter("read", shard));
    TRY_ASSIGN(Shard * found, find(shard));
    drop_hidden(*found);
    ReadResult result;
    result.tip = found->next;
    result.tip_arrival_ms = found->last_arrival_ms;
    result.next = std::clamp(from, std::min(found->first, found->next), found->next);
    uint32_t records = 0;
    size_t bytes = 0;
    for (const StoredBatch& batch : found->batches) {
      if (batch.first + batch.records <= result.next) continue;
      size_t begin = 0;
      Counter at = batch.first;
      while (at < result.next) {
        begin += record_size(batch.body, begin);
        ++at;
      }
      result.next = at;
      size_t end = begin;
      while (end < batch.body.size() && records < limits.records) {
        const size_t size = record_size(batch.body, end);
        if (records > 0 && bytes + size > limits.bytes) break;
        end += size;
        bytes += size;
        ++records;
        ++result.next;
      }
      StoredBatch* last = result.batches.empty() ? nullptr : &result.batches.back();
      if (end > begin && merges_reads_ && last != nullptr && last->first + last->records == at &&
          last->arrival_ms == batch.arrival_ms) {
        const Slice more = batch.body.sub(begin, end - begin);
        last->body = Slice::copy_of(std::string(last->body.view()).append(more.view()));
        last->records += static_cast<uint32_t>(result.next - at);
      } else if (end > begin) {
        result.batches.push_back({at, static_cast<uint32_t>(result.next - at), batch.arrival_ms,
                                  batch.body.sub(begin, end - begin)});
      }
      if (end < batch.body.size()) break;
    }
    result.at_end = found->sealed && result.next == found->next;
    return result;
  }

  // Of the record at `offset` of a batch body (log/record.h).
  static size_t record_size(const Slice& body, size_t offset) {
    MS_ASSERT(offset + 8 <= body.size());
    return 8 + load_le<uint32_t>(body.data() + offset) +
           load_le<uint16_t>(body.data() + offset + 4);
  }

  Clock& clock_;
  mutable std::mutex mutex_;
  Hook hook_;
  uint64_t run_epoch_ = 1;
  bool closed_ = false;
  bool merges_reads_ = false;
  std::map<ShardId, Shard> shards_;
  std::map<uint64_t, Writer> writers_;
};

}  // namespace millstream
