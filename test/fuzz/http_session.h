// The HTTP server's side of a connection in this thread: bytes in, bytes out, no network, no clock.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/hash.h"
#include "http/connection.h"

namespace millstream::fuzz {

// A server of one loop that this thread runs. Kept over all inputs. It answers by path: /pieces,
// /wait (until the client is gone, or time passes), /abort, /nothing, and for all others 200 with a
// digest of the whole request: reading it is what shows dangling views.
class HttpSessions {
 public:
  HttpSessions() : loop_(loops_, 0) {
    HttpServerOptions options;
    options.limits.body_bytes = 64 * 1024;
    options.limits.bytes_in_flight = 256 * 1024;
    options.limits.unsent_bytes = 64 * 1024;
    shared_ = std::make_shared<ServerShared>(
        std::move(options),
        [this](HttpRequest& request, ResponseStream& stream) { return answer(request, stream); });
  }

  // All that the server sends to a client that sends `bytes` in pieces of up to `piece` bytes, then
  // nothing more. The connection must then end, with nothing left in flight.
  std::string exchange(std::string_view bytes, size_t piece) {
    int ends[2];
    MS_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    client_ = ends[1];
    received_.clear();
    TcpSocket socket(loop_.executor);
    socket.assign(asio::ip::tcp::v4(), ends[0]);
    ++shared_->open;
    loops_.add_connection(0);
    auto connection = std::make_shared<Connection>(shared_, loop_, std::move(socket));
    const std::weak_ptr<Connection> alive = connection;
    asio::co_spawn(loop_.executor, Connection::run(std::move(connection)), asio::detached);
    run();
    while (!bytes.empty() && send(bytes.substr(0, piece))) {
      bytes.remove_prefix(std::min(piece, bytes.size()));
      run();
    }
    ::shutdown(client_, SHUT_WR);
    run();
    // Time passes: first the least, then more than any limit.
    for (const uint32_t seconds : {1U, 10'000U, 10'000U}) {
      loop_.now_s += seconds;
      for (auto at = loop_.connections.begin(); at != loop_.connections.end();) (at++)->tick();
      // A client that has sent its next request can't be seen to go.
      for (asio::steady_timer* timer : waiting_) timer->cancel();
      run();
    }
    ::close(client_);
    run();
    MS_ASSERT(alive.expired());
    MS_ASSERT(shared_->budget.current() == 0);
    return std::move(received_);
  }

 private:
  awaitable<> answer(HttpRequest& request, ResponseStream& stream) {
    std::string all = fmt::format("{}\n{}\n{}\n{}\n{}\n", request.method, request.target,
                                  request.path, request.query, request.authority);
    for (const HttpHeader& header : request.headers) {
      all.append(header.name).append(":").append(header.value).append("\n");
    }
    all.append(request.body.view());
    HttpResponse response;
    response.body = Slice::copy_of(fmt::format("{:08x}", crc32c(all)));
    if (request.path == "/nothing") co_return;
    if (request.path == "/pieces" || request.path == "/abort") {
      co_await answer_in_pieces(stream, request.path == "/abort");
      co_return;
    }
    if (request.path == "/wait") co_await wait_for_interrupt(stream);
    (void)co_await stream.respond(std::move(response));
  }

  static awaitable<> answer_in_pieces(ResponseStream& stream, bool aborts) {
    auto sent = co_await stream.start(HttpResponse());
    for (int i = 0; sent && i < 3; ++i) {
      sent = co_await stream.write(Slice::copy_of(std::string(20'000, 'p')));
    }
    if (aborts) {
      stream.abort();
    } else if (sent) {
      (void)co_await stream.finish();
    }
  }

  awaitable<> wait_for_interrupt(ResponseStream& stream) {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             std::chrono::steady_clock::time_point::max());
    bool interrupted = false;
    stream.on_interrupt([&](ResponseStream::Interrupt) {
      interrupted = true;
      never.cancel();
    });
    boost::system::error_code ignored;
    waiting_.push_back(&never);
    if (!interrupted) {
      co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    std::erase(waiting_, &never);
    stream.on_interrupt({});
  }

  // False: the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        run();
        continue;
      }
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Until nobody has anything to do.
  void run() {
    for (bool busy = true; busy;) {
      busy = loops_.context(0).poll() > 0;
      char piece[16 * 1024];
      ssize_t got = 0;
      while ((got = ::recv(client_, piece, sizeof piece, 0)) > 0) {
        received_.append(piece, static_cast<size_t>(got));
        busy = true;
      }
    }
  }

  Loops loops_{1};
  ServerLoop loop_;
  std::shared_ptr<ServerShared> shared_;
  std::vector<asio::steady_timer*> waiting_;  // of /wait
  int client_ = -1;
  std::string received_;
};

}  // namespace millstream::fuzz
