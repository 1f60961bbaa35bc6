#include "http/http1.h"

#include <charconv>

#include <spdlog/spdlog.h>

#include "http/message.h"

namespace millstream {
namespace {

constexpr size_t kBodyRoom = 32 * 1024;  // read at a time of a chunked body

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

std::unexpected<Error> client_is_gone() {
  return fail(ErrorCode::kCancelled, "the client closed the connection");
}

}  // namespace

Http1::Http1(Connection& connection)
    : connection_(connection),
      body_(connection.shared->budget, connection.limits().body_bytes),
      watch_ended_(connection.loop.executor) {
  request_.peer = connection.peer;
  request_.tls = connection.transport.tls();
}

awaitable<> Http1::run() {
  co_await serve();
  // What watches this connection uses `this`.
  connection_.transport.close();
  while (watching_) co_await watch_ended_.wait();
}

awaitable<bool> Http1::read_more() {
  if (watching_) {
    while (watching_) co_await watch_ended_.wait();
    co_return !watched_;
  }
  bool alive = co_await connection_.read_more();
  co_return alive;
}

awaitable<> Http1::serve() {
  using Phase = Connection::Phase;
  do {
    Head head = parse_head();
    while (head == Head::kNeedMore) {
      if (connection_.in.size() == 0) {
        if (connection_.draining()) co_return;
        connection_.in.shrink();
        connection_.enter(Phase::kIdle);
      } else if (connection_.phase() != Phase::kHead) {
        connection_.enter(Phase::kHead);
      }
      bool alive = co_await read_more();
      if (!alive) co_return;
      head = parse_head();
    }
    if (head == Head::kNotHttp) co_return;
    if (head == Head::kComplete && (parser_->chunked() || parser_->content_length().value_or(0))) {
      bool alive = co_await read_body();
      if (!alive) co_return;
    }
    connection_.enter(Phase::kHandler);
    state_ = State::kNone;
    connection_.shared->requests.fetch_add(1, std::memory_order_relaxed);
    if (refusal_) {
      keep_alive_ = false;
      auto sent = co_await respond(*std::move(refusal_));
      if (!sent) co_return;
      break;
    }
    co_await handle();
    if (state_ == State::kAborted) co_return;
    body_.clear();
  } while (keep_alive_);
  if (watching_) {
    // finish() reads itself.
    ErrorOf ignored;
    connection_.transport.socket().cancel(ignored);
    while (watching_) co_await watch_ended_.wait();
  }
  co_await connection_.finish();
}

void Http1::drain() {
  interrupt(Interrupt::kDraining);
  // Idle: the input ends, and with it run(). Otherwise the response says "connection: close".
  if (connection_.phase() == Connection::Phase::kIdle) {
    ErrorOf ignored;
    connection_.transport.socket().shutdown(asio::ip::tcp::socket::shutdown_receive, ignored);
  }
}

Http1::Head Http1::parse_head() {
  std::string_view received = connection_.in.view();
  // Empty lines before a request are skipped (RFC 9112, 2.2).
  size_t skipped = 0;
  while (scanned_ == 0 && received.substr(skipped, 2) == "\r\n") skipped += 2;
  if (skipped > 0) {
    connection_.in.consume(skipped);
    received = connection_.in.view();
  }
  if (received.empty()) return Head::kNeedMore;
  size_t end = received.find("\r\n\r\n", scanned_);
  const size_t limit = connection_.limits().header_bytes;
  if (end == std::string_view::npos ? received.size() > limit : end + 4 > limit) {
    return refuse(431, "The request's head is too large.");
  }
  if (end == std::string_view::npos) {
    const size_t line = received.find('\n');
    if (line != std::string_view::npos && (line == 0 || received[line - 1] != '\r')) {
      return refuse(400, "The request is not HTTP: its first line does not end in CRLF.");
    }
    scanned_ = received.size() > 3 ? received.size() - 3 : 0;
    return Head::kNeedMore;
  }
  scanned_ = 0;
  if (received.substr(0, received.find('\r')).find(" HTTP/") == std::string_view::npos) {
    return Head::kNotHttp;
  }
  request_.headers.clear();
  request_.authority = {};
  request_.body = Slice();
  parser_.emplace(received.substr(0, end + 4), request_, body_);
  parser_->header_limit(static_cast<uint32_t>(limit));
  parser_->body_limit(connection_.limits().body_bytes);
  boost::system::error_code error;
  size_t used = parser_->put(asio::const_buffer(received.data(), end + 4), error);
  if (int status = checks_of_head(error); status != 0) {
    return refuse(status, status == 413   ? "The request's body is too large."
                          : status == 501 ? "This transfer-encoding is not supported: use chunked."
                                          : "The request is not well-formed HTTP/1.1.");
  }
  connection_.in.consume(used);
  raw_head_ = received.substr(0, used);
  keep_alive_ = parser_->keep_alive();
  body_.begin(0);
  request_.body = body_.take();
  return Head::kComplete;
}

int Http1::checks_of_head(boost::system::error_code error) {
  if (error == beast_http::error::body_limit) return 413;
  if (error == beast_http::error::header_limit) return 431;
  if (error || !parser_->is_header_done()) return 400;
  if (parser_->has_transfer_encoding() && !parser_->chunked()) return 501;
  if (parser_->hosts() > 1 || (parser_->hosts() == 0 && parser_->version() >= 11)) return 400;
  return 0;
}

Http1::Head Http1::refuse(int status, std::string text) {
  refusal_ = plain_response(status, std::move(text));
  request_.method = {};
  return Head::kRefused;
}

bool Http1::take_outcome(BodyBuffer::Outcome outcome) {
  if (outcome == BodyBuffer::Outcome::kOk) return true;
  refusal_ = outcome == BodyBuffer::Outcome::kTooLarge
                 ? plain_response(413, "The request's body is too large.")
                 : connection_.shared->overloaded(request_);
  body_.clear();
  return false;
}

// False: the client is gone. A body that is refused leaves a refusal_.
awaitable<bool> Http1::read_body() {
  auto length = parser_->content_length();
  std::optional<uint64_t> expected;
  if (length) expected = *length;
  if (!take_outcome(body_.begin(expected))) co_return true;
  connection_.enter(Connection::Phase::kBody);
  const bool all_here = expected && connection_.in.size() >= *expected;
  if (parser_->expects_continue() && !all_here && connection_.in.size() == 0) {
    asio::const_buffer interim = asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25);
    ErrorOf error = co_await connection_.transport.write({&interim, 1}, [](size_t) {});
    if (error) co_return false;
  }
  bool alive = false;
  if (expected) {
    alive = co_await read_sized_body();
  } else {
    alive = co_await read_chunked_body();
  }
  if (alive && !refusal_) request_.body = body_.take();
  co_return alive;
}

