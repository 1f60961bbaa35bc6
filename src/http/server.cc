#include "http/server.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <spdlog/spdlog.h>

#include "http/connection.h"

namespace millstream {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Loops::Executor>;

constexpr int kBacklog = 4096;
constexpr int kAcceptsAtOnce = 64;
// After the grace, for handlers to see that their client is gone.
constexpr std::chrono::seconds kAfterCut{5};

Result<asio::ip::tcp::endpoint> parse_listen(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") host = "127.0.0.1";
  if (host == "*") host = "0.0.0.0";
  uint16_t port = 0;
  const char* end = number.data() + number.size();
  const auto [rest, bad] = std::from_chars(number.data(), end, port);
  ErrorOf error;
  const auto address = asio::ip::make_address(host, error);
  if (bad != std::errc() || rest != end || error) {
    return fail(ErrorCode::kInvalidArgument,
                "\"{}\" is no address to listen on: write ADDRESS:PORT, like 127.0.0.1:4567 or "
                "[::1]:4567",
                text);
  }
  return asio::ip::tcp::endpoint(address, port);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Loops& loops, HttpServerOptions options, HttpHandler handler)
      : loops_(loops),
        shared_(std::make_shared<ServerShared>(std::move(options), std::move(handler))) {
    for (size_t i = 0; i < loops.size(); ++i) {
      parts_.push_back(std::make_shared<Part>(loops, i));
    }
  }

  Result<> start();
  uint16_t port(size_t i) const { return ports_.at(i); }
  void shutdown(std::chrono::milliseconds grace);
  HttpServerStats stats() const;

 private:
  // A ServerLoop with its walk. Shared with the walk's timer.
  struct Part : ServerLoop, std::enable_shared_from_this<Part> {
    using ServerLoop::ServerLoop;
    void walk();
    bool stopped = false;
  };

  Result<> listen(const std::string& address);
  awaitable<> accept(std::shared_ptr<Acceptor> acceptor);
  void take(TcpSocket socket, size_t i);
  // Runs `task` on each loop, and returns when all have.
  void on_each_loop(const std::function<void(Part&)>& task);
  bool wait_until_closed(std::chrono::milliseconds limit);

  Loops& loops_;
  std::shared_ptr<ServerShared> shared_;
  std::vector<std::shared_ptr<Part>> parts_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::vector<uint16_t> ports_;
  bool started_ = false;
  bool shut_down_ = false;
};

void HttpServer::Impl::Part::walk() {
  timer.expires_after(std::chrono::seconds(1));
  timer.async_wait([self = shared_from_this()](ErrorOf error) {
    if (error || self->stopped) return;
    self->update_clock();
    for (auto at = self->connections.begin(); at != self->connections.end();) {
      (at++)->tick();
    }
    self->walk();
  });
}

Result<> HttpServer::Impl::start() {
  for (const std::string& address : shared_->options.listen) TRY(listen(address));
  started_ = true;
  for (auto& part : parts_) {
    asio::post(part->executor, [part] { part->walk(); });
  }
  for (auto& acceptor : acceptors_) {
    asio::co_spawn(loops_.executor(0), accept(acceptor), asio::detached);
  }
  return {};
}

Result<> HttpServer::Impl::listen(const std::string& address) {
  TRY_ASSIGN(auto endpoint, parse_listen(address));
  auto acceptor = std::make_shared<Acceptor>(loops_.executor(0));
  ErrorOf error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(Acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor->set_option(asio::ip::v6_only(true), error);
  }
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(kBacklog, error);
  if (!error) acceptor->non_blocking(true, error);
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::kInUse, "{} is taken by another process: choose another port", address);
  }
  if (error) return fail(ErrorCode::kIo, "cannot listen on {}: {}", address, error.message());
  ports_.push_back(acceptor->local_endpoint(error).port());
  acceptors_.push_back(std::move(acceptor));
  return {};
}

