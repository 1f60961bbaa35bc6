// Put-to-get latency: paced PutRecords whose data hold their time, and a GetRecords poller per
// shard.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "cli/bench.h"
#include "cli/latency_histogram.h"

namespace millstream::cli {

struct LatencyPlan {
  std::string stream;
  int records_per_second = 50'000;
  int records_per_call = 500;
  size_t data_size = 100;
  std::chrono::milliseconds poll_every{5};
};

struct LatencyResult {
  double seconds = 0;
  uint64_t sent = 0;
  uint64_t received = 0;  // each exactly once, in order of sending per shard
  uint64_t out_of_order = 0;
  LatencyHistogram put;  // PutRecords call
  LatencyHistogram put_to_get;
};

Result<LatencyResult> run_latency(const BenchOptions& options, const LatencyPlan& plan);

}  // namespace millstream::cli
