// X.509 certificates of our own making: a certificate authority, and what it signs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/result.h"

namespace millstream {

template <auto kFree>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;

struct Identity {
  Certificate certificate;
  PrivateKey key;
};

// ECDSA P-256. Errors: kInternal, when OpenSSL has no randomness.
Result<Identity> make_authority(const std::string& common_name);
// `names`: DNS names and addresses; the first is the common name.
Result<Identity> make_server_identity(const Identity& authority,
                                      const std::vector<std::string>& names);

// Whether `server` was signed by `authority`, has all `names` and lasts another 30 days.
bool is_still_good(const Identity& server, const Identity& authority,
                   const std::vector<std::string>& names);

std::string to_pem(const X509& certificate);
std::string to_pem(const EVP_PKEY& key);  // PKCS #8, without a password
// Null if `pem` is none.
Certificate certificate_of_pem(const std::string& pem);
PrivateKey key_of_pem(const std::string& pem);

}  // namespace millstream
