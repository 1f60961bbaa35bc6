// The work of one delivery stream: read, buffer, plan, deliver, finish.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/async.h"
#include "base/byte_budget.h"
#include "firehose/context.h"
#include "firehose/delivery_buffer.h"
#include "firehose/delivery_stream.h"
#include "firehose/object_content.h"
#include "firehose/plan.h"
#include "firehose/source_shards.h"

namespace millstream::firehose {

// Every record of the source is in exactly one plan, and a plan becomes exactly one object, also
// when the process dies anywhere: see plan.h and schema.h for what is durable. Nothing is lost
// by stopping, and nothing needs to be flushed.
//
// A destination that fails delays: the plan is tried again, at most `open_plans` are open, then
// reading waits. The log keeps what has not been delivered; what its retention removes
// nevertheless is counted, logged and shown as failure.
//
// Life cycle: made and started by FirehoseService; stop() before the context ends.
// Threads:    its coroutines run on a strand of the context's executor, each delivery's reading
//             and compressing on another. failure() from any thread.
class DeliveryLoop : public std::enable_shared_from_this<DeliveryLoop> {
 public:
  DeliveryLoop(FirehoseContext& context, DeliveryResources& resources,
               std::shared_ptr<const DeliveryStream> stream);

  void start();
  // Reading ends and no delivery begins; stop() waits for the end.
  void request_stop();
  // Completes when nothing runs any more. Deliveries under way may end within `grace`; then
  // they are given up, and done again after the next start.
  awaitable<> stop(std::chrono::milliseconds grace);

  // Why deliveries lag or what was lost, for DescribeDeliveryStream; empty: all is well.
  std::string failure() const;

 private:
  using Nanoseconds = std::chrono::nanoseconds;

  awaitable<> run();
  // What is durable: open plans are delivered, and reading goes on behind what is planned.
  awaitable<Result<>> load();
  // One round of reading, and a plan if it is time. Whether there was something to do.
  awaitable<Result<bool>> step();
  Result<> refresh_shards();
  awaitable<Result<bool>> read_shards();
  awaitable<Result<bool>> read_shard(SourceShard& shard);
  void note_gap(const SourceShard& shard, const ReadResult& read);
  awaitable<Result<>> forget_gone_shards();
  awaitable<Result<>> make_plan();
  awaitable<Result<>> trim_own_shards();

  void start_delivery(DeliveryPlan plan);
  awaitable<> run_delivery(DeliveryPlan plan);
  awaitable<Result<ObjectContent>> attempt(const DeliveryPlan& plan);
  awaitable<Result<>> finish(const DeliveryPlan& plan, const ObjectContent& content);

  // Until `time` has passed, stop() or, for the main loop, wake().
  awaitable<> sleep(std::chrono::milliseconds time);
  void wake();
  void spawn(awaitable<> work);
  enum class Failing : uint8_t { kReading, kDelivering };
  void note_failure(Failing part, std::string what);
  void note_success(Failing part);
  void note_loss(uint64_t records, const std::string& what);

  FirehoseContext& context_;
  DeliveryResources& resources_;
  const std::shared_ptr<const DeliveryStream> stream_;
  const asio::any_io_executor strand_;

  // On the strand.
  SourceShards shards_;
  DeliveryBuffer buffer_;
  std::map<int64_t, DeliveryPlan> open_plans_;
  std::vector<ShardId> gone_shards_;
  std::set<asio::steady_timer*> sleepers_;
  std::map<uint64_t, asio::cancellation_signal> running_;  // by coroutine
  uint64_t next_coroutine_ = 0;
  int64_t last_plan_ = 0;  // the newest whose delivery was started here

  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> running_count_ = 0;

  mutable std::mutex failure_mutex_;
  std::array<std::string, 2> failures_;  // by Failing
  std::string loss_;
};

}  // namespace millstream::firehose
