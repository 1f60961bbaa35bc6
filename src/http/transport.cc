#include "http/transport.h"

#include <boost/asio/ssl/error.hpp>

namespace millstream {

Transport::Transport(TcpSocket socket) : socket_(std::move(socket)) {
  ErrorOf ignored;
  socket_.non_blocking(true, ignored);
  // Responses are written whole: waiting for more to send (Nagle) only costs time.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

bool Transport::alpn_is_h2() const {
  if (!tls_) return false;
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(const_cast<asio::ssl::stream<TcpSocket&>&>(*tls_).native_handle(), &name,
                         &length);
  return std::string_view(reinterpret_cast<const char*>(name), length) == "h2";
}

awaitable<ErrorOf> Transport::accept_tls(asio::ssl::context& context, std::string_view received) {
  tls_.emplace(socket_, context);
  ErrorOf error;
  co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                 asio::buffer(received.data(), received.size()),
                                 asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

bool Transport::try_write(std::span<asio::const_buffer>& parts, ErrorOf& error) {
  while (!parts.empty() && parts.front().size() == 0) parts = parts.subspan(1);
  if (parts.empty()) return true;
  if (tls_) return false;
  size_t written = socket_.write_some(parts, error);
  if (error == asio::error::would_block) {
    error = {};
    return false;
  }
  if (error) return false;
  drop(parts, written);
  return parts.empty();
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
  if (tls_) {
    // Sends close_notify, and waits for the peer's (or its end); the connection's closing time
    // limits that.
    co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Transport::close() {
  ErrorOf ignored;
  socket_.close(ignored);
}

}  // namespace millstream
