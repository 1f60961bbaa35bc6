// What a worker process costs: bytes a second of read() through the channel, and the time that an
// append takes longer than in the server itself.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "base/hash.h"
#include "log/record.h"
#include "worker/remote_log.h"

namespace millstream::worker {
namespace {

using Clock = std::chrono::steady_clock;

std::string records_of(size_t count, size_t size) {
  std::string body;
  for (size_t i = 0; i < count; ++i) {
    std::string record(stored_record_size(8, size), 'd');
    (void)store_record_head(record.data(), "key-1234", size);
    body += record;
  }
  return body;
}

// Answers at once: what remains is the way there and back.
class InstantLog final : public ShardLog {
 public:
  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp) override {
    std::vector<Appended> appended;
    for (const ShardBatch& batch : batches) appended.push_back({batch.shard, 1, batch.records, 0});
    co_return appended;
  }
  awaitable<Result<OpenedWriter>> open_writer(uint64_t) override { co_return OpenedWriter{}; }
  awaitable<Result<>> create(ShardId, ShardOptions) override { co_return Result<>(); }
  awaitable<Result<Counter>> seal(ShardId) override { co_return Counter{0}; }
  awaitable<Result<>> remove(ShardId) override { co_return Result<>(); }
  awaitable<Result<>> trim(ShardId, Counter) override { co_return Result<>(); }
  awaitable<Result<>> set_retention(ShardId, TimeMs) override { co_return Result<>(); }
  awaitable<Result<ReadResult>> read(ShardId, Counter, ReadLimits limits) override {
    ReadResult result;
    for (size_t bytes = 0; bytes < limits.bytes; bytes += body_.size()) {
      result.batches.push_back({.first = 0, .records = 1000, .arrival_ms = 0, .body = body_});
    }
    co_return result;
  }
  awaitable<Result<>> wait(ShardId, Counter, std::chrono::milliseconds) override {
    co_return Result<>();
  }
  awaitable<Result<Counter>> position_at(ShardId, TimeMs) override { co_return Counter{0}; }
  Result<ShardStatus> status(ShardId) override { return ShardStatus{}; }
  std::vector<ShardId> shards() override { return {}; }
  awaitable<Result<>> close() override { co_return Result<>(); }

 private:
  Slice body_ = Slice::copy_of(records_of(1000, 117));
};

awaitable<> measure_appends(ShardLog& log, size_t records, int rounds) {
  const std::string body = records_of(records, 117);
  const uint32_t checksum = crc32c(body);
  std::vector<double> micros;
  for (int i = 0; i < rounds; ++i) {
    std::vector<ShardBatch> batches;
    batches.push_back({.shard = ShardId{1},
                       .records = static_cast<uint32_t>(records),
                       .checksum = checksum,
                       .body = Slice::copy_of(body)});
    const auto start = Clock::now();
    if (!co_await log.append(std::move(batches))) std::abort();
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::ranges::sort(micros);
  fmt::print("append of {:>5} records ({:>7} bytes): p50 {:6.1f} us, p99 {:6.1f} us\n", records,
             body.size(), micros[micros.size() / 2], micros[micros.size() * 99 / 100]);
}

awaitable<> measure_reads(ShardLog& log, size_t bytes, int rounds) {
  size_t total = 0;
  const auto start = Clock::now();
  for (int i = 0; i < rounds; ++i) {
    const auto read = co_await log.read(ShardId{1}, 0, {.records = 1'000'000, .bytes = bytes});
    if (!read) std::abort();
    for (const StoredBatch& batch : read->batches) total += batch.body.size();
  }
  const std::chrono::duration<double> spent = Clock::now() - start;
  fmt::print("read of {:>8} bytes: {:.2f} GB/s\n", bytes,
             static_cast<double>(total) / spent.count() / 1e9);
}

awaitable<> measure(std::shared_ptr<Channel> channel) {
  const auto log = make_remote_log(channel);
  co_await measure_appends(*log, 1, 1000);
  co_await measure_appends(*log, 1, 20'000);
  co_await measure_appends(*log, 100, 20'000);
  co_await measure_appends(*log, 10'000, 1000);
  const auto start = Clock::now();
  constexpr int kCalls = 5000;
  for (int i = 0; i < kCalls; ++i) {
    if (!log->status(ShardId{1})) std::abort();
  }
  fmt::print("status, blocking: {:.1f} us\n",
             std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kCalls);
  for (const size_t bytes : {size_t{64} << 10, size_t{1} << 20, size_t{10} << 20}) {
    co_await measure_reads(*log, bytes, static_cast<int>((size_t{4} << 30) / bytes));
  }
  channel->close();
}

void run_server(int socket) {
  asio::io_context loop(1);
  InstantLog log;
  const auto channel = Channel::make(loop.get_executor(), socket);
  serve_log(*channel, log, {.may_use = [](ShardId, bool) { return true; }, .writer = 0});
  asio::co_spawn(loop, channel->run(), asio::detached);
  loop.run();
}

void run_worker(int socket) {
  asio::io_context loop(1);
  const auto channel = Channel::make(loop.get_executor(), socket);
  asio::co_spawn(loop, channel->run(), asio::detached);
  asio::co_spawn(loop, measure(channel), asio::detached);
  loop.run();
}

}  // namespace
}  // namespace millstream::worker

int main() {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return 1;
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::close(sockets[0]);
    millstream::worker::run_server(sockets[1]);
    return 0;
  }
  (void)::close(sockets[1]);
  millstream::worker::run_worker(sockets[0]);
  (void)::waitpid(child, nullptr, 0);
}
