#include "cli/bench_report.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace millstream::cli {

CpuMeter::CpuMeter(int server_pid) : server_pid_(server_pid) {
  if (server_pid != 0) server_ = process_stats(server_pid).value_or(ProcessStats{});
  generator_ = process_stats(getpid()).value_or(ProcessStats{});
}

CpuMeter::Shares CpuMeter::stop() const {
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
  Shares shares;
  if (const auto server = server_pid_ == 0 ? std::nullopt : process_stats(server_pid_)) {
    shares.server = (server->cpu_seconds - server_.cpu_seconds) / time.count();
    shares.server_resident_bytes = server->resident_bytes;
  }
  if (const auto generator = process_stats(getpid())) {
    shares.generator = (generator->cpu_seconds - generator_.cpu_seconds) / time.count();
  }
  return shares;
}

void report(const BenchOptions& options, std::string_view scenario, const Measured& measured) {
  const double per_second = static_cast<double>(measured.records) / measured.seconds;
  const double megabytes = static_cast<double>(measured.data_bytes) / measured.seconds / 1e6;
  const double memory_mb = static_cast<double>(measured.cpu.server_resident_bytes) / 1e6;
  const double record_ns = per_second > 0 ? measured.cpu.server * 1e9 / per_second : 0;
  const auto& latency = *measured.latency;
  fmt::print(
      "{:<12} {:<22} {:>10.0f} records/s {:>7.1f} MB/s  p50 {:>7.2f} ms  p99 {:>7.2f} ms  "
      "p99.9 {:>7.2f} ms  generator {:>3.0f} %",
      options.server_name, scenario, per_second, megabytes, latency.percentile_us(50) / 1e3,
      latency.percentile_us(99) / 1e3, latency.percentile_us(99.9) / 1e3,
      100 * measured.cpu.generator);
  if (options.server_pid != 0) {
    fmt::print("  server {:>3.0f} % {:>7.0f} ns/record {:>5.0f} MB", 100 * measured.cpu.server,
               record_ns, memory_mb);
  }
  fmt::print("{}\n", measured.errors == 0 ? std::string()
                                          : fmt::format("  {} ERRORS, first: {}", measured.errors,
                                                        measured.first_error));
  std::fflush(stdout);
  if (options.json_file.empty()) return;
  std::ofstream json(options.json_file, std::ios::app);
  json << fmt::format(
      R"({{"server":"{}","scenario":"{}","seconds":{:.3f},"requests":{},"records":{},)"
      R"("records_per_s":{:.0f},"mb_per_s":{:.2f},"p50_ms":{:.3f},"p99_ms":{:.3f},)"
      R"("p999_ms":{:.3f},"errors":{},"cpu_percent":{:.1f},"generator_cpu_percent":{:.1f},)"
      R"("cpu_ns_per_record":{:.1f},"memory_mb":{:.1f}}})"
      "\n",
      options.server_name, scenario, measured.seconds, measured.requests, measured.records,
      per_second, megabytes, latency.percentile_us(50) / 1e3, latency.percentile_us(99) / 1e3,
      latency.percentile_us(99.9) / 1e3, measured.errors, 100 * measured.cpu.server,
      100 * measured.cpu.generator, record_ns, memory_mb);
}

}  // namespace millstream::cli
