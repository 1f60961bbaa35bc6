#include "http/certificate.h"

#include <ctime>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace millstream {
namespace {

constexpr int kDay = 24 * 60 * 60;
constexpr int kAuthorityDays = 3650;
constexpr int kServerDays = 397;  // the most that browsers take
constexpr int kRenewDays = 30;
constexpr int kSerialBits = 127;

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

bool is_address(const std::string& name) {
  boost::system::error_code error;
  boost::asio::ip::make_address(name, error);
  return !error;
}

std::unexpected<Error> openssl_failed(const char* what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return fail(ErrorCode::kInternal, "cannot {}: {}", what, text);
}

bool add_extension(X509* to, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(to, extension.get(), -1) == 1;
}

// A certificate with all but its extensions and signature.
Result<Identity> blank(const std::string& common_name, int days) {
  Identity made{Certificate(X509_new()), PrivateKey(EVP_EC_gen("P-256"))};
  if (!made.certificate || !made.key) return openssl_failed("make a key");
  X509* x509 = made.certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  std::unique_ptr<BIGNUM, FreeWith<BN_free>> serial(BN_new());
  if (!serial || BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1) {
    return openssl_failed("make a serial number");
  }
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509));
  X509_gmtime_adj(X509_getm_notBefore(x509), -kDay);  // clients' clocks may be behind
  X509_time_adj_ex(X509_getm_notAfter(x509), days, 0, nullptr);
  X509_NAME* name = X509_get_subject_name(x509);
  auto add = [name](const char* key, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  };
  add("O", "Millstream");
  add("CN", common_name.substr(0, 64));  // X.520: at most 64 characters
  if (X509_set_pubkey(x509, made.key.get()) != 1) return openssl_failed("use a key");
  return made;
}

}  // namespace

Result<Identity> make_authority(const std::string& common_name) {
  TRY_ASSIGN(Identity made, blank(common_name, kAuthorityDays));
  X509* x509 = made.certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  const bool good =
      add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(x509, x509, NID_subject_key_identifier, "hash") &&
      X509_sign(x509, made.key.get(), EVP_sha256()) > 0;
  if (!good) return openssl_failed("sign the certificate authority");
  return made;
}

Result<Identity> make_server_identity(const Identity& authority,
                                      const std::vector<std::string>& names) {
  MS_ASSERT(!names.empty());
  TRY_ASSIGN(Identity made, blank(names.front(), kServerDays));
  X509* x509 = made.certificate.get();
  X509* issuer = authority.certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(issuer));
  std::string alternatives;
  for (const std::string& name : names) {
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  const bool good = add_extension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(x509, issuer, NID_key_usage, "critical,digitalSignature") &&
                    add_extension(x509, issuer, NID_ext_key_usage, "serverAuth") &&
                    add_extension(x509, issuer, NID_subject_key_identifier, "hash") &&
                    add_extension(x509, issuer, NID_authority_key_identifier, "keyid:always") &&
                    add_extension(x509, issuer, NID_subject_alt_name, alternatives) &&
                    X509_sign(x509, authority.key.get(), EVP_sha256()) > 0;
  if (!good) return openssl_failed("sign the server's certificate");
  return made;
}

bool is_still_good(const Identity& server, const Identity& authority,
                   const std::vector<std::string>& names) {
  X509* x509 = server.certificate.get();
  if (X509_check_private_key(x509, server.key.get()) != 1) return false;
  if (X509_verify(x509, X509_get0_pubkey(authority.certificate.get())) != 1) return false;
  std::time_t renewal = std::time(nullptr) + std::time_t{kRenewDays} * kDay;
  if (X509_cmp_time(X509_get0_notAfter(x509), &renewal) <= 0) return false;
  for (const std::string& name : names) {
    const int found = is_address(name)
                          ? X509_check_ip_asc(x509, name.c_str(), 0)
                          : X509_check_host(x509, name.c_str(), name.size(), 0, nullptr);
    if (found != 1) return false;
  }
  return true;
}

std::string to_pem(const X509& certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  MS_ASSERT(PEM_write_bio_X509(bio.get(), &certificate) == 1);
  char* text = nullptr;
  auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string to_pem(const EVP_PKEY& key) {
  Bio bio(BIO_new(BIO_s_mem()));
  MS_ASSERT(PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) ==
            1);
  char* text = nullptr;
  auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

Certificate certificate_of_pem(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

PrivateKey key_of_pem(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return PrivateKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace millstream