awaitable<bool> Http1::read_sized_body() {
  InputBuffer& in = connection_.in;
  const size_t buffered = std::min<size_t>(in.size(), *parser_->content_length());
  // The head's views point into `in`: its bytes stay until the next room(), and none is asked
  // for here.
  if (!take_outcome(body_.append(in.view().substr(0, buffered)))) co_return true;
  in.consume(buffered);
  while (!body_.complete()) {
    std::span<char> into;
    if (!take_outcome(body_.room(into))) co_return true;
    ErrorOf error;
    size_t received =
        co_await connection_.transport.read_some(asio::buffer(into.data(), into.size()), error);
    if (error) co_return false;
    body_.commit(received);
    connection_.moved(received);
  }
  co_return true;
}

awaitable<bool> Http1::read_chunked_body() {
  InputBuffer& in = connection_.in;
  move_head_out_of_input();
  parser_->eager(true);
  while (!parser_->is_done()) {
    boost::system::error_code error;
    if (in.size() > 0) {
      std::string_view received = in.view();
      in.consume(parser_->put(asio::const_buffer(received.data(), received.size()), error));
    } else {
      error = beast_http::error::need_more;
    }
    if (parser_->is_done()) break;
    if (error == beast_http::error::body_limit) {
      auto outcome = parser_->body_outcome();
      take_outcome(outcome == BodyBuffer::Outcome::kOk ? BodyBuffer::Outcome::kTooLarge : outcome);
      co_return true;
    }
    // What is left over is the start of a chunk's head or of the trailers.
    const bool endless = in.size() > connection_.limits().header_bytes;
    if ((error && error != beast_http::error::need_more) || endless) {
      refusal_ = plain_response(400, "The request's chunks are not well-formed.");
      body_.clear();
      co_return true;
    }
    const size_t before = in.size();
    bool alive = co_await connection_.read_more(kBodyRoom);
    if (!alive) co_return false;
    connection_.moved(in.size() - before);
  }
  co_return true;
}

