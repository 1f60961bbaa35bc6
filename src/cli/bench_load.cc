#include "cli/bench_load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "cli/bench_connection.h"

namespace millstream::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  std::optional<BenchSocket> socket;
  size_t request = 0;  // index of the one under way
  size_t sent = 0;
  std::string buffer;
  size_t received = 0;
  Clock::time_point started;
};

// The connections of one thread.
class Loader {
 public:
  Loader(const LoadOptions& options, int first, int step) : options_(options) {
    for (int i = first; i < options.connections; i += step) {
      Connection connection;
      connection.request = static_cast<size_t>(i) % options.requests->size();
      connection.buffer.resize(1 << 16);
      connections_.push_back(std::move(connection));
    }
  }
  ~Loader() {
    if (epoll_ >= 0) close(epoll_);
  }

  Result<> open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections_.size(); ++i) {
      TRY_ASSIGN(auto socket, BenchSocket::open(options_.endpoint));
      socket.set_nonblocking();
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.descriptor(), &event);
      connections_[i].socket = std::move(socket);
    }
    return {};
  }

  void run(Clock::time_point measure_from, Clock::time_point until) {
    measure_from_ = measure_from;
    until_ = until;
    for (auto& connection : connections_) start(connection);
    std::array<epoll_event, 64> events{};
    while (Clock::now() < until && failed_ < connections_.size()) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), 50);
      for (int i = 0; i < count; ++i) {
        auto& connection = connections_[events[static_cast<size_t>(i)].data.u64];
        if (connection.socket) send(connection);
        receive(connection);
      }
    }
  }

  LoadResult result;

 private:
  void start(Connection& connection) {
    connection.sent = 0;
    connection.received = 0;
    connection.started = Clock::now();
    send(connection);
  }

  void send(Connection& connection) {
    const auto& bytes = (*options_.requests)[connection.request].bytes;
    while (connection.sent < bytes.size()) {
      const ssize_t n = connection.socket->send(std::string_view(bytes).substr(connection.sent));
      if (n < 0) drop(connection);
      if (n <= 0) return;
      connection.sent += static_cast<size_t>(n);
    }
  }

  void receive(Connection& connection) {
    while (connection.socket) {
      if (connection.received == connection.buffer.size()) {
        connection.buffer.resize(connection.buffer.size() * 2);
      }
      const ssize_t n =
          connection.socket->receive(std::span(connection.buffer).subspan(connection.received));
      if (n < 0) drop(connection);
      if (n <= 0) return;
      connection.received += static_cast<size_t>(n);
      const auto response =
          parse_response(std::string_view(connection.buffer).substr(0, connection.received));
      if (!response) continue;
      account(connection, *response);
      connection.request = (connection.request + static_cast<size_t>(options_.connections)) %
                           options_.requests->size();
      start(connection);
    }
  }

  void account(const Connection& connection, const BenchResponse& response) {
    const bool good = response.status == 200 && options_.check(response.body);
    if (!good)
      note_error(fmt::format("HTTP {}: {}", response.status, response.body.substr(0, 300)));
    const auto now = Clock::now();
    if (now < measure_from_ || now > until_) return;
    const auto& request = (*options_.requests)[connection.request];
    ++result.requests;
    result.latency.record(now - connection.started);
    if (!good) return;
    result.records += request.records;
    result.data_bytes += request.data_bytes;
  }

  void note_error(std::string message) {
    if (result.errors++ == 0) result.first_error = std::move(message);
  }

  void drop(Connection& connection) {
    note_error(fmt::format("connection lost: {}", connection.socket->reason()));
    connection.socket.reset();
    ++failed_;
  }

  const LoadOptions& options_;
  std::vector<Connection> connections_;
  int epoll_ = -1;
  size_t failed_ = 0;
  Clock::time_point measure_from_;
  Clock::time_point until_;
};

}  // namespace

Result<LoadResult> run_load(const LoadOptions& options) {
  std::vector<std::unique_ptr<Loader>> loaders;
  for (int i = 0; i < options.threads; ++i) {
    loaders.push_back(std::make_unique<Loader>(options, i, options.threads));
    TRY(loaders.back()->open());
  }
  const auto measure_from = Clock::now() + options.warm_up;
  const auto until = measure_from + options.duration;
  {
    std::vector<std::jthread> threads;
    threads.reserve(loaders.size());
    for (auto& loader : loaders) {
      threads.emplace_back([&loader, measure_from, until] { loader->run(measure_from, until); });
    }
  }
  LoadResult total;
  total.seconds = std::chrono::duration<double>(options.duration).count();
  for (auto& loader : loaders) {
    total.requests += loader->result.requests;
    total.records += loader->result.records;
    total.data_bytes += loader->result.data_bytes;
    if (total.errors == 0) total.first_error = loader->result.first_error;
    total.errors += loader->result.errors;
    total.latency.merge(loader->result.latency);
  }
  return total;
}

}  // namespace millstream::cli
