#include "auth/credentials.h"

#include <algorithm>
#include <utility>

namespace millstream {
namespace {

// Versions are unique over all stores, so that a thread's cached snapshot needs no owner.
uint64_t next_version() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

}  // namespace

std::string_view account_of_unknown_key(std::string_view access_key) {
  const bool is_account =
      access_key.size() == kDefaultAccount.size() &&
      std::ranges::all_of(access_key, [](char c) { return c >= '0' && c <= '9'; });
  return is_account ? access_key : kDefaultAccount;
}

CredentialSnapshot::CredentialSnapshot(std::vector<Credentials> keys, bool verify)
    : verify_(verify) {
  for (Credentials& key : keys) {
    std::string access_key = key.access_key;
    keys_.insert_or_assign(std::move(access_key), std::move(key));
  }
}

const Credentials* CredentialSnapshot::find(std::string_view access_key) const {
  const auto found = keys_.find(access_key);
  return found == keys_.end() ? nullptr : &found->second;
}

CredentialStore::CredentialStore(std::vector<Credentials> keys, bool verify)
    : current_(std::make_shared<const CredentialSnapshot>(std::move(keys), verify)),
      version_(next_version()) {}

void CredentialStore::replace(std::vector<Credentials> keys, bool verify) {
  auto next = std::make_shared<const CredentialSnapshot>(std::move(keys), verify);
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
  version_.store(next_version(), std::memory_order_release);
}

const CredentialSnapshot& CredentialStore::snapshot() const {
  thread_local uint64_t cached_version = 0;
  thread_local std::shared_ptr<const CredentialSnapshot> cached;
  if (version_.load(std::memory_order_acquire) != cached_version) {
    const std::lock_guard lock(mutex_);
    cached = current_;
    cached_version = version_.load(std::memory_order_relaxed);
  }
  return *cached;
}

}  // namespace millstream
