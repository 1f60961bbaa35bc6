// Measures whole jobs over a log on disk: job_bench FOLDER [ROWS] [PARALLELISM] [SCENARIO]
//
// ROWS records of 117 bytes of JSON lie in 8 shards; a job reads them to their end:
//
//   filter   SELECT id, k, v FROM input WHERE v <> 7      into a stream of 8 shards
//   window   tumbling 10 s, COUNT and SUM by 1,000 keys   into a stream of 8 shards
//   scan     SELECT id, v FROM input WHERE v < 0          into nothing: reading and decoding
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include "analytics/engine/job.h"
#include "base/hash.h"
#include "base/logging.h"
#include "base/real_env.h"
#include "log/local/local_log.h"
#include "log/record.h"

namespace millstream::analytics {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kShards = 8;
constexpr uint64_t kFirstOutput = 101;
constexpr ShardId kChangelog{900};
constexpr uint32_t kRecordsOfAnAppend = 500;  // of a shard, as a full PutRecords brings
constexpr int64_t kRowsOfASecond = 100'000;   // in event time

constexpr std::string_view kTables = R"(
CREATE TABLE input (id BIGINT, k STRING, v BIGINT, ts TIMESTAMP(3), note STRING,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'kinesis', 'stream' = 'input', 'format' = 'json');
CREATE TABLE output (id BIGINT, k STRING, v BIGINT)
  WITH ('connector' = 'kinesis', 'stream' = 'output', 'format' = 'json');
CREATE TABLE counts (k STRING, ends TIMESTAMP(3), n BIGINT, total BIGINT)
  WITH ('connector' = 'kinesis', 'stream' = 'output', 'format' = 'json');
CREATE TABLE nothing (id BIGINT, v BIGINT) WITH ('connector' = 'blackhole');
)";

struct Scenario {
  const char* name;
  const char* query;
};
constexpr Scenario kScenarios[] = {
    {"filter", "INSERT INTO output SELECT id, k, v FROM input WHERE v <> 7;"},
    {"window",
     "INSERT INTO counts SELECT k, window_end, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE input, "
     "DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end;"},
    {"scan", "INSERT INTO nothing SELECT id, v FROM input WHERE v < 0;"},
};

class BenchHost final : public JobHost {
 public:
  explicit BenchHost(LocalLog& log) : log_(log) {}
  ShardLog& log() override { return log_; }
  awaitable<Result<std::shared_ptr<const InputStream>>> stream(std::string name) override {
    auto made = std::make_shared<InputStream>();
    const uint64_t first = name == "input" ? 1 : kFirstOutput;
    const auto width = ~static_cast<unsigned __int128>(0) / kShards;
    for (uint64_t i = 0; i < kShards; ++i) {
      InputShard shard;
      shard.id = ShardId{first + i};
      shard.name = fmt::format("shardId-{:012}", i);
      shard.first_hash_key = width * i + (i == 0 ? 0 : 1);
      shard.last_hash_key = i + 1 == kShards ? ~static_cast<unsigned __int128>(0) : width * (i + 1);
      made->shards.push_back(shard);
    }
    made->name = std::move(name);
    made->generation = 1;
    co_return made;
  }
  awaitable<Result<>> wait_for_change(std::string, std::shared_ptr<const InputStream>,
                                      std::chrono::milliseconds) override {
    co_return fail(ErrorCode::kInternal, "unused");
  }
  awaitable<Result<std::vector<ShardId>>> delivery_shards(std::string) override {
    co_return fail(ErrorCode::kNotFound, "unused");
  }
  ObjectStore& objects(bool) override { std::abort(); }
  void log_line(std::string_view level, std::string_view text) override {
    std::printf("%.*s %.*s\n", static_cast<int>(level.size()), level.data(),
                static_cast<int>(text.size()), text.data());
  }
  awaitable<Result<>> collect(const Schema&, Batch) override { co_return Result<>(); }
  Clock& clock() override { return real_env(); }

 private:
  LocalLog& log_;
};

