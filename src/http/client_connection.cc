#include "http/client_connection.h"

#include <sys/socket.h>

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include "base/http_message.h"
#include "http/http1_response_parser.h"

namespace millstream {
namespace {

using ErrorOf = boost::system::error_code;

constexpr size_t kReadRoom = size_t{32} * 1024;

auto to(ErrorOf& error) { return asio::redirect_error(asio::use_awaitable, error); }

bool is_address(const std::string& host) {
  ErrorOf error;
  asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

ClientConnection::ClientConnection(ClientShared& shared, asio::any_io_executor executor)
    : shared_(shared), executor_(std::move(executor)), socket_(executor_), timer_(executor_) {}

ClientConnection::Deadline::Deadline(ClientConnection& of, Clock::time_point deadline)
    : connection(of) {
  connection.arm(deadline);
}

// The wait holds the connection: it must not outlive the call.
ClientConnection::Deadline::~Deadline() { connection.timer_.expires_at(Clock::time_point::max()); }

void ClientConnection::arm(Clock::time_point deadline) {
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this()](ErrorOf error) {
    // A wait that ended just before the call did finds a later time, or none.
    if (error || self->timer_.expiry() > Clock::now()) return;
    self->timed_out_ = true;
    ErrorOf ignored;
    self->socket_.close(ignored);
    if (self->resolved_) self->resolved_->notify();
  });
}

std::unexpected<Error> ClientConnection::failed(ErrorCode code, const ClientRequest& request,
                                                std::string_view what, std::string_view reason) {
  if (timed_out_) {
    return fail(ErrorCode::kTimeout, "{} {}:{} took too long", what, request.host, request.port);
  }
  return fail(code, "{} {}:{} failed: {}", what, request.host, request.port, reason);
}

awaitable<Result<>> ClientConnection::open(const ClientRequest& request,
                                           Clock::time_point deadline) {
  Deadline limit(*this, deadline);
  CO_TRY_ASSIGN(Endpoints endpoints, co_await resolve(request));
  CO_TRY(co_await connect(request, endpoints));
  if (request.scheme == "https") CO_TRY(co_await shake_hands(request));
  co_return Result<>();
}

awaitable<Result<ClientConnection::Endpoints>> ClientConnection::resolve(
    const ClientRequest& request) {
  // The resolver's thread can't be interrupted: this coroutine leaves it behind at the deadline.
  struct Answer {
    explicit Answer(const asio::any_io_executor& executor) : resolver(executor) {}
    asio::ip::tcp::resolver resolver;
    ErrorOf error = asio::error::timed_out;
    Endpoints endpoints;
  };
  auto answer = std::make_shared<Answer>(executor_);
  ErrorOf not_an_address;
  auto address = asio::ip::make_address(request.host, not_an_address);
  if (!not_an_address) {
    answer->endpoints.emplace_back(address, request.port);
  } else {
    resolved_ = std::make_shared<BasicSignal<asio::any_io_executor>>(executor_);
    answer->resolver.async_resolve(
        request.host, std::to_string(request.port), asio::ip::tcp::resolver::numeric_service,
        [answer, signal = resolved_](ErrorOf error, const auto& results) {
          answer->error = error;
          for (const auto& result : results) answer->endpoints.push_back(result.endpoint());
          signal->notify();
        });
    co_await resolved_->wait();
    resolved_.reset();
    if (timed_out_ || answer->error) {
      co_return failed(ErrorCode::kUnavailable, request, "resolving", answer->error.message());
    }
  }
  if (!shared_.options.allow_link_local) {
    auto refused = [](const auto& endpoint) {
      return is_link_local_or_metadata(endpoint.address());
    };
    std::erase_if(answer->endpoints, refused);
    if (answer->endpoints.empty()) {
      co_return fail(ErrorCode::kForbidden,
                     "{} is a link-local or metadata address: endpoints there are refused "
                     "unless the configuration allows them",
                     request.host);
    }
  }
  co_return std::move(answer->endpoints);
}

awaitable<Result<>> ClientConnection::connect(const ClientRequest& request,
                                              const Endpoints& endpoints) {
  ErrorOf error = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    if (timed_out_) break;
    ErrorOf ignored;
    socket_.close(ignored);
    co_await socket_.async_connect(endpoint, to(error));
    if (!error) break;
  }
  if (error || timed_out_) {
    co_return failed(ErrorCode::kUnavailable, request, "connecting to", error.message());
  }
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  co_return Result<>();
}

awaitable<Result<>> ClientConnection::shake_hands(const ClientRequest& request) {
  tls_.emplace(socket_, shared_.tls);
  if (!is_address(request.host)) {
    SSL_set_tlsext_host_name(tls_->native_handle(), request.host.c_str());
  }
  ErrorOf error;
  if (shared_.options.verify_tls) {
    tls_->set_verify_mode(asio::ssl::verify_peer, error);
    tls_->set_verify_callback(asio::ssl::host_name_verification(request.host), error);
  }
  co_await tls_->async_handshake(asio::ssl::stream_base::client, to(error));
  if (error) co_return failed(ErrorCode::kUnavailable, request, "TLS with", error.message());
  co_return Result<>();
}

