#include "streams/token.h"

#include <cstdint>
#include <cstring>
#include <memory>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/base64.h"
#include "base/result.h"

namespace millstream::streams {
namespace {

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// A cipher of one direction with the key schedule of the key it met last.
class Cipher {
 public:
  explicit Cipher(bool encrypts) : encrypts_(encrypts), context_(EVP_CIPHER_CTX_new()) {
    MS_ASSERT(context_ != nullptr);
  }

  EVP_CIPHER_CTX* with(const TokenKey& key) {
    if (!has_key_ || key != key_) {
      MS_ASSERT(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr,
                                  encrypts_) == 1);
      key_ = key;
      has_key_ = true;
    }
    return context_.get();
  }

 private:
  bool encrypts_;
  bool has_key_ = false;
  TokenKey key_{};
  std::unique_ptr<EVP_CIPHER_CTX, CipherFree> context_;
};

// Nonces that never repeat under one key: 7 random bytes of this thread, then a count. Random
// nonces alone would collide too soon: one is used for every GetRecords.
class Nonces {
 public:
  void next(unsigned char* out) {
    if (count_ == 0) MS_ASSERT(RAND_bytes(prefix_, sizeof prefix_) == 1);
    std::memcpy(out, prefix_, sizeof prefix_);
    std::memcpy(out + sizeof prefix_, &count_, kCountBytes);
    count_ = (count_ + 1) & ((uint64_t{1} << (8 * kCountBytes)) - 1);
  }

 private:
  static constexpr size_t kCountBytes = 5;
  unsigned char prefix_[kTokenNonceSize - kCountBytes];
  uint64_t count_ = 0;
};

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

}  // namespace

std::string seal_token(const TokenKey& key, std::string_view purpose, std::string_view plain) {
  thread_local Cipher cipher(true);
  thread_local Nonces nonces;
  EVP_CIPHER_CTX* context = cipher.with(key);
  std::string sealed(plain.size() + kTokenOverhead, '\0');
  nonces.next(bytes(sealed.data()));
  int length = 0;
  const bool done =
      EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, bytes(sealed.data())) == 1 &&
      EVP_EncryptUpdate(context, nullptr, &length, bytes(purpose.data()),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_EncryptUpdate(context, bytes(sealed.data()) + kTokenNonceSize, &length,
                        bytes(plain.data()), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context, nullptr, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTokenTagSize,
                          sealed.data() + kTokenNonceSize + plain.size()) == 1;
  MS_ASSERT(done);
  return sealed;
}

std::optional<std::string> open_token(const TokenKey& key, std::string_view purpose,
                                      std::string_view sealed) {
  if (sealed.size() < kTokenOverhead) return std::nullopt;
  thread_local Cipher cipher(false);
  EVP_CIPHER_CTX* context = cipher.with(key);
  const size_t size = sealed.size() - kTokenOverhead;
  std::string plain(size, '\0');
  std::array<char, kTokenTagSize> tag;
  std::memcpy(tag.data(), sealed.data() + kTokenNonceSize + size, tag.size());
  int length = 0;
  const bool authentic =
      EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, bytes(sealed.data())) == 1 &&
      EVP_DecryptUpdate(context, nullptr, &length, bytes(purpose.data()),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(context, bytes(plain.data()), &length,
                        bytes(sealed.data()) + kTokenNonceSize, static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTokenTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context, nullptr, &length) == 1;
  if (!authentic) return std::nullopt;
  return plain;
}

std::string seal_token_text(const TokenKey& key, std::string_view purpose, std::string_view plain) {
  return base64_encode(seal_token(key, purpose, plain));
}

std::optional<std::string> open_token_text(const TokenKey& key, std::string_view purpose,
                                           std::string_view text) {
  const auto sealed = base64_decode(text);
  // Only the one spelling that base64_encode gives: unused bits of the last character are zero.
  if (!sealed || base64_encode(*sealed) != text) return std::nullopt;
  return open_token(key, purpose, *sealed);
}

}  // namespace millstream::streams
