#include "streams/master_keys.h"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>

#include "base/random.h"
#include "base/text.h"

namespace millstream::streams {
namespace {

constexpr std::string_view kAlias = "alias/";
constexpr std::string_view kKey = "key/";
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kWrappedSize = kNonceSize + SecretKey::kSize + kTagSize;

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Keys are wrapped rarely: a cipher of its own for each, so that none keeps a master key.
CipherContext start_cipher(const SecretKey& master, const unsigned char* nonce,
                           std::string_view context, bool wraps) {
  CipherContext cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  MS_ASSERT(cipher != nullptr &&
            EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, master.bytes.data(), nonce,
                              wraps) == 1 &&
            EVP_CipherUpdate(cipher.get(), nullptr, &length, bytes(context),
                             static_cast<int>(context.size())) == 1);
  return cipher;
}

Blob wrap_with(const SecretKey& master, const SecretKey& data_key, std::string_view context) {
  Blob wrapped(kWrappedSize);
  auto* out = reinterpret_cast<unsigned char*>(wrapped.data());
  fill_random({out, kNonceSize});
  const CipherContext cipher = start_cipher(master, out, context, true);
  int length = 0;
  MS_ASSERT(EVP_EncryptUpdate(cipher.get(), out + kNonceSize, &length, data_key.bytes.data(),
                              SecretKey::kSize) == 1 &&
            EVP_EncryptFinal_ex(cipher.get(), out + kNonceSize + length, &length) == 1 &&
            EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize,
                                out + kNonceSize + SecretKey::kSize) == 1);
  return wrapped;
}

// False: not what that master key wrapped in that context.
bool unwrap_with(const SecretKey& master, const Blob& wrapped, std::string_view context,
                 SecretKey& data_key) {
  if (wrapped.size() != kWrappedSize) return false;
  Blob in = wrapped;  // OpenSSL takes the tag as if it wrote it
  auto* from = reinterpret_cast<unsigned char*>(in.data());
  const CipherContext cipher = start_cipher(master, from, context, false);
  int length = 0;
  return EVP_DecryptUpdate(cipher.get(), data_key.bytes.data(), &length, from + kNonceSize,
                           SecretKey::kSize) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize,
                             from + kNonceSize + SecretKey::kSize) == 1 &&
         EVP_DecryptFinal_ex(cipher.get(), data_key.bytes.data() + length, &length) == 1;
}

std::string arn_of(std::string_view resource, const KeyUser& user) {
  return fmt::format("arn:aws:kms:{}:{}:{}", user.region, user.account, resource);
}

std::string arn_of(const MasterKey& key, const KeyUser& user) {
  return arn_of(fmt::format("{}{}", kKey, key.id), user);
}

std::unexpected<Error> no_such_key(std::string_view id, const KeyUser& user) {
  return fail(ErrorCode::kKeyNotFound, "Key '{}' does not exist",
              arn_of(fmt::format("{}{}", kKey, id), user));
}

struct KeyName {
  std::string text;  // "alias/orders", or a UUID
  std::string account;
};

Result<KeyName> parse_key_id(std::string_view key_id, const KeyUser& user) {
  if (!key_id.starts_with("arn:")) return KeyName{std::string(key_id), {}};
  // arn:aws:kms:REGION:ACCOUNT:key/UUID or …:alias/NAME
  const auto parts = split(key_id, ':');
  constexpr size_t kParts = 6;
  if (parts.size() != kParts || parts[2] != "kms") {
    return fail(ErrorCode::kKeyNotFound, "Invalid arn {}", key_id);
  }
  if (parts[3] != user.region) return fail(ErrorCode::kKeyNotFound, "Invalid arn {}", parts[3]);
  const std::string_view resource = parts[5];
  const bool is_key = resource.starts_with(kKey);
  if (!is_key && !resource.starts_with(kAlias)) {
    return fail(ErrorCode::kKeyNotFound, "Invalid arn {}", key_id);
  }
  return KeyName{std::string(is_key ? resource.substr(kKey.size()) : resource),
                 std::string(parts[4])};
}

Result<> check_usable(const MasterKey& key, const KeyUser& user) {
  if (!key.account.empty() && key.account != user.account) {
    return fail(ErrorCode::kKeyAccessDenied,
                "Account {} is not authorized to use key {}: it is of account {}.", user.account,
                key.id, key.account);
  }
  if (!key.enabled) {
    return fail(ErrorCode::kKeyDisabled, "{} is disabled.", arn_of(key, user));
  }
  return {};
}

}  // namespace