bool ClientConnection::is_alive() {
  if (!socket_.is_open()) return false;
  char byte = 0;
  const ssize_t seen = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
  // Under TLS a session ticket may have come; in plain text nothing may.
  return seen > 0 && tls_;
}

awaitable<Result<ClientResponse>> ClientConnection::exchange(const ClientRequest& request,
                                                             Clock::time_point deadline) {
  Deadline limit(*this, deadline);
  received_any_ = false;
  reusable_ = false;
  // A server that refuses a body may answer and close before it has read it all: what it said
  // counts, not that the rest could not be sent.
  ErrorOf sent = co_await send(request);
  if (sent && timed_out_) {
    co_return failed(ErrorCode::kTimeout, request, "sending to", "");
  }
  auto response = co_await receive(request);
  if (sent) {
    reusable_ = false;
    if (!response) {
      co_return failed(ErrorCode::kUnavailable, request, "sending to", sent.message());
    }
  }
  co_return response;
}

awaitable<ErrorOf> ClientConnection::send(const ClientRequest& request) {
  size_t length = 0;
  for (const Slice& part : request.body) length += part.size();
  bool has_host = false;
  head_ = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  for (const auto& [name, value] : request.headers) {
    if (equals_ignore_case(name, "content-length") || equals_ignore_case(name, "connection") ||
        equals_ignore_case(name, "transfer-encoding")) {
      continue;
    }
    has_host = has_host || equals_ignore_case(name, "host");
    head_ += fmt::format("{}: {}\r\n", name, value);
  }
  if (!has_host) {
    const bool v6 = request.host.find(':') != std::string::npos;
    const bool usual = request.port == (request.scheme == "https" ? 443 : 80);
    head_ += fmt::format("host: {}{}{}", v6 ? "[" : "", request.host, v6 ? "]" : "");
    if (!usual) head_ += fmt::format(":{}", request.port);
    head_ += "\r\n";
  }
  if (length > 0 || (request.method != "GET" && request.method != "HEAD")) {
    head_ += fmt::format("content-length: {}\r\n", length);
  }
  head_ += "\r\n";
  std::vector<asio::const_buffer> parts = {asio::buffer(head_)};
  for (const Slice& part : request.body) parts.emplace_back(part.data(), part.size());
  ErrorOf error;
  if (tls_) {
    co_await asio::async_write(*tls_, parts, to(error));
  } else {
    co_await asio::async_write(socket_, parts, to(error));
  }
  co_return error;
}

awaitable<size_t> ClientConnection::read_some(ErrorOf& error) {
  const size_t old = in_.size();
  in_.resize(old + kReadRoom);
  size_t received = 0;
  auto room = asio::buffer(in_.data() + old, kReadRoom);
  if (tls_) {
    received = co_await tls_->async_read_some(room, to(error));
  } else {
    received = co_await socket_.async_read_some(room, to(error));
  }
  in_.resize(old + received);
  if (received > 0) received_any_ = true;
  co_return received;
}

awaitable<Result<ClientResponse>> ClientConnection::receive(const ClientRequest& request) {
  ClientResponse response;
  BodyBuffer body(shared_.unlimited, shared_.options.response_body_bytes);
  std::optional<Http1ResponseParser> parser;
  auto restart = [&] {
    response = ClientResponse();
    parser.emplace(response, body, request.on_body);
    parser->header_limit(static_cast<uint32_t>(shared_.options.response_header_bytes));
    if (request.on_body) {
      parser->body_limit(boost::none);
    } else {
      parser->body_limit(shared_.options.response_body_bytes);
    }
    parser->eager(true);
    if (request.method == "HEAD") parser->skip(true);
  };
  restart();
  while (!parser->is_done()) {
    ErrorOf error;
    if (!in_.empty()) {
      const size_t used = parser->put(asio::const_buffer(in_.data(), in_.size()), error);
      in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(used));
      if (error && error != beast_http::error::need_more) {
        reusable_ = false;
        co_return failed(ErrorCode::kRemote, request, "the response of", error.message());
      }
      if (parser->is_done() && response.status >= 100 && response.status < 200) {
        restart();  // interim: the response comes after it
        continue;
      }
      if (parser->is_done()) break;
      if (in_.size() > shared_.options.response_header_bytes) {
        co_return failed(ErrorCode::kRemote, request, "the response of",
                         "its head is over the limit");
      }
    }
    ErrorOf read_error;
    co_await read_some(read_error);
    if (!read_error) continue;
    if (timed_out_) co_return failed(ErrorCode::kTimeout, request, "the response of", "");
    const bool ended =
        read_error == asio::error::eof || read_error == asio::ssl::error::stream_truncated;
    if (ended && parser->got_some() && parser->is_header_done() && parser->need_eof()) {
      ErrorOf ignored;
      parser->put_eof(ignored);
      if (!ignored && parser->is_done()) break;
    }
    co_return failed(ErrorCode::kUnavailable, request, "the response of",
                     ended ? "the server closed the connection" : read_error.message());
  }
  reusable_ = parser->keep_alive() && in_.empty() && !parser->need_eof();
  response.body = body.take();
  co_return response;
}

}  // namespace millstream