awaitable<> HttpServer::Impl::accept(std::shared_ptr<Acceptor> acceptor) {
  asio::steady_timer pause(loops_.executor(0));
  ErrorOf error;
  while (acceptor->is_open()) {
    co_await acceptor->async_wait(Acceptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    for (int i = 0; i < kAcceptsAtOnce && acceptor->is_open(); ++i) {
      const size_t loop = loops_.next();
      TcpSocket socket(loops_.executor(loop));
      acceptor->accept(socket, error);
      if (error) break;
      take(std::move(socket), loop);
    }
    if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
        error == asio::error::no_buffer_space) {
      // The waiting client stays in the backlog; trying at once would only burn the core.
      spdlog::warn("http: cannot accept: {}; raise the limit of open files", error.message());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
}

void HttpServer::Impl::take(TcpSocket socket, size_t i) {
  if (shared_->open >= shared_->options.limits.connections) {
    shared_->refused.fetch_add(1, std::memory_order_relaxed);
    return;  // closes it
  }
  ++shared_->open;
  shared_->accepted.fetch_add(1, std::memory_order_relaxed);
  loops_.add_connection(i);
  asio::dispatch(loops_.executor(i), [shared = shared_, part = parts_[i],
                                      socket = std::move(socket)]() mutable {
    auto connection = std::make_shared<Connection>(std::move(shared), *part, std::move(socket));
    auto executor = part->executor;
    asio::co_spawn(executor, Connection::run(std::move(connection)), asio::detached);
  });
}

void HttpServer::Impl::on_each_loop(const std::function<void(Part&)>& task) {
  std::mutex mutex;
  std::condition_variable done;
  size_t left = parts_.size();
  for (auto& part : parts_) {
    asio::post(part->executor, [&, part] {
      task(*part);
      std::lock_guard lock(mutex);
      if (--left == 0) done.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return left == 0; });
}

bool HttpServer::Impl::wait_until_closed(std::chrono::milliseconds limit) {
  std::unique_lock lock(shared_->mutex);
  return shared_->all_closed.wait_for(lock, limit, [this] { return shared_->open == 0; });
}

void HttpServer::Impl::shutdown(std::chrono::milliseconds grace) {
  if (!started_ || shut_down_) return;
  shut_down_ = true;
  shared_->draining = true;
  // First the acceptors, which are all on loop 0, then the connections they gave away.
  on_each_loop([this](Part& part) {
    if (part.index != 0) return;
    for (auto& acceptor : acceptors_) {
      ErrorOf ignored;
      acceptor->close(ignored);
    }
  });
  on_each_loop([](Part& part) {
    for (auto at = part.connections.begin(); at != part.connections.end();) (at++)->drain();
  });
  if (!wait_until_closed(grace)) {
    on_each_loop([](Part& part) {
      for (auto at = part.connections.begin(); at != part.connections.end();) (at++)->cut();
    });
    if (!wait_until_closed(kAfterCut)) {
      spdlog::warn("http: {} connections' handlers still run at the end of the shutdown",
                   shared_->open.load());
    }
  }
  on_each_loop([](Part& part) {
    part.stopped = true;
    part.timer.cancel();
  });
}

HttpServerStats HttpServer::Impl::stats() const {
  return {.connections = shared_->open,
          .connections_accepted = shared_->accepted,
          .connections_refused = shared_->refused,
          .requests = shared_->requests,
          .requests_overloaded = shared_->requests_overloaded,
          .bytes_in_flight = shared_->budget.current()};
}

HttpServer::HttpServer(Loops& loops, HttpServerOptions options, HttpHandler handler)
    : impl_(std::make_unique<Impl>(loops, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { shutdown(std::chrono::milliseconds(0)); }

Result<> HttpServer::start() { return impl_->start(); }

uint16_t HttpServer::port(size_t i) const { return impl_->port(i); }

void HttpServer::shutdown(std::chrono::milliseconds grace) { impl_->shutdown(grace); }

HttpServerStats HttpServer::stats() const { return impl_->stats(); }

}  // namespace millstream
