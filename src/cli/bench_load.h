// Closed-loop HTTP/1.1 load from requests that were encoded and signed before: the generator
// costs little beside the server that shares its cores.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/bench_socket.h"
#include "cli/latency_histogram.h"

namespace millstream::cli {

struct LoadRequest {
  std::string bytes;  // head and body, as sent
  uint64_t records = 0;
  uint64_t data_bytes = 0;  // of the records' data, before base64
};

struct LoadOptions {
  Endpoint endpoint;
  int connections = 1;
  int threads = 1;
  std::chrono::seconds warm_up{2};
  std::chrono::seconds duration{10};
  const std::vector<LoadRequest>* requests = nullptr;  // sent round robin
  // Whether an answer's body (of status 200) is what it should be.
  std::function<bool(std::string_view body)> check;
};

struct LoadResult {
  double seconds = 0;
  uint64_t requests = 0;
  uint64_t records = 0;
  uint64_t data_bytes = 0;
  uint64_t errors = 0;
  std::string first_error;
  LatencyHistogram latency;
};

// Each connection has one request under way. Counts what was answered between the end of the
// warm-up and the end of `duration`. Errors: kUnavailable if nothing listens.
Result<LoadResult> run_load(const LoadOptions& options);

}  // namespace millstream::cli
