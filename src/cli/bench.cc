#include "cli/bench.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>

#include "cli/bench_latency.h"
#include "cli/bench_request.h"
#include "cli/process_stats.h"

namespace millstream::cli {
namespace {

// What a scenario found out; what does not apply stays 0.
struct Measured {
  double seconds = 0;
  uint64_t requests = 0;
  uint64_t records = 0;
  uint64_t data_bytes = 0;
  uint64_t errors = 0;
  std::string first_error;
  const LatencyHistogram* latency = nullptr;
};

struct PutScenario {
  std::string_view name;
  std::string_view description;
  int connections;
  int records;  // a call; 0: PutRecord
  size_t data_size;
  int bodies;  // distinct requests, sent round robin
};
constexpr PutScenario kPutScenarios[] = {
    {"put_records_500x100", "PutRecords, 500 records of 100 B, 8 connections", 8, 500, 100, 64},
    {"put_records_100x1k", "PutRecords, 100 records of 1 KiB, 16 connections", 16, 100, 1024, 64},
    {"put_record_100", "PutRecord, 100 B, 64 connections", 64, 0, 100, 1024},
};
constexpr std::string_view kLatency = "latency_50k";

Result<> prepare_stream(const BenchOptions& options, std::string_view stream) {
  TRY_ASSIGN(auto connection, BlockingConnection::open(options.endpoint));
  TRY_ASSIGN(auto created,
             connection.call(signed_request(
                 options, "CreateStream",
                 fmt::format(R"({{"StreamName":"{}","ShardCount":{}}})", stream, options.shards))));
  if (created.status != 200 && !created.body.contains("ResourceInUseException")) {
    return fail(ErrorCode::kRemote, "CreateStream: HTTP {}: {}", created.status, created.body);
  }
  for (int attempt = 0; attempt < 300; ++attempt) {
    TRY_ASSIGN(auto described,
               connection.call(signed_request(options, "DescribeStream",
                                              fmt::format(R"({{"StreamName":"{}"}})", stream))));
    if (described.body.contains(R"("StreamStatus":"ACTIVE")")) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return fail(ErrorCode::kTimeout, "stream {} did not become ACTIVE in 30 s", stream);
}

void report(const BenchOptions& options, std::string_view scenario, const Measured& measured,
            const ProcessStats& before, const ProcessStats& after) {
  const double per_second = static_cast<double>(measured.records) / measured.seconds;
  const double megabytes = static_cast<double>(measured.data_bytes) / measured.seconds / 1e6;
  const double cpu_percent = 100 * (after.cpu_seconds - before.cpu_seconds) / measured.seconds;
  const double memory_mb = static_cast<double>(after.resident_bytes) / 1e6;
  const auto& latency = *measured.latency;
  fmt::print(
      "{:<12} {:<22} {:>10.0f} records/s {:>7.1f} MB/s  p50 {:>7.2f} ms  p99 {:>7.2f} ms  "
      "p99.9 {:>7.2f} ms",
      options.server_name, scenario, per_second, megabytes, latency.percentile_us(50) / 1e3,
      latency.percentile_us(99) / 1e3, latency.percentile_us(99.9) / 1e3);
  if (options.server_pid != 0)
    fmt::print("  cpu {:>4.0f} %  mem {:>5.0f} MB", cpu_percent, memory_mb);
  fmt::print("{}\n", measured.errors == 0 ? std::string()
                                          : fmt::format("  {} ERRORS, first: {}", measured.errors,
                                                        measured.first_error));
  std::fflush(stdout);
  if (options.json_file.empty()) return;
  std::ofstream json(options.json_file, std::ios::app);
  json << fmt::format(
      R"({{"server":"{}","scenario":"{}","seconds":{:.3f},"requests":{},"records":{},)"
      R"("records_per_s":{:.0f},"mb_per_s":{:.2f},"p50_ms":{:.3f},"p99_ms":{:.3f},)"
      R"("p999_ms":{:.3f},"errors":{},"cpu_percent":{:.1f},"memory_mb":{:.1f}}})"
      "\n",
      options.server_name, scenario, measured.seconds, measured.requests, measured.records,
      per_second, megabytes, latency.percentile_us(50) / 1e3, latency.percentile_us(99) / 1e3,
      latency.percentile_us(99.9) / 1e3, measured.errors, cpu_percent, memory_mb);
}

ProcessStats stats_of_server(const BenchOptions& options) {
  return options.server_pid == 0 ? ProcessStats{}
                                 : process_stats(options.server_pid).value_or(ProcessStats{});
}

Result<bool> run_put(const BenchOptions& options, const PutScenario& scenario) {
  const std::string stream = fmt::format("bench-{}", options.shards);
  TRY(prepare_stream(options, stream));
  std::vector<LoadRequest> requests;
  for (int i = 0; i < scenario.bodies; ++i) {
    const auto seed = static_cast<uint64_t>(i) + 1;
    const bool single = scenario.records == 0;
    const auto body = single ? put_record_body(stream, scenario.data_size, seed)
                             : put_records_body(stream, scenario.records, scenario.data_size, seed);
    const auto records = static_cast<uint64_t>(std::max(scenario.records, 1));
    requests.push_back({signed_request(options, single ? "PutRecord" : "PutRecords", body), records,
                        records * scenario.data_size});
  }
  const std::string_view sign_of_success =
      scenario.records == 0 ? R"("SequenceNumber":)" : R"("FailedRecordCount":0)";
  LoadOptions load{.endpoint = options.endpoint,
                   .connections = scenario.connections,
                   .threads = options.threads,
                   .warm_up = options.warm_up,
                   .duration = options.duration,
                   .requests = &requests,
                   .check = [&](std::string_view body) { return body.contains(sign_of_success); }};
  const auto start = std::chrono::steady_clock::now();
  const auto before = stats_of_server(options);
  TRY_ASSIGN(auto result, run_load(load));
  auto after = stats_of_server(options);
  // CPU is counted with the warm-up: scale it to the measured part.
  const double whole =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  after.cpu_seconds =
      before.cpu_seconds + (after.cpu_seconds - before.cpu_seconds) * result.seconds / whole;
  report(options, scenario.name,
         {result.seconds, result.requests, result.records, result.data_bytes, result.errors,
          result.first_error, &result.latency},
         before, after);
  return result.errors == 0;
}

Result<bool> run_latency_scenario(const BenchOptions& options) {
  // A stream of its own: no record of another scenario is still on its way.
  const LatencyPlan plan{.stream = fmt::format("bench-latency-{}", options.shards)};
  TRY(prepare_stream(options, plan.stream));
  const auto before = stats_of_server(options);
  TRY_ASSIGN(auto result, run_latency(options, plan));
  Measured measured{.seconds = result.seconds,
                    .requests = result.put.count(),
                    .records = result.sent,
                    .data_bytes = result.sent * plan.data_size,
                    .latency = &result.put_to_get};
  if (result.received != result.sent || result.out_of_order != 0) {
    measured.errors = 1;
    measured.first_error = fmt::format("{} sent, {} received, {} out of order", result.sent,
                                       result.received, result.out_of_order);
  }
  report(options, kLatency, measured, before, stats_of_server(options));
  return measured.errors == 0;
}

}  // namespace

std::vector<BenchScenario> bench_scenarios() {
  std::vector<BenchScenario> all;
  for (const auto& scenario : kPutScenarios) all.push_back({scenario.name, scenario.description});
  all.push_back(
      {kLatency, "put-to-get latency at 50,000 records/s, one GetRecords poll a shard every 5 ms"});
  return all;
}

int run_bench(const BenchOptions& options) {
  bool good = true;
  for (const auto& scenario : bench_scenarios()) {
    if (!options.scenarios.empty() &&
        std::ranges::find(options.scenarios, scenario.name) == options.scenarios.end()) {
      continue;
    }
    const auto put = std::ranges::find(kPutScenarios, scenario.name, &PutScenario::name);
    auto result =
        put == std::end(kPutScenarios) ? run_latency_scenario(options) : run_put(options, *put);
    if (!result) {
      fmt::print(stderr, "{}: {}\n", scenario.name, result.error().message);
      return 1;
    }
    good = good && *result;
  }
  return good ? 0 : 1;
}

}  // namespace millstream::cli
