// The bytes of one connection: a TCP socket, with TLS on top of it once accept_tls() is done.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "base/async.h"
#include "http/loops.h"

namespace millstream {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Loops::Executor>;
using ErrorOf = boost::system::error_code;

// Threads: the socket's loop. One read and one write may be under way at the same time.
class Transport {
 public:
  explicit Transport(TcpSocket socket);

  bool tls() const { return tls_.has_value(); }
  bool alpn_is_h2() const;
  TcpSocket& socket() { return socket_; }

  // The server's side of a TLS handshake. `received` are its bytes that were read already.
  awaitable<ErrorOf> accept_tls(asio::ssl::context& context, std::string_view received);

  // At least one byte, or an error.
  awaitable<size_t> read_some(asio::mutable_buffer into, ErrorOf& error) {
    error = {};
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (tls_) return tls_->async_read_some(into, token);
    return socket_.async_read_some(into, token);
  }

  // Writes what the kernel takes at once, and removes it from `parts`. Returns whether all was
  // written. With TLS nothing is written.
  bool try_write(std::span<asio::const_buffer>& parts, ErrorOf& error);
  // Writes all. `progress` is called with the size of each piece.
  template <class Progress>
  awaitable<ErrorOf> write(std::span<asio::const_buffer> parts, Progress progress) {
    ErrorOf error;
    while (!try_write(parts, error)) {
      if (error) break;
      size_t written = 0;
      if (tls_) {
        written = co_await tls_->async_write_some(parts,
                                                  asio::redirect_error(asio::use_awaitable, error));
      } else {
        written = co_await socket_.async_write_some(
            parts, asio::redirect_error(asio::use_awaitable, error));
      }
      if (error) break;
      drop(parts, written);
      progress(written);
    }
    co_return error;
  }

  // Tells the peer that no more comes (TLS: close_notify). Best effort.
  awaitable<> end_writing();
  // Closes; what is under way ends with an error.
  void close();

 private:
  static void drop(std::span<asio::const_buffer>& parts, size_t bytes);

  TcpSocket socket_;
  std::optional<asio::ssl::stream<TcpSocket&>> tls_;
};

}  // namespace millstream
