// Push: records at a fixed rate into a stream that consumers are subscribed to.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/bench.h"
#include "cli/latency_histogram.h"

namespace millstream::cli {

struct PushPlan {
  std::string stream;  // which exists, with options.shards shards
  int consumers = 1;   // each on every shard of the stream
  int records_per_second = 0;
  int records_per_call = 0;
  size_t data_size = 0;
};

struct PushResult {
  double seconds = 0;
  uint64_t calls = 0;
  uint64_t sent = 0;
  uint64_t missing = 0;  // records, of all consumers together
  uint64_t out_of_order = 0;
  // From the time at which a call was due to the arrival of its records, after the warm-up, at
  // the consumer that is slowest by p99.
  LatencyHistogram slowest;
};

// Registers the consumers bench-0, bench-1 … of the stream, or uses those that are there.
// Records that were not pushed 10 s after the last call are missing.
// Errors: kRemote (an answer that is not 200), kUnavailable.
Result<PushResult> run_push(const BenchOptions& options, const PushPlan& plan);

}  // namespace millstream::cli
