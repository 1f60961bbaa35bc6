// Server certificates: loaded from PEM files, or made by a certificate authority of our own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "base/async.h"
#include "base/result.h"

namespace millstream {

using TlsContext = std::shared_ptr<asio::ssl::context>;

// Makes a server context: TLS 1.2 and 1.3, ALPN h2 and http/1.1, session resumption.
// `certificate_file`: PEM, the server's certificate first, then its chain. `key_file`: PEM,
// without a password.
// Errors: kNotFound or kInvalidArgument, with the file's name and the reason.
Result<TlsContext> load_tls_context(const std::string& certificate_file,
                                    const std::string& key_file);

// The same with a certificate of our own. In `folder` (made if missing, mode 0700) stand ca.pem,
// ca.key, server.pem, server.key (keys with mode 0600); they are made when missing and reused
// afterwards, so that clients need to trust ca.pem once. The server's certificate is made anew,
// by the same CA, when it expires within 30 days or lacks one of the names.
// Names: localhost, 127.0.0.1, ::1, the host's name, and `extra_names` (DNS names or addresses).
// Keys:  ECDSA P-256; the CA is valid for 10 years, the certificate for 397 days.
// Blocking. Errors: kIo, kAccessDenied, kCorruption (a file is no PEM; the message says which).
Result<TlsContext> generated_tls_context(const std::string& folder,
                                         const std::vector<std::string>& extra_names = {});

// The PEM text of the CA in `folder`, made if missing: what `millstream cert` prints.
Result<std::string> generated_ca_pem(const std::string& folder);

}  // namespace millstream