// The input is about to move, as more comes in; the request's views must not.
void Http1::move_head_out_of_input() {
  if (raw_head_.data() == head_copy_.data()) return;
  const char* old = raw_head_.data();
  head_copy_.assign(raw_head_);
  raw_head_ = head_copy_;
  auto rebase = [&](std::string_view& view) {
    if (!view.empty() && view.data() >= old && view.data() < old + head_copy_.size()) {
      view = {head_copy_.data() + (view.data() - old), view.size()};
    }
  };
  for (std::string_view* view :
       {&request_.method, &request_.target, &request_.path, &request_.query, &request_.authority}) {
    rebase(*view);
  }
  for (HttpHeader& header : request_.headers) {
    rebase(header.name);
    rebase(header.value);
  }
}

awaitable<> Http1::handle() {
  try {
    co_await connection_.shared->handler(request_, *this);
  } catch (const std::exception& e) {
    spdlog::error("http: the handler of {} {} threw: {}", request_.method, request_.path, e.what());
    if (state_ == State::kStarted) abort();
  }
  if (state_ == State::kStarted) abort();
  if (state_ == State::kNone) {
    auto sent =
        co_await respond(plain_response(500, "The server did not answer this request (a defect)."));
    if (!sent) state_ = State::kAborted;
  }
  on_interrupt_ = nullptr;
}

void Http1::on_interrupt(std::function<void(Interrupt)> notify) {
  on_interrupt_ = std::move(notify);
  if (state_ == State::kAborted) interrupt(Interrupt::kClosed);
  if (connection_.draining()) interrupt(Interrupt::kDraining);
  // What follows the request in the input is another one; its end can't be seen past that.
  if (!on_interrupt_ || watching_ || state_ == State::kAborted || connection_.in.size() > 0) return;
  watching_ = true;
  move_head_out_of_input();
  asio::co_spawn(connection_.loop.executor, watch(), asio::detached);
}

void Http1::interrupt(Interrupt why) {
  if (on_interrupt_ && state_ != State::kDone) on_interrupt_(why);
}

awaitable<> Http1::watch() {
  const size_t received = co_await connection_.transport.read_some(connection_.in.room(), watched_);
  connection_.in.commit(received);
  watching_ = false;
  watch_ended_.notify();
  if (watched_ && state_ != State::kDone) {
    state_ = State::kAborted;
    interrupt(Interrupt::kClosed);
  }
}

awaitable<Result<>> Http1::respond(HttpResponse response) {
  if (state_ == State::kAborted) co_return client_is_gone();
  MS_ASSERT(state_ == State::kNone);
  state_ = State::kDone;
  format_head(response, response.body.size());
  const bool with_body = request_.method != "HEAD" && !has_no_body(response.status);
  std::array<asio::const_buffer, 2> parts = {
      asio::buffer(head_),
      asio::const_buffer(response.body.data(), with_body ? response.body.size() : 0)};
  co_return co_await send(parts);
}

awaitable<Result<>> Http1::start(HttpResponse head) {
  if (state_ == State::kAborted) co_return client_is_gone();
  MS_ASSERT(state_ == State::kNone);
  state_ = State::kStarted;
  format_head(head, std::nullopt);
  asio::const_buffer part = asio::buffer(head_);
  co_return co_await send({&part, 1});
}

