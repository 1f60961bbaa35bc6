#include "cli/bench_push.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "cli/bench_connection.h"
#include "cli/bench_request.h"
#include "cli/pushed_records.h"

namespace millstream::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kReadBytes = size_t{256} * 1024;

Result<std::string> call_for(BlockingConnection& connection, const BenchOptions& options,
                             std::string_view operation, std::string_view body,
                             std::string_view member) {
  TRY_ASSIGN(const auto answer, connection.call(signed_request(options, operation, body)));
  size_t position = 0;
  const auto value = next_json_text(answer.body, member, position);
  if (answer.status == 200 && !value.empty()) return std::string(value);
  return fail(ErrorCode::kRemote, "{}: HTTP {}: {}", operation, answer.status,
              answer.body.substr(0, 300));
}

// The ARN of an active consumer.
Result<std::string> consumer_arn(BlockingConnection& connection, const BenchOptions& options,
                                 std::string_view stream_arn, int number) {
  const std::string body =
      fmt::format(R"({{"StreamARN":"{}","ConsumerName":"bench-{}"}})", stream_arn, number);
  TRY_ASSIGN(const auto registered,
             connection.call(signed_request(options, "RegisterStreamConsumer", body)));
  if (registered.status != 200 && !registered.body.contains("ResourceInUseException")) {
    return fail(ErrorCode::kRemote, "RegisterStreamConsumer: HTTP {}: {}", registered.status,
                registered.body);
  }
  for (int attempt = 0; attempt < 100; ++attempt) {
    TRY_ASSIGN(const auto status,
               call_for(connection, options, "DescribeStreamConsumer", body, "ConsumerStatus"));
    if (status == "ACTIVE") {
      return call_for(connection, options, "DescribeStreamConsumer", body, "ConsumerARN");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return fail(ErrorCode::kTimeout, "consumer bench-{} did not become ACTIVE in 10 s", number);
}

struct Consumer {
  uint64_t received = 0;
  LatencyHistogram latency;
};

// A consumer's subscription to one shard.
class Subscription {
 public:
  // Returns once the server has begun to answer: what is put from then on is pushed.
  static Result<Subscription> open(const BenchOptions& options, const PushPlan& plan,
                                   std::string_view arn, int shard, Consumer& consumer) {
    TRY_ASSIGN(auto socket, BenchSocket::open(options.endpoint));
    const std::string body = fmt::format(
        R"({{"ConsumerARN":"{}","ShardId":"shardId-{:012}","StartingPosition":{{"Type":"LATEST"}}}})",
        arn, shard);
    TRY(send_all(socket, signed_request(options, "SubscribeToShard", body)));
    std::string begun;
    std::array<char, 4096> piece{};
    while (!begun.contains("initial-response")) {
      const ssize_t n = socket.receive(piece);
      if (n > 0) begun.append(piece.data(), static_cast<size_t>(n));
      const auto whole = parse_response(begun);
      if (n < 0 || (whole && whole->status != 200)) {
        return fail(ErrorCode::kRemote, "SubscribeToShard: {} {}", socket.reason(), begun);
      }
    }
    socket.set_nonblocking();
    return Subscription(std::move(socket), plan.data_size, consumer);
  }

  int descriptor() const { return socket_.descriptor(); }
  uint64_t out_of_order() const { return out_of_order_; }

  // False: the connection is lost.
  bool read(std::span<char> buffer, Clock::time_point measure_from) {
    while (true) {
      const ssize_t n = socket_.receive(buffer);
      if (n <= 0) return n == 0;
      const auto now = Clock::now();
      records_.take({buffer.data(), static_cast<size_t>(n)},
                    [&](std::string_view key) { count(key, now, measure_from); });
    }
  }

 private:
  Subscription(BenchSocket socket, size_t data_size, Consumer& consumer)
      : socket_(std::move(socket)), records_(data_size), consumer_(&consumer) {}

  // A key is the time at which its call was due, and the number of the record.
  void count(std::string_view key, Clock::time_point now, Clock::time_point measure_from) {
    const char* const end = key.data() + key.size();
    int64_t due_ns = 0;
    uint64_t number = 0;
    const char* const dash = std::from_chars(key.data(), end, due_ns).ptr;
    std::from_chars(dash + 1, end, number);
    ++consumer_->received;
    if (number <= last_number_) ++out_of_order_;
    last_number_ = number;
    const Clock::time_point due{std::chrono::nanoseconds(due_ns)};
    if (due >= measure_from) consumer_->latency.record(now - due);
  }

  BenchSocket socket_;
  PushedRecords records_;
  Consumer* consumer_;
  uint64_t last_number_ = 0;
  uint64_t out_of_order_ = 0;
};

// All subscriptions of all consumers; one thread reads them.
class Subscribers {
 public:
  explicit Subscribers(int consumers) : consumers_(static_cast<size_t>(consumers)) {}
  ~Subscribers() {
    if (epoll_ >= 0) close(epoll_);
  }
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;

  Result<> open(const BenchOptions& options, const PushPlan& plan) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    TRY_ASSIGN(auto connection, BlockingConnection::open(options.endpoint));
    TRY_ASSIGN(const auto stream_arn,
               call_for(connection, options, "DescribeStreamSummary",
                        fmt::format(R"({{"StreamName":"{}"}})", plan.stream), "StreamARN"));
    for (size_t i = 0; i < consumers_.size(); ++i) {
      TRY_ASSIGN(const auto arn,
                 consumer_arn(connection, options, stream_arn, static_cast<int>(i)));
      for (int shard = 0; shard < options.shards; ++shard) {
        TRY_ASSIGN(auto one, Subscription::open(options, plan, arn, shard, consumers_[i]));
        epoll_event event{.events = EPOLLIN, .data = {.u64 = subscriptions_.size()}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, one.descriptor(), &event);
        subscriptions_.push_back(std::move(one));
      }
    }
    return {};
  }

  void run(Clock::time_point measure_from) {
    std::vector<char> buffer(kReadBytes);
    std::array<epoll_event, 64> events{};
    while (!stop) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 20);
      for (int i = 0; i < count; ++i) {
        auto& one = subscriptions_[events[static_cast<size_t>(i)].data.u64];
        if (!one.read(buffer, measure_from)) {
          epoll_ctl(epoll_, EPOLL_CTL_DEL, one.descriptor(), nullptr);
        }
      }
      uint64_t least = UINT64_MAX;
      for (const auto& consumer : consumers_) least = std::min(least, consumer.received);
      received_by_all = least;
    }
  }

  void add_to(PushResult& result) const {
    for (const auto& one : subscriptions_) result.out_of_order += one.out_of_order();
    for (const auto& consumer : consumers_) {
      result.missing += result.sent - std::min(result.sent, consumer.received);
      if (consumer.latency.percentile_us(99) >= result.slowest.percentile_us(99)) {
        result.slowest = consumer.latency;
      }
    }
  }

  std::atomic<bool> stop = false;
  std::atomic<uint64_t> received_by_all = 0;

 private:
  std::vector<Consumer> consumers_;
  std::vector<Subscription> subscriptions_;
  int epoll_ = -1;
};

