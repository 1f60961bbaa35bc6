#include "cli/bench.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "cli/bench_connection.h"
#include "cli/bench_latency.h"
#include "cli/bench_push.h"
#include "cli/bench_report.h"
#include "cli/bench_request.h"

namespace millstream::cli {
namespace {

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

struct PushScenario {
  std::string_view name;
  std::string_view description;
  PushPlan plan;  // without its stream
};
const PushScenario kPushScenarios[] = {
    {"push_100k",
     "put to push at 100,000 records/s of 100 B, one consumer of all shards",
     {.consumers = 1, .records_per_second = 100'000, .records_per_call = 500, .data_size = 100}},
    {"push_20_consumers",
     "put to push at 20 MB/s in, 20 consumers of all shards; the slowest of them is shown",
     {.consumers = 20, .records_per_second = 20'000, .records_per_call = 200, .data_size = 1000}},
};

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

Result<bool> run_put(const BenchOptions& options, const PutScenario& scenario) {
  const std::string stream = fmt::format("bench-{}", options.shards);
  TRY(prepare_stream(options, stream));
  const bool batch = scenario.records != 0;
  const auto records = static_cast<uint64_t>(std::max(scenario.records, 1));
  std::vector<LoadRequest> requests;
  for (int i = 0; i < scenario.bodies; ++i) {
    const auto seed = static_cast<uint64_t>(i) + 1;
    const auto body = batch ? put_records_body(options.protocol, stream, scenario.records,
                                               scenario.data_size, seed)
                            : put_record_body(options.protocol, stream, scenario.data_size, seed);
    requests.push_back(
        {signed_request(options, batch ? "PutRecords" : "PutRecord", body, options.protocol),
         records, records * scenario.data_size});
  }
  const std::string_view sign = sign_of_success(options.protocol, batch);
  LoadOptions load{
      .endpoint = options.endpoint,
      .connections = options.connections == 0 ? scenario.connections : options.connections,
      .threads = options.threads,
      .warm_up = options.warm_up,
      .duration = options.duration,
      .requests = &requests,
      .check = [&](std::string_view body) { return body.contains(sign); }};
  const CpuMeter cpu(options.server_pid);
  TRY_ASSIGN(auto result, run_load(load));
  report(options, scenario.name,
         {.seconds = result.seconds,
          .requests = result.requests,
          .records = result.records,
          .data_bytes = result.data_bytes,
          .errors = result.errors,
          .first_error = result.first_error,
          .latency = &result.latency,
          .cpu = cpu.stop()});
  return result.errors == 0;
}

Result<bool> run_latency_scenario(const BenchOptions& options) {
  // A stream of its own: no record of another scenario is still on its way.
  const LatencyPlan plan{.stream = fmt::format("bench-latency-{}", options.shards)};
  TRY(prepare_stream(options, plan.stream));
  const CpuMeter cpu(options.server_pid);
  TRY_ASSIGN(auto result, run_latency(options, plan));
  Measured measured{.seconds = result.seconds,
                    .requests = result.put.count(),
                    .records = result.sent,
                    .data_bytes = result.sent * plan.data_size,
                    .latency = &result.put_to_get,
                    .cpu = cpu.stop()};
  if (result.received != result.sent || result.out_of_order != 0) {
    measured.errors = 1;
    measured.first_error = fmt::format("{} sent, {} received, {} out of order", result.sent,
                                       result.received, result.out_of_order);
  }
  report(options, kLatency, measured);
  return measured.errors == 0;
}

Result<bool> run_push_scenario(const BenchOptions& options, const PushScenario& scenario) {
  PushPlan plan = scenario.plan;
  plan.stream = fmt::format("bench-{}-{}", scenario.name, options.shards);
  TRY(prepare_stream(options, plan.stream));
  const CpuMeter cpu(options.server_pid);
  TRY_ASSIGN(auto result, run_push(options, plan));
  Measured measured{.seconds = result.seconds,
                    .requests = result.calls,
                    .records = result.sent,
                    .data_bytes = result.sent * plan.data_size,
                    .errors = result.missing + result.out_of_order,
                    .latency = &result.slowest,
                    .cpu = cpu.stop()};
  if (measured.errors != 0) {
    measured.first_error =
        fmt::format("{} sent, {} not pushed to all {} consumers, {} out of order", result.sent,
                    result.missing, plan.consumers, result.out_of_order);
  }
  report(options, scenario.name, measured);
  return measured.errors == 0;
}

// Whether every answer was right.
Result<bool> run_scenario(const BenchOptions& options, std::string_view name) {
  for (const auto& scenario : kPutScenarios) {
    if (scenario.name == name) return run_put(options, scenario);
  }
  for (const auto& scenario : kPushScenarios) {
    if (scenario.name == name) return run_push_scenario(options, scenario);
  }
  MS_ASSERT(name == kLatency);
  return run_latency_scenario(options);
}

}  // namespace

std::vector<BenchScenario> bench_scenarios() {
  std::vector<BenchScenario> all;
  for (const auto& scenario : kPutScenarios) all.push_back({scenario.name, scenario.description});
  all.push_back(
      {kLatency, "put-to-get latency at 50,000 records/s, one GetRecords poll a shard every 5 ms"});
  for (const auto& scenario : kPushScenarios) all.push_back({scenario.name, scenario.description});
  return all;
}

int run_bench(const BenchOptions& options) {
  bool good = true;
  for (const auto& scenario : bench_scenarios()) {
    if (!options.scenarios.empty() &&
        std::ranges::find(options.scenarios, scenario.name) == options.scenarios.end()) {
      continue;
    }
    auto result = run_scenario(options, scenario.name);
    if (!result) {
      fmt::print(stderr, "{}: {}\n", scenario.name, result.error().message);
      return 1;
    }
    good = good && *result;
  }
  return good ? 0 : 1;
}

}  // namespace millstream::cli