awaitable<Result<>> Http1::write(Slice piece) {
  if (state_ == State::kAborted) co_return client_is_gone();
  MS_ASSERT(state_ == State::kStarted);
  if (piece.empty() || request_.method == "HEAD") co_return Result<>();
  if (remaining_) {
    if (piece.size() > *remaining_) {
      abort();
      co_return fail(ErrorCode::kInternal, "a response of {} is longer than its content-length",
                     request_.path);
    }
    *remaining_ -= piece.size();
  }
  std::array<char, 20> size_line;
  char* end = size_line.data();
  if (chunked_) {
    end = std::to_chars(end, end + 16, piece.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
  }
  std::array<asio::const_buffer, 3> parts = {
      asio::const_buffer(size_line.data(), static_cast<size_t>(end - size_line.data())),
      asio::const_buffer(piece.data(), piece.size()), asio::const_buffer("\r\n", chunked_ ? 2 : 0)};
  co_return co_await send(parts);
}

awaitable<Result<>> Http1::finish() {
  if (state_ == State::kAborted) co_return client_is_gone();
  MS_ASSERT(state_ == State::kStarted);
  if (remaining_.value_or(0) > 0 && request_.method != "HEAD") {
    abort();
    co_return fail(ErrorCode::kInternal, "a response of {} is shorter than its content-length",
                   request_.path);
  }
  state_ = State::kDone;
  if (!chunked_ || request_.method == "HEAD") co_return Result<>();
  asio::const_buffer part("0\r\n\r\n", 5);
  co_return co_await send({&part, 1});
}

void Http1::abort() {
  state_ = State::kAborted;
  connection_.transport.cut_off();
}

void Http1::format_head(const HttpResponse& response, std::optional<uint64_t> length) {
  const bool http_1_0 = parser_ && parser_->version() < 11;
  if (connection_.draining()) keep_alive_ = false;
  remaining_.reset();
  chunked_ = false;
  head_.clear();
  head_ += "HTTP/1.1 ";
  char digits[24];
  auto number = [&](uint64_t value) {
    head_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  };
  number(static_cast<uint64_t>(response.status));
  head_ += ' ';
  head_ += reason_phrase(response.status);
  head_ += "\r\n";
  for (const auto& [name, value] : response.headers) {
    if (is_connection_header(name) || !is_sendable_header(name, value)) continue;
    if (equals_ignore_case(name, "content-length")) {
      // A handler knows the length of what it sends in pieces, and of what HEAD leaves out.
      uint64_t given = 0;
      auto [rest, bad] = std::from_chars(value.data(), value.data() + value.size(), given);
      const bool counts = !length || request_.method == "HEAD";
      if (counts && bad == std::errc() && rest == value.data() + value.size()) {
        length = given;
        remaining_ = given;
      }
      continue;
    }
    head_ += name;
    head_ += ": ";
    head_ += value;
    head_ += "\r\n";
  }
  if (length && !(has_no_body(response.status) && *length == 0)) {
    head_ += "content-length: ";
    number(*length);
    head_ += "\r\n";
  } else if (!length && !has_no_body(response.status)) {
    if (http_1_0) {
      keep_alive_ = false;  // the body ends with the connection
    } else {
      chunked_ = true;
      head_ += "transfer-encoding: chunked\r\n";
    }
  }
  if (!keep_alive_) {
    head_ += "connection: close\r\n";
  } else if (http_1_0) {
    head_ += "connection: keep-alive\r\n";
  }
  head_ += "date: ";
  head_ += connection_.loop.date;
  head_ += "\r\n\r\n";
}

awaitable<Result<>> Http1::send(std::span<asio::const_buffer> parts) {
  ErrorOf error;
  if (!connection_.transport.try_write(parts, error) && !error) {
    BudgetShare share(connection_.shared->budget);
    for (const asio::const_buffer& part : parts) share.take(part.size());
    connection_.enter(Connection::Phase::kWrite);
    error = co_await connection_.transport.write(
        parts, [this](size_t bytes) { connection_.moved(bytes); });
    connection_.enter(Connection::Phase::kHandler);
  }
  if (error) {
    state_ = State::kAborted;
    co_return client_is_gone();
  }
  co_return Result<>();
}

}  // namespace millstream