std::string paced_body(const PushPlan& plan, std::string_view data, uint64_t first_number,
                       Clock::time_point due) {
  std::string body = R"({"Records":[)";
  for (int i = 0; i < plan.records_per_call; ++i) {
    fmt::format_to(std::back_inserter(body), R"({}{{"Data":"{}","PartitionKey":"{}-{}"}})",
                   i == 0 ? "" : ",", data, due.time_since_epoch().count(),
                   first_number + static_cast<uint64_t>(i));
  }
  fmt::format_to(std::back_inserter(body), R"(],"StreamName":"{}"}})", plan.stream);
  return body;
}

// Open loop: a call that comes late still carries the time at which it was due.
Result<> produce(const BenchOptions& options, const PushPlan& plan, BlockingConnection& connection,
                 Clock::time_point start, PushResult& result) {
  const std::string data = base64_encode(std::string(plan.data_size, 'x'));
  const std::chrono::nanoseconds interval(int64_t{1'000'000'000} * plan.records_per_call /
                                          plan.records_per_second);
  const auto end = start + options.warm_up + options.duration;
  for (auto due = start; due < end; due += interval) {
    std::this_thread::sleep_until(due);
    const auto body = paced_body(plan, data, result.sent + 1, due);
    TRY_ASSIGN(const auto answer, connection.call(signed_request(options, "PutRecords", body)));
    if (answer.status != 200 ||
        !answer.body.contains(sign_of_success(BenchProtocol::kJson, /*batch=*/true))) {
      return fail(ErrorCode::kRemote, "PutRecords: HTTP {}: {}", answer.status,
                  answer.body.substr(0, 300));
    }
    result.sent += static_cast<uint64_t>(plan.records_per_call);
    ++result.calls;
  }
  return {};
}

}  // namespace

Result<PushResult> run_push(const BenchOptions& options, const PushPlan& plan) {
  Subscribers subscribers(plan.consumers);
  TRY(subscribers.open(options, plan));
  TRY_ASSIGN(auto producer, BlockingConnection::open(options.endpoint));
  PushResult result;
  const auto start = Clock::now();
  Result<> produced;
  {
    const std::jthread reader(
        [&subscribers, measure_from = start + options.warm_up] { subscribers.run(measure_from); });
    produced = produce(options, plan, producer, start, result);
    result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const auto give_up = Clock::now() + std::chrono::seconds(10);
    while (produced && subscribers.received_by_all < result.sent && Clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    subscribers.stop = true;
  }
  TRY(produced);
  subscribers.add_to(result);
  return result;
}

}  // namespace millstream::cli
