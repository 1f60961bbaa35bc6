// The master keys of this server: what AWS's Key Management Service is to Kinesis. They wrap data
// keys and touch no record.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "log/encrypted/data_key.h"
#include "meta/meta_store.h"

namespace millstream::streams {

// The key that streams use which name none of their own; made when it is first needed.
inline constexpr std::string_view kDefaultKeyAlias = "alias/aws/kinesis";

struct MasterKeyVersion {
  uint32_t number = 0;  // from 1
  TimeMs created_ms = 0;
  SecretKey secret;
};

struct MasterKey {
  std::string id;                    // a UUID
  std::vector<std::string> aliases;  // "alias/orders"
  std::string account;               // streams of this account only; empty: of every account
  bool enabled = true;
  // Ascending. The newest wraps, all unwrap.
  std::vector<MasterKeyVersion> versions;
};

// A key with one version, from random bytes.
MasterKey new_master_key(std::vector<std::string> aliases, TimeMs now_ms);
// One more version, which wraps from now on.
void rotate(MasterKey& key, TimeMs now_ms);
// By its id or an alias; nullptr: there is none.
const MasterKey* find_key(std::span<const MasterKey> keys, std::string_view name);

// What a wrapped data key names.
struct MasterKeyRef {
  std::string id;
  uint32_t version = 0;
  friend bool operator==(const MasterKeyRef&, const MasterKeyRef&) = default;
};

// Who asks: a stream's account and region.
struct KeyUser {
  std::string account;
  std::string region;
};

// Threads: any. Errors have AWS's types, and the texts of its Key Management Service where they
//          are known:
//          kKeyNotFound (no such key or alias), kKeyDisabled, kKeyAccessDenied (a key of another
//          account), kKeyInvalidState (it is there, but does not unwrap what it is to unwrap).
class MasterKeys {
 public:
  // Makes the default key durably and returns all keys. May block.
  using MakeDefault = std::function<Result<std::vector<MasterKey>>()>;

  explicit MasterKeys(std::vector<MasterKey> keys = {}, MakeDefault make_default = {});

  void replace(std::vector<MasterKey> keys);
  // Whether the default key is asked for and there is no key at all.
  bool lacks_default(std::string_view key_id) const;
  Result<> make_default();

  // `key_id`: a UUID, an alias with "alias/", or the ARN of either. The version that wraps.
  Result<MasterKeyRef> resolve(std::string_view key_id, const KeyUser& user) const;

  // AES-256-GCM: nonce, ciphertext, tag. `context` is authenticated with it.
  Result<Blob> wrap(const MasterKeyRef& ref, const SecretKey& data_key, std::string_view context,
                    const KeyUser& user) const;
  Result<SecretKey> unwrap(const MasterKeyRef& ref, const Blob& wrapped, std::string_view context,
                           const KeyUser& user) const;

 private:
  using Keys = std::vector<MasterKey>;

  std::shared_ptr<const Keys> keys() const;
  Result<const SecretKey*> secret_of(const Keys& keys, const MasterKeyRef& ref,
                                     const KeyUser& user) const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;
  std::mutex making_mutex_;
  MakeDefault make_default_;
};

}  // namespace millstream::streams
