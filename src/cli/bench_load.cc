#include "cli/bench_load.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "base/http_message.h"

namespace millstream::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::string reason(int error) { return std::generic_category().message(error); }

Result<int> connect_to(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints,
                              &found)) {
    return fail(ErrorCode::kUnavailable, "{}: {}", endpoint.host, gai_strerror(error));
  }
  int connected = -1;
  for (auto* address = found; address && connected < 0; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
      connected = fd;
    } else {
      close(fd);
    }
  }
  freeaddrinfo(found);
  if (connected < 0) {
    return fail(ErrorCode::kUnavailable, "nothing answers at {}:{}: {}", endpoint.host,
                endpoint.port, reason(errno));
  }
  const int one = 1;
  setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return connected;
}

// One response at the start of `text`, once it is whole. Bodies by content-length or chunked
// (then `body` holds the chunks' framing too).
struct Response {
  int status = 0;
  std::string_view body;
  size_t size = 0;
};

std::optional<Response> parse_response(std::string_view text) {
  const size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos || text.size() < 12) return std::nullopt;
  Response response;
  std::from_chars(text.data() + 9, text.data() + 12, response.status);
  const size_t body_start = head_end + 4;
  size_t line_start = text.find("\r\n") + 2;
  while (line_start < body_start - 2) {
    const size_t line_end = text.find("\r\n", line_start);
    const auto line = text.substr(line_start, line_end - line_start);
    const size_t colon = line.find(':');
    const auto name = line.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (equals_ignore_case(name, "content-length")) {
      size_t length = 0;
      std::from_chars(value.data(), value.data() + value.size(), length);
      if (text.size() - body_start < length) return std::nullopt;
      response.body = text.substr(body_start, length);
      response.size = body_start + length;
      return response;
    }
    if (equals_ignore_case(name, "transfer-encoding")) {
      const size_t end = text.find("0\r\n\r\n", body_start);
      if (end == std::string_view::npos) return std::nullopt;
      response.body = text.substr(body_start, end - body_start);
      response.size = end + 5;
      return response;
    }
    line_start = line_end + 2;
  }
  response.size = body_start;
  return response;
}

struct Connection {
  int socket = -1;
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
    for (auto& connection : connections_) {
      if (connection.socket >= 0) close(connection.socket);
    }
    if (epoll_ >= 0) close(epoll_);
  }

  Result<> open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections_.size(); ++i) {
      TRY_ASSIGN(connections_[i].socket, connect_to(options_.endpoint));
      fcntl(connections_[i].socket, F_SETFL, O_NONBLOCK);
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].socket, &event);
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
        if (connection.socket < 0) continue;
        send(connection);
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
      const ssize_t n = ::send(connection.socket, bytes.data() + connection.sent,
                               bytes.size() - connection.sent, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno != EAGAIN) drop(connection, reason(errno));
        return;
      }
      connection.sent += static_cast<size_t>(n);
    }
  }

  void receive(Connection& connection) {
    while (connection.socket >= 0) {
      if (connection.received == connection.buffer.size()) {
        connection.buffer.resize(connection.buffer.size() * 2);
      }
      const ssize_t n = ::recv(connection.socket, connection.buffer.data() + connection.received,
                               connection.buffer.size() - connection.received, 0);
      if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
          drop(connection, n == 0 ? std::string("closed") : reason(errno));
        return;
      }
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

  void account(const Connection& connection, const Response& response) {
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

  void drop(Connection& connection, std::string_view reason) {
    note_error(fmt::format("connection lost: {}", reason));
    close(connection.socket);
    connection.socket = -1;
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

Result<BlockingConnection> BlockingConnection::open(const Endpoint& endpoint) {
  TRY_ASSIGN(const int socket, connect_to(endpoint));
  return BlockingConnection(socket);
}

BlockingConnection::BlockingConnection(BlockingConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

BlockingConnection::~BlockingConnection() {
  if (socket_ >= 0) close(socket_);
}

Result<BlockingConnection::Answer> BlockingConnection::call(std::string_view request) {
  while (!request.empty()) {
    const ssize_t n = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    if (n < 0) return fail(ErrorCode::kUnavailable, "send: {}", reason(errno));
    request.remove_prefix(static_cast<size_t>(n));
  }
  size_t received = 0;
  while (true) {
    if (buffer_.size() - received < 1 << 16)
      buffer_.resize(std::max<size_t>(buffer_.size() * 2, 1 << 18));
    const ssize_t n = ::recv(socket_, buffer_.data() + received, buffer_.size() - received, 0);
    if (n <= 0) {
      return fail(ErrorCode::kUnavailable, "receive: {}",
                  n == 0 ? std::string("closed") : reason(errno));
    }
    received += static_cast<size_t>(n);
    if (auto response = parse_response(std::string_view(buffer_).substr(0, received))) {
      return Answer{response->status, response->body};
    }
  }
}

}  // namespace millstream::cli
