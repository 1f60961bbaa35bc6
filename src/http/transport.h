// The bytes of one connection: a TCP socket, with TLS on top of it once accept_tls() is done.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>

#include "base/async.h"
#include "http/loops.h"
#include "http/tls_stream.h"

namespace millstream {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Loops::Executor>;
using ErrorOf = boost::system::error_code;

// Threads: the socket's loop. One read and one write may be under way at the same time.
class Transport {
 public:
  explicit Transport(TcpSocket socket);

  bool tls() const { return tls_ != nullptr; }
  bool alpn_is_h2() const { return tls_ && tls_->alpn_is_h2(); }
  TcpSocket& socket() { return socket_; }

  // The server's side of a TLS handshake. `received` are its bytes that were read already.
  awaitable<ErrorOf> accept_tls(asio::ssl::context& context, std::string_view received);

  // At least one byte, or an error.
  awaitable<size_t> read_some(asio::mutable_buffer into, ErrorOf& error) {
    error = {};
    if (tls_) return read_tls(into, error);
    return socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  }

  // Writes what the kernel takes at once, and removes it from `parts`. Returns whether all was
  // written. What is left must be written next.
  bool try_write(std::span<asio::const_buffer>& parts, ErrorOf& error);
  // Writes all. `progress` is called with the size of each piece.
  template <class Progress>
  awaitable<ErrorOf> write(std::span<asio::const_buffer> parts, Progress progress) {
    ErrorOf error;
    while (true) {
      const size_t left = asio::buffer_size(parts);
      const bool all = try_write(parts, error);
      progress(left - asio::buffer_size(parts));
      if (all || error) break;
      co_await socket_.async_wait(TcpSocket::wait_write,
                                  asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
    }
    co_return error;
  }

  // Tells the peer that no more comes (TLS: close_notify). Best effort.
  awaitable<> end_writing();
  // Closes; what is under way ends with an error.
  void close();
  // Closes with a reset: what the peer has not taken is thrown away, and it is told.
  void cut_off();

 private:
  static void drop(std::span<asio::const_buffer>& parts, size_t bytes);
  bool try_write_tls(std::span<asio::const_buffer>& parts, ErrorOf& error);
  awaitable<size_t> read_tls(asio::mutable_buffer into, ErrorOf& error);
  // Until the socket is as `outcome` wants it; an error if it can't be.
  awaitable<ErrorOf> wait_for(TlsStream::Outcome outcome);

  TcpSocket socket_;
  std::unique_ptr<TlsStream> tls_;
  int reads_at_once_ = 0;  // since the last one that waited
};

}  // namespace millstream
