#include "cli/bench_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <openssl/err.h>

namespace millstream::cli {
namespace {

constexpr size_t kMostAtOnce = size_t{1} << 30;  // OpenSSL counts in int

std::string system_reason(int error) { return std::generic_category().message(error); }

std::string tls_reason() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

Result<int> connect_to(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(),
                                    &hints, &found)) {
    return fail(ErrorCode::kUnavailable, "{}: {}", endpoint.host, gai_strerror(error));
  }
  int connected = -1;
  int error = 0;
  for (const auto* address = found; address != nullptr && connected < 0;
       address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
      connected = fd;
    } else {
      error = errno;
      if (fd >= 0) close(fd);
    }
  }
  freeaddrinfo(found);
  if (connected < 0) {
    return fail(ErrorCode::kUnavailable, "nothing answers at {}:{}: {}", endpoint.host,
                endpoint.port, system_reason(error));
  }
  const int one = 1;
  setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return connected;
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

Result<std::shared_ptr<SSL_CTX>> client_tls(const std::string& ca_file, bool insecure) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  MS_ASSERT(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_verify_paths(context.get());
  if (!ca_file.empty() &&
      SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    return fail(ErrorCode::kInvalidArgument, "cannot read CAs from {}: {}", ca_file, tls_reason());
  }
  SSL_CTX_set_verify(context.get(), insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  return context;
}

Result<BenchSocket> BenchSocket::open(const Endpoint& endpoint) {
  TRY_ASSIGN(const int descriptor, connect_to(endpoint));
  BenchSocket socket(descriptor);
  if (endpoint.tls) TRY(socket.shake_hands(endpoint));
  return socket;
}

BenchSocket::BenchSocket(BenchSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      tls_(std::move(other.tls_)),
      reason_(std::move(other.reason_)) {}

BenchSocket& BenchSocket::operator=(BenchSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(tls_, other.tls_);
  std::swap(reason_, other.reason_);
  return *this;
}

BenchSocket::~BenchSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<> BenchSocket::shake_hands(const Endpoint& endpoint) {
  tls_.reset(SSL_new(endpoint.tls.get()));
  MS_ASSERT(tls_ != nullptr);
  SSL_set_fd(tls_.get(), descriptor_);
  if (is_address(endpoint.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), endpoint.host.c_str());
  } else {
    SSL_set1_host(tls_.get(), endpoint.host.c_str());
    SSL_set_tlsext_host_name(tls_.get(), endpoint.host.c_str());
  }
  ERR_clear_error();
  if (SSL_connect(tls_.get()) == 1) return {};
  const long verified = SSL_get_verify_result(tls_.get());
  return fail(ErrorCode::kUnavailable, "TLS with {}:{}: {}", endpoint.host, endpoint.port,
              verified == X509_V_OK ? tls_reason() : X509_verify_cert_error_string(verified));
}

void BenchSocket::set_nonblocking() { fcntl(descriptor_, F_SETFL, O_NONBLOCK); }

ssize_t BenchSocket::send(std::string_view bytes) {
  if (tls_) {
    ERR_clear_error();
    const int size = static_cast<int>(std::min(bytes.size(), kMostAtOnce));
    const int sent = SSL_write(tls_.get(), bytes.data(), size);
    return sent > 0 ? sent : failed_tls(sent);
  }
  const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent > 0 ? sent : failed_call(sent);
}

ssize_t BenchSocket::receive(std::span<char> into) {
  if (tls_) {
    ERR_clear_error();
    const int size = static_cast<int>(std::min(into.size(), kMostAtOnce));
    const int received = SSL_read(tls_.get(), into.data(), size);
    return received > 0 ? received : failed_tls(received);
  }
  const ssize_t received = ::recv(descriptor_, into.data(), into.size(), 0);
  return received > 0 ? received : failed_call(received);
}

ssize_t BenchSocket::failed_call(ssize_t result) {
  if (result == 0) return lose("closed by the server");
  if (errno == EAGAIN) return 0;
  return lose(system_reason(errno));
}

ssize_t BenchSocket::failed_tls(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      return lose("closed by the server");
    case SSL_ERROR_SYSCALL:
      return lose(errno == 0 ? "closed by the server" : system_reason(errno));
    default:
      return lose(tls_reason());
  }
}

ssize_t BenchSocket::lose(std::string reason) {
  reason_ = std::move(reason);
  return -1;
}

}  // namespace millstream::cli
