// What the parts of firehose/ share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/async.h"
#include "base/byte_budget.h"
#include "base/env.h"
#include "base/metrics.h"
#include "base/object_store.h"
#include "base/retry.h"
#include "log/shard_log.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"

namespace millstream::firehose {

struct FirehoseSettings {
  // Of the objects that are being delivered at the same time, over all delivery streams. An
  // object has at most half of it, whatever SizeInMBs says.
  size_t delivery_budget_bytes = size_t{384} << 20;
  // Of one delivery stream at the same time; beyond it reading waits.
  size_t open_plans = 4;
  // How often a delivery stream that has read everything looks for more.
  std::chrono::milliseconds poll{200};
  // A delivery is tried until it succeeds: nothing is dropped.
  RetryPolicy retry{-1, std::chrono::milliseconds(200), std::chrono::seconds(30)};
  std::chrono::milliseconds state_delay{0};                 // time in CREATING and DELETING
  int64_t delivery_streams_per_account_and_region = 5'000;  // AWS: default quota
};

// All members outlive the service.
struct FirehoseContext {
  ShardLog& log;
  streams::Catalog& catalog;
  MetaStore& meta;
  ObjectStore& lake;
  ObjectStore* s3;  // nullptr: deliveries go to the lake
  Clock& clock;
  // Of the threads for deliveries: their work (reading, compressing) would keep a loop from
  // answering.
  asio::any_io_executor executor;
  MetricRegistry& metrics;
  FirehoseSettings settings;
};

// Of all delivery streams together: their names are the users', and no labels.
struct FirehoseMetrics {
  explicit FirehoseMetrics(MetricRegistry& registry);
  MetricCounter& put_records;
  MetricCounter& put_bytes;
  MetricCounter& delivered_objects;
  MetricCounter& delivered_records;
  MetricCounter& delivered_bytes;  // of data, before compression
  MetricCounter& failed_attempts;
  MetricCounter& lost_records;
  MetricGauge& failing;
};

// What the deliveries of all delivery streams share. Threads: any.
class DeliveryResources {
 public:
  explicit DeliveryResources(FirehoseContext& context);

  // One of few executors on which nothing runs in parallel, each time the next: an HttpClient
  // keeps its connections by executor.
  asio::any_io_executor next_executor();

  FirehoseMetrics metrics;
  ByteBudget budget;

 private:
  std::vector<asio::any_io_executor> executors_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace millstream::firehose
