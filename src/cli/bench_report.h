// What a scenario of the benchmark measured, as a line and as JSON.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cli/bench.h"
#include "cli/latency_histogram.h"
#include "cli/process_stats.h"

namespace millstream::cli {

// The CPU time of the server and of this process, from the meter's making on.
class CpuMeter {
 public:
  // `server_pid` 0: the server's is unknown, and counted as 0.
  explicit CpuMeter(int server_pid);

  struct Shares {
    double server = 0;  // of one core
    double generator = 0;
    uint64_t server_resident_bytes = 0;
  };
  Shares stop() const;

 private:
  int server_pid_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ProcessStats server_;
  ProcessStats generator_;
};

// What does not apply to a scenario stays 0.
struct Measured {
  double seconds = 0;
  uint64_t requests = 0;
  uint64_t records = 0;
  uint64_t data_bytes = 0;
  uint64_t errors = 0;
  std::string first_error;
  const LatencyHistogram* latency = nullptr;
  CpuMeter::Shares cpu;
};

// Prints a line, and appends an object to options.json_file if there is one.
void report(const BenchOptions& options, std::string_view scenario, const Measured& measured);

}  // namespace millstream::cli