MasterKey new_master_key(std::vector<std::string> aliases, TimeMs now_ms) {
  MasterKey key;
  key.id = uuid_v4();
  key.aliases = std::move(aliases);
  rotate(key, now_ms);
  return key;
}

void rotate(MasterKey& key, TimeMs now_ms) {
  MasterKeyVersion version;
  version.number = key.versions.empty() ? 1 : key.versions.back().number + 1;
  version.created_ms = now_ms;
  fill_random(version.secret.bytes);
  key.versions.push_back(version);
}

const MasterKey* find_key(std::span<const MasterKey> keys, std::string_view name) {
  const auto found = std::ranges::find_if(keys, [name](const MasterKey& key) {
    return key.id == name || std::ranges::find(key.aliases, name) != key.aliases.end();
  });
  return found == keys.end() ? nullptr : &*found;
}

MasterKeys::MasterKeys(std::vector<MasterKey> keys, MakeDefault make_default)
    : keys_(std::make_shared<const Keys>(std::move(keys))),
      make_default_(std::move(make_default)) {}

std::shared_ptr<const MasterKeys::Keys> MasterKeys::keys() const {
  std::lock_guard lock(mutex_);
  return keys_;
}

void MasterKeys::replace(std::vector<MasterKey> keys) {
  auto shared = std::make_shared<const Keys>(std::move(keys));
  std::lock_guard lock(mutex_);
  keys_ = std::move(shared);
}

bool MasterKeys::lacks_default(std::string_view key_id) const {
  return key_id.ends_with(kDefaultKeyAlias) && make_default_ && keys()->empty();
}

Result<> MasterKeys::make_default() {
  std::lock_guard making(making_mutex_);
  if (!keys()->empty()) return {};
  TRY_ASSIGN(std::vector<MasterKey> made, make_default_());
  replace(std::move(made));
  return {};
}

Result<MasterKeyRef> MasterKeys::resolve(std::string_view key_id, const KeyUser& user) const {
  TRY_ASSIGN(const KeyName name, parse_key_id(key_id, user));
  const auto all = keys();
  const MasterKey* key = find_key(*all, name.text);
  const std::string& owner = key != nullptr && !key->account.empty() ? key->account : user.account;
  if (key == nullptr || (!name.account.empty() && name.account != owner)) {
    if (!name.text.starts_with(kAlias)) return no_such_key(name.text, user);
    return fail(ErrorCode::kKeyNotFound, "Alias {} is not found.", arn_of(name.text, user));
  }
  TRY(check_usable(*key, user));
  MS_ASSERT(!key->versions.empty());
  return MasterKeyRef{key->id, key->versions.back().number};
}

Result<const SecretKey*> MasterKeys::secret_of(const Keys& keys, const MasterKeyRef& ref,
                                               const KeyUser& user) const {
  const MasterKey* key = find_key(keys, ref.id);
  if (key == nullptr) return no_such_key(ref.id, user);
  TRY(check_usable(*key, user));
  const auto version = std::ranges::find(key->versions, ref.version, &MasterKeyVersion::number);
  if (version == key->versions.end()) {
    return fail(ErrorCode::kKeyInvalidState,
                "{} has no version {} any more, which wraps data keys of this stream.",
                arn_of(*key, user), ref.version);
  }
  return &version->secret;
}

Result<Blob> MasterKeys::wrap(const MasterKeyRef& ref, const SecretKey& data_key,
                              std::string_view context, const KeyUser& user) const {
  const auto all = keys();
  TRY_ASSIGN(const SecretKey* secret, secret_of(*all, ref, user));
  return wrap_with(*secret, data_key, context);
}

Result<SecretKey> MasterKeys::unwrap(const MasterKeyRef& ref, const Blob& wrapped,
                                     std::string_view context, const KeyUser& user) const {
  const auto all = keys();
  TRY_ASSIGN(const SecretKey* secret, secret_of(*all, ref, user));
  SecretKey data_key;
  if (!unwrap_with(*secret, wrapped, context, data_key)) {
    return fail(ErrorCode::kKeyInvalidState,
                "Version {} of key {} is not the one that wrapped a data key of this stream: the "
                "key file holds another secret under its id.",
                ref.version, ref.id);
  }
  return data_key;
}

}  // namespace millstream::streams
