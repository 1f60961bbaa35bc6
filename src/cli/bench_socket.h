// A TCP connection of the benchmark, with TLS on top of it if wanted.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "base/result.h"

namespace millstream::cli {

struct Endpoint {
  std::string host;  // a literal address or a name
  uint16_t port = 0;
  std::shared_ptr<SSL_CTX> tls;  // none: plain text
};

// For Endpoint::tls. `ca_file`: PEM of further CAs, may be empty. Unless `insecure`, the server's
// certificate and its name are verified. Errors: kInvalidArgument (the CA file).
Result<std::shared_ptr<SSL_CTX>> client_tls(const std::string& ca_file, bool insecure);

// Blocking until set_nonblocking(). Threads: one at a time.
class BenchSocket {
 public:
  // Connects and shakes hands. Errors: kUnavailable, with the reason.
  static Result<BenchSocket> open(const Endpoint& endpoint);
  BenchSocket(BenchSocket&& other) noexcept;
  BenchSocket& operator=(BenchSocket&& other) noexcept;
  ~BenchSocket();

  int descriptor() const { return descriptor_; }
  void set_nonblocking();

  // The number of bytes moved; 0: none without waiting; -1: the connection is lost, for reason().
  // What receive() returned 0 for must be asked for again only once the descriptor is readable.
  ssize_t send(std::string_view bytes);
  ssize_t receive(std::span<char> into);
  const std::string& reason() const { return reason_; }

 private:
  struct FreeSession {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  explicit BenchSocket(int descriptor) : descriptor_(descriptor) {}
  Result<> shake_hands(const Endpoint& endpoint);
  // Of the system call or of OpenSSL that returned `result`.
  ssize_t failed_call(ssize_t result);
  ssize_t failed_tls(int result);
  ssize_t lose(std::string reason);

  int descriptor_;
  std::unique_ptr<SSL, FreeSession> tls_;
  std::string reason_;
};

}  // namespace millstream::cli