std::string event(int64_t id) {
  const int64_t millis = id * 1000 / kRowsOfASecond;
  std::string text = fmt::format(
      R"({{"id":{},"k":"key-{:04}","v":{},"ts":"2026-11-25 08:{:02}:{:02}.{:03}","note":")", id,
      id * 7919 % 1000, id % 1000, millis / 60'000 % 60, millis / 1000 % 60, millis % 1000);
  text.resize(115, 'x');
  return text + "\"}";
}

awaitable<Result<>> fill(LocalLog& log, int64_t rows) {
  for (uint64_t i = 0; i < kShards; ++i) {
    CO_TRY(co_await log.create(ShardId{1 + i}, {}));
    CO_TRY(co_await log.create(ShardId{kFirstOutput + i}, {}));
  }
  CO_TRY(co_await log.create(kChangelog, {}));
  for (int64_t id = 0; id < rows;) {
    std::vector<ShardBatch> batches;
    for (uint64_t shard = 0; shard < kShards; ++shard) {
      std::string body;
      for (uint32_t i = 0; i < kRecordsOfAnAppend; ++i, ++id) {
        const std::string data = event(id);
        const size_t at = body.size();
        body.resize(at + stored_record_size(10, data.size()));
        char* to = store_record_head(body.data() + at, "0123456789", data.size());
        std::copy(data.begin(), data.end(), to);
      }
      ShardBatch batch{ShardId{1 + shard}, kRecordsOfAnAppend, 0, Slice::copy_of(body)};
      batch.checksum = crc32c(batch.body.view());
      batches.push_back(std::move(batch));
    }
    CO_TRY(co_await log.append(std::move(batches)));
  }
  co_return Result<>();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<> measure(BenchHost& host, asio::thread_pool& pool, const Scenario& scenario,
                 const std::string& snapshots, uint64_t writer, uint32_t parallelism) {
  TRY_ASSIGN(PlannedScript planned, plan_script(std::string(kTables) + scenario.query, {}));
  JobSpec spec;
  spec.application = scenario.name;
  spec.writer = writer;
  spec.changelog = kChangelog;
  spec.snapshot_folder = snapshots;
  spec.bounded = true;
  spec.fresh = true;
  spec.parallelism = parallelism;
  TRY_ASSIGN(auto job, Job::create(spec, std::move(planned.plan), host, pool));
  const auto start = SteadyClock::now();
  const double cpu = cpu_seconds();
  TRY(asio::co_spawn(pool.get_executor(), job->run(), asio::use_future).get());
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  const JobStatus status = job->status();
  std::printf(
      "%-7s %u partitions %9.0f rows/s  %lu in  %lu out  %lu late  %lu batches  %.0f %% CPU\n",
      scenario.name, parallelism, static_cast<double>(status.input_rows) / seconds,
      status.input_rows, status.output_rows, status.late_rows, status.batches,
      (cpu_seconds() - cpu) / seconds * 100);
  return {};
}

int bench(const std::string& folder, int64_t rows, uint32_t parallelism, const std::string& only) {
  start_logging(LogFormat::kHuman, LogLevel::kError);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/snapshots");
  auto log = LocalLog::open(real_env(), {.folder = folder + "/log"});
  if (!log) {
    std::printf("%s\n", log.error().message.c_str());
    return 1;
  }
  BenchHost host(**log);
  asio::thread_pool pool(3);
  Result<> done = asio::co_spawn(pool.get_executor(), fill(**log, rows), asio::use_future).get();
  uint64_t writer = 1;
  for (const Scenario& scenario : kScenarios) {
    if (!only.empty() && only != scenario.name) continue;
    if (done) {
      done = measure(host, pool, scenario, folder + "/snapshots", writer++, parallelism);
    }
  }
  if (!done) std::printf("%s\n", done.error().message.c_str());
  (void)asio::co_spawn(pool.get_executor(), (*log)->close(), asio::use_future).get();
  pool.join();
  return done ? 0 : 1;
}

}  // namespace
}  // namespace millstream::analytics

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("usage: job_bench FOLDER [ROWS] [PARALLELISM] [SCENARIO]\n");
    return 2;
  }
  return millstream::analytics::bench(argv[1], argc > 2 ? std::atoll(argv[2]) : 4'000'000,
                                      argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 2,
                                      argc > 4 ? argv[4] : "");
}
