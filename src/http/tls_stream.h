// The server's side of TLS on a socket that does not block, without an event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <openssl/ssl.h>

#include "base/async.h"

namespace millstream {

// Each step does what it can at once and says what it waits for. OpenSSL reads and writes the
// socket itself: no buffers between the two.
//
// Life cycle: the socket, which stays the caller's, outlives it.
// Threads:    one. A read and a write may wait at the same time.
class TlsStream {
 public:
  enum class Outcome : uint8_t {
    kDone,
    kReadable,  // try again once the socket is readable
    kWritable,  // or writable
    kEnd,       // the peer has ended its side
    kFailed
  };

  // `received`: bytes of the handshake that were read from the socket already.
  TlsStream(SSL_CTX& context, int socket, std::string_view received);

  Outcome handshake();
  // kDone: `bytes` of `into` were filled, at least one. Looks for more as long as there is room.
  Outcome read(std::span<char> into, size_t& bytes);
  // Writes at most a record of `parts`, of which there must be one that is not empty. After
  // kWritable the next call must begin with the same bytes.
  Outcome write(std::span<const asio::const_buffer> parts, size_t& bytes);
  // Tells the peer that no more comes (close_notify).
  Outcome end();

  bool alpn_is_h2() const;

 private:
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  struct Bio;
  Outcome outcome_of(int result);

  std::string received_;  // the part of it that OpenSSL has not read yet
  int socket_;
  std::unique_ptr<SSL, Free> session_;
};

}  // namespace millstream
