// Access keys and who they belong to.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/access.h"
#include "base/env.h"

namespace millstream {

inline constexpr std::string_view kDefaultAccount = "000000000000";

struct Credentials {
  std::string access_key;
  std::string secret_key;
  // Temporary credentials: every request must carry this token.
  std::optional<std::string> session_token;
  std::optional<TimeMs> expires_at;  // requests at or after it get ExpiredTokenException
  std::string account{kDefaultAccount};
  // Of that account; nullptr: the account itself, with everything allowed.
  std::shared_ptr<const Identity> identity{};
};

// The account that an access key stands for when no keys are configured: the key itself if it
// is an account id (12 digits), else kDefaultAccount.
std::string_view account_of_unknown_key(std::string_view access_key);

// The keys at one point in time; constant.
class CredentialSnapshot {
 public:
  // Of several credentials with the same access key the last one counts.
  CredentialSnapshot(std::vector<Credentials> keys, bool verify);

  // Any credentials are accepted: there are no keys, or comparing was switched off.
  bool accepts_any() const { return !verify_ || keys_.empty(); }
  // nullptr: there is no such key.
  const Credentials* find(std::string_view access_key) const;
  size_t size() const { return keys_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Credentials, Hash, std::equal_to<>> keys_;
  bool verify_;
};

// The access keys that this server accepts, replaceable while it runs.
//
// Threads: any. snapshot() takes no lock unless the keys changed since the thread's last call.
class CredentialStore {
 public:
  // Without keys, or with `verify` false, any credentials are accepted.
  explicit CredentialStore(std::vector<Credentials> keys = {}, bool verify = true);
  CredentialStore(const CredentialStore&) = delete;
  CredentialStore& operator=(const CredentialStore&) = delete;

  void replace(std::vector<Credentials> keys, bool verify = true);

  // Valid until the calling thread's next call of snapshot() of any store: don't hold it over a
  // co_await.
  const CredentialSnapshot& snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const CredentialSnapshot> current_;  // guarded by mutex_
  std::atomic<uint64_t> version_;                      // unique over all stores of the process
};

}  // namespace millstream
