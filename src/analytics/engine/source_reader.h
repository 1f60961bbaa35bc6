// Reads a stream: all its shards, ahead of need, parents before children.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "analytics/engine/job.h"
#include "analytics/engine/source.h"

namespace millstream::analytics {

struct StreamSourceOptions {
  std::string stream;  // name or ARN
  StartPosition start = StartPosition::kTrimHorizon;
  TimeMs start_ms = 0;
  bool bounded = false;                   // up to the tips at open()
  size_t ahead_bytes = size_t{32} << 20;  // of all shards together
  uint32_t read_records = 100'000;        // of one read
};

// Threads: the job's strand (its own executor).
// Order:   within a shard by counter; a shard after its parents have been taken to their ends.
class StreamSource final : public Source {
 public:
  StreamSource(std::string name, StreamSourceOptions options, JobHost& host,
               asio::any_io_executor strand, std::function<void()> wake);
  ~StreamSource() override;

  awaitable<Result<>> open(std::span<const SlotPosition> restored) override;
  std::optional<TimeMs> oldest() override;
  void take(TakeBudget& budget, std::vector<SourceChunk>& chunks) override;
  Result<> failure() const override { return failure_; }
  int64_t millis_behind(TimeMs now_ms) const override;
  bool finished() const override;
  void stop() override;
  awaitable<> stopped() override;

 private:
  struct Shard;

  awaitable<Result<>> place(Shard& shard, Slot& slot);
  awaitable<Result<>> add_new_shards(std::shared_ptr<const InputStream> stream);
  void start_ready_shards();
  void start_reading(size_t index);
  awaitable<> read_shard(size_t index);
  awaitable<bool> read_some(size_t index);
  awaitable<> follow_stream();
  bool has_room(const Shard& shard) const;
  void finish_if_drained(size_t index);
  void ended();

  StreamSourceOptions options_;
  JobHost& host_;
  asio::any_io_executor strand_;
  std::shared_ptr<const InputStream> stream_;
  std::vector<std::unique_ptr<Shard>> shards_;  // as slots_
  std::map<std::string, SlotPosition> restored_;
  bool has_restored_ = false;
  bool opening_ = true;
  size_t queued_bytes_ = 0;
  Result<> failure_;
  bool stopping_ = false;
  size_t running_ = 0;  // coroutines
  asio::steady_timer all_ended_;
  asio::cancellation_signal follow_cancel_;
};

// The first `records` records of `batch`; the rest stays in it.
StoredBatch split_front(StoredBatch& batch, uint32_t records);

}  // namespace millstream::analytics
