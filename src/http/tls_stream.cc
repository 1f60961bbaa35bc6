#include "http/tls_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "base/result.h"

namespace millstream {
namespace {

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

// What OpenSSL reads from and writes to: first `received_`, then the socket.
struct TlsStream::Bio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, size_t size, size_t* bytes) {
    BIO_clear_retry_flags(bio);
    TlsStream& self = stream(bio);
    if (!self.received_.empty()) {
      *bytes = std::min(size, self.received_.size());
      std::memcpy(into, self.received_.data(), *bytes);
      self.received_.erase(0, *bytes);
      return 1;
    }
    const ssize_t received = ::recv(self.socket_, into, size, 0);
    if (received > 0) {
      *bytes = static_cast<size_t>(received);
      return 1;
    }
    if (received < 0 && would_block(errno)) BIO_set_retry_read(bio);
    if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return 0;
  }

  static int write(BIO* bio, const char* from, size_t size, size_t* bytes) {
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(stream(bio).socket_, from, size, MSG_NOSIGNAL);
    if (sent > 0) {
      *bytes = static_cast<size_t>(sent);
      return 1;
    }
    if (sent < 0 && would_block(errno)) BIO_set_retry_write(bio);
    return 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* all = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls_stream");
      MS_ASSERT(all != nullptr);
      BIO_meth_set_read_ex(all, read);
      BIO_meth_set_write_ex(all, write);
      BIO_meth_set_ctrl(all, control);
      return all;
    }();
    return made;
  }
};

TlsStream::TlsStream(SSL_CTX& context, int socket, std::string_view received)
    : received_(received), socket_(socket), session_(SSL_new(&context)) {
  MS_ASSERT(session_ != nullptr);
  BIO* const bio = BIO_new(Bio::method());
  MS_ASSERT(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_accept_state(session_.get());
}

TlsStream::Outcome TlsStream::handshake() {
  ERR_clear_error();
  return outcome_of(SSL_do_handshake(session_.get()));
}

TlsStream::Outcome TlsStream::read(std::span<char> into, size_t& bytes) {
  bytes = 0;
  while (bytes < into.size()) {
    size_t read = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(session_.get(), into.data() + bytes, into.size() - bytes, &read);
    // An end or a failure comes again with the next call.
    if (result != 1) return bytes > 0 ? Outcome::kDone : outcome_of(result);
    bytes += read;
  }
  return Outcome::kDone;
}

TlsStream::Outcome TlsStream::write(std::span<const asio::const_buffer> parts, size_t& bytes) {
  bytes = 0;
  // Small parts go into one record.
  static thread_local std::array<char, kRecord> joined;
  const void* from = parts.front().data();
  size_t size = parts.front().size();
  if (size < kRecord && parts.size() > 1) {
    size = asio::buffer_copy(asio::buffer(joined), parts);
    from = joined.data();
  }
  ERR_clear_error();
  return outcome_of(SSL_write_ex(session_.get(), from, size, &bytes));
}

TlsStream::Outcome TlsStream::end() {
  ERR_clear_error();
  const int result = SSL_shutdown(session_.get());
  return result >= 0 ? Outcome::kDone : outcome_of(result);
}

bool TlsStream::alpn_is_h2() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(session_.get(), &name, &length);
  return std::string_view(reinterpret_cast<const char*>(name), length) == "h2";
}

TlsStream::Outcome TlsStream::outcome_of(int result) {
  if (result == 1) return Outcome::kDone;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::kReadable;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::kWritable;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::kEnd;
    default:
      return Outcome::kFailed;
  }
}

}  // namespace millstream
