#include "http/transport.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace millstream {
namespace {

constexpr int kReadsAtOnce = 16;

}  // namespace

Transport::Transport(TcpSocket socket) : socket_(std::move(socket)) {
  ErrorOf ignored;
  socket_.non_blocking(true, ignored);
  // Responses are written whole: waiting for more to send (Nagle) only costs time.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

awaitable<ErrorOf> Transport::accept_tls(asio::ssl::context& context, std::string_view received) {
  tls_ = std::make_unique<TlsStream>(*context.native_handle(), socket_.native_handle(), received);
  ErrorOf error;
  TlsStream::Outcome outcome;
  while (!error && (outcome = tls_->handshake()) != TlsStream::Outcome::kDone) {
    error = co_await wait_for(outcome);
  }
  co_return error;
}

awaitable<ErrorOf> Transport::wait_for(TlsStream::Outcome outcome) {
  ErrorOf error;
  switch (outcome) {
    case TlsStream::Outcome::kReadable:
      co_await socket_.async_wait(TcpSocket::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
      break;
    case TlsStream::Outcome::kWritable:
      co_await socket_.async_wait(TcpSocket::wait_write,
                                  asio::redirect_error(asio::use_awaitable, error));
      break;
    case TlsStream::Outcome::kEnd:
      error = asio::error::eof;
      break;
    default:
      error = asio::error::connection_reset;
  }
  co_return error;
}

awaitable<size_t> Transport::read_tls(asio::mutable_buffer into, ErrorOf& error) {
  // A client that sends without a pause must not keep the loop from the others.
  if (++reads_at_once_ > kReadsAtOnce) {
    reads_at_once_ = 0;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  size_t bytes = 0;
  while (true) {
    const auto outcome = tls_->read({static_cast<char*>(into.data()), into.size()}, bytes);
    if (outcome == TlsStream::Outcome::kDone) break;
    reads_at_once_ = 0;
    error = co_await wait_for(outcome);
    if (error) break;
  }
  co_return bytes;
}

bool Transport::try_write(std::span<asio::const_buffer>& parts, ErrorOf& error) {
  while (!parts.empty() && parts.front().size() == 0) parts = parts.subspan(1);
  if (parts.empty()) return true;
  if (tls_) return try_write_tls(parts, error);
  size_t written = socket_.write_some(parts, error);
  if (error == asio::error::would_block) {
    error = {};
    return false;
  }
  if (error) return false;
  drop(parts, written);
  return parts.empty();
}

bool Transport::try_write_tls(std::span<asio::const_buffer>& parts, ErrorOf& error) {
  while (!parts.empty()) {
    size_t written = 0;
    const auto outcome = tls_->write(parts, written);
    if (outcome == TlsStream::Outcome::kWritable) return false;
    if (outcome != TlsStream::Outcome::kDone) {
      error = asio::error::connection_reset;
      return false;
    }
    drop(parts, written);
  }
  return true;
}

void Transport::drop(std::span<asio::const_buffer>& parts, size_t bytes) {
  while (!parts.empty() && bytes >= parts.front().size()) {
    bytes -= parts.front().size();
    parts = parts.subspan(1);
  }
  if (!parts.empty()) parts.front() += bytes;
}

awaitable<> Transport::end_writing() {
  ErrorOf ignored;
  TlsStream::Outcome outcome;
  while (tls_ && !ignored && (outcome = tls_->end()) != TlsStream::Outcome::kDone) {
    ignored = co_await wait_for(outcome);
  }
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Transport::close() {
  ErrorOf ignored;
  socket_.close(ignored);
}

void Transport::cut_off() {
  ErrorOf ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace millstream
