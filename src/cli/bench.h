// `millstream bench`: load on a running server (ours or another that speaks the Kinesis API),
// every answer checked; one line a scenario, and JSON.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/bench_load.h"

namespace millstream::cli {

enum class BenchProtocol : uint8_t { kJson, kCbor };

struct BenchOptions {
  Endpoint endpoint{"127.0.0.1", 4567};
  std::string region = "us-east-1";
  std::string access_key = "test";
  std::string secret_key = "test";
  std::string server_name = "millstream";  // in the output
  std::vector<std::string> scenarios;      // empty: all, in the order of bench_scenarios()
  std::chrono::seconds warm_up{2};
  std::chrono::seconds duration{10};
  BenchProtocol protocol = BenchProtocol::kJson;  // of puts
  int shards = 8;
  int connections = 0;    // of puts; 0: as the scenario says
  int threads = 1;        // of the generator
  int server_pid = 0;     // for CPU and memory; 0: unknown
  std::string json_file;  // appended, one object a line; empty: none
};

struct BenchScenario {
  std::string_view name;
  std::string_view description;
};
std::vector<BenchScenario> bench_scenarios();

// The exit code: 0 if every answer of every scenario was right.
int run_bench(const BenchOptions& options);

}  // namespace millstream::cli
