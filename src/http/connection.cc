#include "http/connection.h"

#include <algorithm>
#include <ctime>

#include "http/http1.h"
#include "http/http2.h"
#include "http/message.h"

namespace millstream {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113, 3.4
constexpr char kTlsHandshake = 0x16;                                            // RFC 8446, 5.1
constexpr std::chrono::seconds kClosing{3};
constexpr std::chrono::seconds kClosingAtShutdown{1};
constexpr size_t kClosingBytes = size_t{64} * 1024 * 1024;

}  // namespace

void InputBuffer::consume(size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

asio::mutable_buffer InputBuffer::room(size_t bytes) {
  if (capacity_ - end_ < bytes && begin_ > 0) {
    std::copy(bytes_.get() + begin_, bytes_.get() + end_, bytes_.get());
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < bytes) {
    capacity_ = std::max({kSmallest, capacity_ * 2, end_ + bytes});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    std::copy(bytes_.get(), bytes_.get() + end_, larger.get());
    bytes_ = std::move(larger);
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void InputBuffer::shrink() {
  if (begin_ == end_ && capacity_ > kKept) {
    bytes_.reset();
    capacity_ = 0;
  }
}

ServerLoop::ServerLoop(Loops& all, size_t i)
    : loops(all), index(i), executor(all.executor(i)), timer(executor) {
  update_clock();
}

void ServerLoop::update_clock() {
  ++now_s;
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  date.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
}

HttpResponse ServerShared::overloaded(const HttpRequest& request) {
  requests_overloaded.fetch_add(1, std::memory_order_relaxed);
  if (options.overloaded) return options.overloaded(request);
  return plain_response(503, "The server has too many bytes in flight; try again.");
}

Connection::Connection(std::shared_ptr<ServerShared> all, ServerLoop& on, TcpSocket socket)
    : shared(std::move(all)), loop(on), transport(std::move(socket)), pace_(on.now_s) {
  ErrorOf ignored;
  peer = transport.socket().remote_endpoint(ignored).address();
  loop.connections.push_back(*this);
}

Connection::~Connection() {
  loop.loops.remove_connection(loop.index);
  std::lock_guard lock(shared->mutex);
  if (--shared->open == 0) shared->all_closed.notify_all();
}

awaitable<> Connection::run(std::shared_ptr<Connection> self) {
  Connection& c = *self;
  bool alive = co_await c.read_more();
  if (alive && c.in.view().front() == kTlsHandshake) {
    alive = co_await c.begin_tls();
  }
  bool is_http2 = false;
  if (alive) alive = co_await c.speaks_http2(is_http2);
  if (!alive) {
    c.transport.close();
    co_return;
  }
  if (is_http2) {
    // Handlers may outlive the connection's end: they own the session too.
    auto http2 = std::make_shared<Http2>(self);
    c.protocol_ = http2.get();
    co_await http2->run();
    c.protocol_ = nullptr;
  } else {
    Http1 http1(c);
    c.protocol_ = &http1;
    co_await http1.run();
    c.protocol_ = nullptr;
  }
  c.transport.close();
}

awaitable<bool> Connection::begin_tls() {
  if (!shared->options.tls) co_return false;
  enter(Phase::kHead);
  ErrorOf error = co_await transport.accept_tls(*shared->options.tls, in.view());
  in.consume(in.size());
  if (error) co_return false;
  if (transport.alpn_is_h2()) co_return true;
  co_return co_await read_more();
}

awaitable<bool> Connection::speaks_http2(bool& is_http2) {
  if (transport.alpn_is_h2()) {
    is_http2 = true;
    co_return true;
  }
  while (true) {
    std::string_view received = in.view().substr(0, kHttp2Preface.size());
    if (received != kHttp2Preface.substr(0, received.size())) co_return true;
    if (received.size() == kHttp2Preface.size()) break;
    bool alive = co_await read_more();
    if (!alive) co_return false;
  }
  is_http2 = true;
  co_return true;
}

void Connection::tick() {
  auto over = [this](std::chrono::seconds limit) { return pace_.over(loop.now_s, limit); };
  const HttpLimits& limit = limits();
  bool expired = false;
  switch (phase_) {
    case Phase::kIdle:
      expired = over(limit.idle_timeout);
      break;
    case Phase::kHead:
      expired = over(limit.header_timeout);
      break;
    case Phase::kBody:
      expired = over(limit.body_timeout);
      break;
    case Phase::kHandler:
      break;
    case Phase::kWrite:
      expired = over(limit.write_timeout);
      break;
    case Phase::kClosing:
      expired = over(draining() ? kClosingAtShutdown : kClosing);
      break;
  }
  if (expired && phase_ == Phase::kWrite) {
    transport.cut_off();
  } else if (expired) {
    transport.close();
  } else if (protocol_) {
    protocol_->tick();
  }
}

void Connection::drain() {
  if (protocol_) {
    protocol_->drain();
  } else if (in.size() == 0) {
    // Nothing was received: an end of input closes it. What arrived this moment is still read.
    ErrorOf ignored;
    transport.socket().shutdown(asio::ip::tcp::socket::shutdown_receive, ignored);
  }
}

awaitable<bool> Connection::read_more(size_t room) {
  ErrorOf error;
  size_t received = co_await transport.read_some(in.room(room), error);
  in.commit(received);
  co_return !error;
}

awaitable<> Connection::finish() {
  enter(Phase::kClosing);
  co_await transport.end_writing();
  size_t taken = 0;
  ErrorOf error;
  while (!error && taken < kClosingBytes) {
    in.consume(in.size());
    taken += co_await transport.read_some(in.room(), error);
  }
}

}  // namespace millstream
