#include "base/hash.h"

// The low-level digest calls: no allocation and no look-up of a provider for each call, which
// costs more than a short input's digest.
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#include <cstring>

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

namespace millstream {
namespace {

constexpr size_t kSha256Block = 64;

Sha256 finish(SHA256_CTX& context) {
  Sha256 digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  return finish(context);
}

// RFC 2104.
Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  unsigned char block[kSha256Block] = {};
  if (key.size() > kSha256Block) {
    const Sha256 digest = sha256(key);
    std::memcpy(block, digest.data(), digest.size());
  } else if (!key.empty()) {
    std::memcpy(block, key.data(), key.size());
  }
  for (unsigned char& byte : block) byte ^= 0x36;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block, sizeof block);
  SHA256_Update(&context, bytes.data(), bytes.size());
  const Sha256 inner = finish(context);
  for (unsigned char& byte : block) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Update(&context, block, sizeof block);
  SHA256_Update(&context, inner.data(), inner.size());
  OPENSSL_cleanse(block, sizeof block);
  return finish(context);
}

Md5 md5(std::string_view bytes) {
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, bytes.data(), bytes.size());
  Md5 digest;
  MD5_Final(digest.data(), &context);
  return digest;
}

std::string to_hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kDigits[bytes[i] >> 4];
    text[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return text;
}

bool equals_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace millstream
