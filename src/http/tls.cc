#include "http/tls.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http/certificate.h"

namespace millstream {
namespace {

// ALPN's wire form, the preferred first.
constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, kProtocols,
                                          sizeof kProtocols - 1, offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? reason : "unknown reason";
}

TlsContext make_context() {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Forward secret and authenticated ciphers: what HTTP/2 allows (RFC 9113, 9.2.2).
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  SSL_CTX_set_num_tickets(raw, 1);  // for resumption; clients open connections one by one
  static constexpr unsigned char kSessions[] = "millstream";
  SSL_CTX_set_session_id_context(raw, kSessions, sizeof kSessions - 1);
  // At 16 KiB a record the cipher is most of the cost, and AES-128 the fastest; a client without
  // AES instructions gets the ChaCha20 that it prefers.
  SSL_CTX_set_ciphersuites(
      raw, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS |  // idle connections are small
                            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);  // a record's head and its body in one system call
  return context;
}

std::unexpected<Error> file_failed(const char* what, const std::string& path) {
  const int reason = errno;
  ErrorCode code = reason == ENOENT                      ? ErrorCode::kNotFound
                   : reason == EACCES || reason == EPERM ? ErrorCode::kAccessDenied
                                                         : ErrorCode::kIo;
  return fail(code, "cannot {} {}: {}", what, path, std::generic_category().message(reason));
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return file_failed("read", path);
  return text.str();
}

// Replaces the file durably; the mode holds from its first byte.
Result<> write_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string part = path + ".new";
  ::unlink(part.c_str());
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return file_failed("create", part);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  if (!written) {
    auto error = file_failed("write", part);
    ::close(fd);
    return error;
  }
  ::close(fd);
  if (::rename(part.c_str(), path.c_str()) != 0) return file_failed("replace", path);
  return {};
}

Result<Identity> read_identity(const std::string& certificate_file, const std::string& key_file) {
  TRY_ASSIGN(std::string certificate, read_file(certificate_file));
  TRY_ASSIGN(std::string key, read_file(key_file));
  Identity found{certificate_of_pem(certificate), key_of_pem(key)};
  ERR_clear_error();
  if (!found.certificate) {
    return fail(ErrorCode::kCorruption,
                "{} is no PEM certificate: remove it to have a new one made", certificate_file);
  }
  if (!found.key) {
    return fail(ErrorCode::kCorruption, "{} is no PEM key: remove it and {} to have new ones made",
                key_file, certificate_file);
  }
  return found;
}

Result<> write_identity(const Identity& identity, const std::string& certificate_file,
                        const std::string& key_file) {
  // The key first: a certificate is there only with its key.
  TRY(write_file(key_file, to_pem(*identity.key), 0600));
  return write_file(certificate_file, to_pem(*identity.certificate), 0644);
}

// Two processes that start at once must not each make a CA.
class FolderLock {
 public:
  static Result<std::unique_ptr<FolderLock>> take(const std::string& folder) {
    // Parents are the caller's; a data directory exists by now.
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return file_failed("make the folder", folder);
    }
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return file_failed("open the folder", folder);
    auto lock = std::unique_ptr<FolderLock>(new FolderLock(fd));
    if (::flock(fd, LOCK_EX) != 0) return file_failed("lock the folder", folder);
    return lock;
  }
  ~FolderLock() { ::close(fd_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

Result<Identity> authority_in(const std::string& folder) {
  const std::string certificate_file = folder + "/ca.pem";
  const std::string key_file = folder + "/ca.key";
  if (::access(certificate_file.c_str(), F_OK) == 0) {
    return read_identity(certificate_file, key_file);
  }
  TRY_ASSIGN(Identity made, make_authority("Millstream CA of " + host_name()));
  TRY(write_identity(made, certificate_file, key_file));
  return made;
}

}  // namespace

Result<TlsContext> load_tls_context(const std::string& certificate_file,
                                    const std::string& key_file) {
  for (const std::string& file : {certificate_file, key_file}) {
    if (::access(file.c_str(), R_OK) != 0) return file_failed("read", file);
  }
  TlsContext context = make_context();
  SSL_CTX* raw = context->native_handle();
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1) {
    return fail(ErrorCode::kInvalidArgument, "{} is no PEM certificate chain: {}", certificate_file,
                openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is no PEM key without a password, or not the key of {}: {}", key_file,
                certificate_file, openssl_reason());
  }
  return context;
}

Result<TlsContext> generated_tls_context(const std::string& folder,
                                         const std::vector<std::string>& extra_names) {
  TRY_ASSIGN(auto lock, FolderLock::take(folder));
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  auto add = [&names](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  add(host_name());
  for (const std::string& name : extra_names) add(name);

  TRY_ASSIGN(Identity authority, authority_in(folder));
  const std::string certificate_file = folder + "/server.pem";
  const std::string key_file = folder + "/server.key";
  auto server = read_identity(certificate_file, key_file);
  if (!server && server.error().code != ErrorCode::kNotFound) {
    return std::unexpected(std::move(server).error());
  }
  if (!server || !is_still_good(*server, authority, names)) {
    TRY_ASSIGN(Identity made, make_server_identity(authority, names));
    TRY(write_identity(made, certificate_file, key_file));
  }
  return load_tls_context(certificate_file, key_file);
}

Result<std::string> generated_ca_pem(const std::string& folder) {
  TRY_ASSIGN(auto lock, FolderLock::take(folder));
  TRY_ASSIGN(Identity authority, authority_in(folder));
  return to_pem(*authority.certificate);
}

}  // namespace millstream
