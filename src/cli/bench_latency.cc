#include "cli/bench_latency.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "base/base64.h"
#include "cli/bench_connection.h"
#include "cli/bench_request.h"

namespace millstream::cli {
namespace {

using Clock = std::chrono::steady_clock;

int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

// A record's data starts with its sending time and its number: 18 bytes, 24 base64 digits.
struct Stamp {
  int64_t sent_ns = 0;
  uint64_t number = 0;
  uint16_t unused = 0;
};
constexpr size_t kStampBytes = 18;

std::string paced_body(const LatencyPlan& plan, uint64_t first_number, int64_t sent_ns) {
  std::string body = R"({"Records":[)";
  std::string data(plan.data_size, 'x');
  for (int i = 0; i < plan.records_per_call; ++i) {
    const Stamp stamp{.sent_ns = sent_ns, .number = first_number + static_cast<uint64_t>(i)};
    std::memcpy(data.data(), &stamp, kStampBytes);
    fmt::format_to(std::back_inserter(body), R"({}{{"Data":"{}","PartitionKey":"{}"}})",
                   i == 0 ? "" : ",", base64_encode(data), stamp.number * 2654435761U % 1'000'003);
  }
  fmt::format_to(std::back_inserter(body), R"(],"StreamName":"{}"}})", plan.stream);
  return body;
}

// Polls one shard until told to stop.
class Poller {
 public:
  Poller(const BenchOptions& options, const LatencyPlan& plan, std::string shard)
      : options_(options), plan_(plan), shard_(std::move(shard)) {}

  Result<> open() {
    TRY_ASSIGN(auto connection, BlockingConnection::open(options_.endpoint));
    connection_.emplace(std::move(connection));
    TRY_ASSIGN(
        auto answer,
        connection_->call(signed_request(
            options_, "GetShardIterator",
            fmt::format(R"({{"StreamName":"{}","ShardId":"{}","ShardIteratorType":"LATEST"}})",
                        plan_.stream, shard_))));
    size_t position = 0;
    iterator_ = next_json_text(answer.body, "ShardIterator", position);
    if (answer.status != 200 || iterator_.empty()) {
      return fail(ErrorCode::kRemote, "GetShardIterator: HTTP {}: {}", answer.status, answer.body);
    }
    return {};
  }

  Result<> run(const std::atomic<bool>& stop, std::atomic<uint64_t>& received_by_all) {
    auto next = Clock::now();
    while (!stop.load(std::memory_order_relaxed)) {
      next = std::max(next + plan_.poll_every, Clock::now());
      std::this_thread::sleep_until(next);
      TRY_ASSIGN(auto answer, connection_->call(signed_request(
                                  options_, "GetRecords",
                                  fmt::format(R"({{"ShardIterator":"{}"}})", iterator_))));
      if (answer.status != 200) {
        return fail(ErrorCode::kRemote, "GetRecords: HTTP {}: {}", answer.status, answer.body);
      }
      const uint64_t before = received;
      take(answer.body);
      received_by_all += received - before;
      size_t position = 0;
      iterator_ = next_json_text(answer.body, "NextShardIterator", position);
    }
    return {};
  }

  uint64_t received = 0;
  uint64_t out_of_order = 0;
  LatencyHistogram latency;

 private:
  void take(std::string_view body) {
    const int64_t now = now_ns();
    std::array<char, 64> bytes{};
    for (size_t position = 0;;) {
      const auto text = next_json_text(body, "Data", position);
      if (text.empty()) return;
      Stamp stamp;
      base64_decode(text.substr(0, 24), bytes.data());
      std::memcpy(&stamp, bytes.data(), kStampBytes);
      latency.record(std::chrono::nanoseconds(now - stamp.sent_ns));
      if (received > 0 && stamp.number <= last_number_) ++out_of_order;
      last_number_ = stamp.number;
      ++received;
    }
  }

  const BenchOptions& options_;
  const LatencyPlan& plan_;
  std::string shard_;
  std::string iterator_;
  uint64_t last_number_ = 0;
  std::optional<BlockingConnection> connection_;
};

}  // namespace

Result<LatencyResult> run_latency(const BenchOptions& options, const LatencyPlan& plan) {
  std::vector<std::unique_ptr<Poller>> pollers;
  for (int i = 0; i < options.shards; ++i) {
    pollers.push_back(std::make_unique<Poller>(options, plan, fmt::format("shardId-{:012}", i)));
    TRY(pollers.back()->open());
  }
  TRY_ASSIGN(auto producer, BlockingConnection::open(options.endpoint));

  std::atomic<bool> stop = false;
  std::atomic<uint64_t> received = 0;
  std::mutex error_mutex;
  std::optional<Error> error;
  std::vector<std::jthread> threads;
  threads.reserve(pollers.size());
  for (auto& poller : pollers) {
    threads.emplace_back([&] {
      if (auto done = poller->run(stop, received); !done) {
        const std::scoped_lock lock(error_mutex);
        error = done.error();
        stop = true;
      }
    });
  }

  LatencyResult result;
  const auto start = Clock::now();
  const auto end = start + options.warm_up + options.duration;
  const std::chrono::nanoseconds interval(int64_t{1'000'000'000} * plan.records_per_call /
                                          plan.records_per_second);
  // Open loop: a call that comes late still carries the time at which it was due.
  for (auto due = start; due < end && !stop; due += interval) {
    std::this_thread::sleep_until(due);
    const auto body = paced_body(plan, result.sent, due.time_since_epoch().count());
    const auto call_start = Clock::now();
    auto answer = producer.call(signed_request(options, "PutRecords", body));
    if (!answer || answer->status != 200 || !answer->body.contains("\"FailedRecordCount\":0")) {
      stop = true;
      threads.clear();
      if (!answer) return std::unexpected(answer.error());
      return fail(ErrorCode::kRemote, "PutRecords: HTTP {}: {}", answer->status,
                  answer->body.substr(0, 300));
    }
    result.put.record(Clock::now() - call_start);
    result.sent += static_cast<uint64_t>(plan.records_per_call);
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const auto give_up = Clock::now() + std::chrono::seconds(10);
  while (received < result.sent && Clock::now() < give_up && !stop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop = true;
  threads.clear();
  if (error) return std::unexpected(*error);
  for (auto& poller : pollers) {
    result.received += poller->received;
    result.out_of_order += poller->out_of_order;
    result.put_to_get.merge(poller->latency);
  }
  return result;
}

}  // namespace millstream::cli
