// Measures the embedded log on a real folder: log_bench FOLDER [SECONDS]
//
//   batches  16 callers on 2 loops, each append 8 shards x 62 records of 118 bytes
//   large    16 callers on 2 loops, each append 8 shards x 12 records of 1 KiB
//   single   64 callers on 2 loops, each append one record of 118 bytes
//   many     16 callers on 2 loops, each append 500 of 10,000 shards x 1 record of 118 bytes
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "base/hash.h"
#include "base/logging.h"
#include "base/real_env.h"
#include "log/local/local_log.h"
#include "log/record.h"

namespace millstream {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kLoops = 2;
constexpr uint64_t kFewShards = 8;
constexpr uint64_t kManyShards = 10'000;

struct Scenario {
  const char* name;
  int callers;
  uint64_t all_shards;
  uint32_t shards;   // of an append
  uint32_t records;  // of a shard
  size_t data_bytes;
};

struct Totals {
  std::atomic<uint64_t> appends{0};
  std::mutex mutex;
  std::vector<uint32_t> micros;
};

// A new buffer for each append, as a request brings one.
ShardBatch make_batch(ShardId shard, const Scenario& scenario) {
  const size_t record = stored_record_size(10, scenario.data_bytes);
  BufferRef buffer = BufferRef::allocate(record * scenario.records);
  char* at = buffer->data();
  for (uint32_t i = 0; i < scenario.records; ++i) {
    at = store_record_head(at, "0123456789", scenario.data_bytes);
    std::memset(at, 'x', scenario.data_bytes);
    at += scenario.data_bytes;
  }
  Slice body(std::move(buffer), record * scenario.records);
  const uint32_t checksum = crc32c(body.view());
  return {shard, scenario.records, checksum, std::move(body)};
}

awaitable<> caller(LocalLog& log, Scenario scenario, int number, SteadyClock::time_point end,
                   Totals& totals) {
  std::vector<uint32_t> micros;
  for (uint64_t i = 0; SteadyClock::now() < end; ++i) {
    std::vector<ShardBatch> batches;
    for (uint32_t s = 0; s < scenario.shards; ++s) {
      // A stride that is prime to both: neighbours in an append are none in memory.
      const uint64_t shard =
          (static_cast<uint64_t>(number) + (i * scenario.shards + s) * 7919) % scenario.all_shards;
      batches.push_back(make_batch(ShardId{shard + 1}, scenario));
    }
    const auto start = SteadyClock::now();
    const auto appended = co_await log.append(std::move(batches));
    if (!appended) {
      std::printf("append failed: %s\n", appended.error().message.c_str());
      continue;
    }
    micros.push_back(static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start).count()));
    totals.appends.fetch_add(1, std::memory_order_relaxed);
  }
  std::lock_guard lock(totals.mutex);
  totals.micros.insert(totals.micros.end(), micros.begin(), micros.end());
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(LocalLog& log, const Scenario& scenario, std::chrono::seconds duration) {
  Totals totals;
  const auto start = SteadyClock::now();
  const double cpu = cpu_seconds();
  std::vector<std::thread> loops;
  for (int loop = 0; loop < kLoops; ++loop) {
    loops.emplace_back([&, loop] {
      asio::io_context io(1);
      for (int i = loop; i < scenario.callers; i += kLoops) {
        asio::co_spawn(io, caller(log, scenario, i, start + duration, totals), asio::detached);
      }
      io.run();
    });
  }
  for (std::thread& loop : loops) loop.join();
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  std::ranges::sort(totals.micros);
  auto at = [&](double share) {
    if (totals.micros.empty()) return 0u;
    return totals
        .micros[static_cast<size_t>(share * static_cast<double>(totals.micros.size() - 1))];
  };
  const auto appends = static_cast<double>(totals.appends);
  const double records = appends * scenario.shards * scenario.records;
  const double bytes = records * static_cast<double>(stored_record_size(10, scenario.data_bytes));
  std::printf(
      "%-8s %9.0f appends/s %10.0f records/s %7.1f MB/s  p50 %u us  p99 %u us  p99.9 %u us  "
      "%.0f %% CPU\n",
      scenario.name, appends / seconds, records / seconds, bytes / seconds / 1e6, at(0.5), at(0.99),
      at(0.999), (cpu_seconds() - cpu) / seconds * 100);
}

awaitable<> create_shards(LocalLog& log) {
  for (uint64_t shard = 1; shard <= kManyShards; ++shard) {
    const auto created = co_await log.create(ShardId{shard}, {});
    if (!created) std::printf("create failed: %s\n", created.error().message.c_str());
  }
}

int bench(const std::string& folder, std::chrono::seconds duration) {
  start_logging(LogFormat::kHuman, LogLevel::kInfo);
  const auto start = SteadyClock::now();
  auto log = LocalLog::open(real_env(), {.folder = folder});
  if (!log) {
    std::printf("%s\n", log.error().message.c_str());
    return 1;
  }
  std::printf("open: %.1f ms\n",
              std::chrono::duration<double>(SteadyClock::now() - start).count() * 1000);
  asio::io_context io;
  asio::co_spawn(io, create_shards(**log), asio::detached);
  io.run();
  for (const Scenario& scenario : {Scenario{"batches", 16, kFewShards, 8, 62, 100},
                                   Scenario{"large", 16, kFewShards, 8, 12, 1006},
                                   Scenario{"single", 64, kFewShards, 1, 1, 100},
                                   Scenario{"many", 16, kManyShards, 500, 1, 100}}) {
    measure(**log, scenario, duration);
  }
  const auto closing = SteadyClock::now();
  asio::io_context last;
  asio::co_spawn(last, (*log)->close(), [](std::exception_ptr, Result<> result) {
    if (!result) std::printf("%s\n", result.error().message.c_str());
  });
  last.run();
  std::printf("close: %.1f ms\n",
              std::chrono::duration<double>(SteadyClock::now() - closing).count() * 1000);
  for (const LogProblem& problem : (*log)->problems()) std::printf("%s\n", problem.message.c_str());
  return 0;
}

}  // namespace
}  // namespace millstream

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("usage: log_bench FOLDER [SECONDS]\n");
    return 2;
  }
  return millstream::bench(argv[1], std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : 5));
}
