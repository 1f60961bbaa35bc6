// The keys that records are encrypted with.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <openssl/crypto.h>

namespace millstream {

// An AES-256 key, wiped when it goes.
class SecretKey {
 public:
  static constexpr size_t kSize = 32;
  std::array<unsigned char, kSize> bytes{};

  SecretKey() = default;
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

// A data key. Each is made at random, for one stream, by one run of the server.
//
// Threads: constant.
class DataKey {
 public:
  DataKey(uint64_t id, SecretKey secret) : id_(id), secret_(std::move(secret)) {}
  DataKey(const DataKey&) = delete;
  DataKey& operator=(const DataKey&) = delete;

  uint64_t id() const { return id_; }  // of all data keys that there ever were; never 0
  const SecretKey& secret() const { return secret_; }
  // Differs from every other object of this process, also from those that are gone.
  uint64_t serial() const { return serial_; }

 private:
  static inline std::atomic<uint64_t> next_serial_{1};

  uint64_t id_;
  SecretKey secret_;
  uint64_t serial_ = next_serial_.fetch_add(1, std::memory_order_relaxed);
};

// As many consecutive nonces as one batch has records; each is given once.
struct Nonces {
  std::shared_ptr<const DataKey> key;  // nullptr: store the records as they are
  uint64_t first = 0;
};

// A data key that this run has made, and the count of its nonces. Only the run that made a key
// encrypts with it: whatever a crash cuts off the log, no nonce is ever used twice.
//
// Threads: any.
class SealingKey {
 public:
  static constexpr uint64_t kMaxRecords = uint64_t{1} << 32;

  explicit SealingKey(std::shared_ptr<const DataKey> key, uint64_t first_nonce = 0)
      : key_(std::move(key)), next_(first_nonce) {}

  // Nothing once the key has been used kMaxRecords times.
  std::optional<Nonces> take(uint32_t records) {
    const uint64_t first = next_.fetch_add(records, std::memory_order_relaxed);
    if (first + records > kMaxRecords) return std::nullopt;
    return Nonces{key_, first};
  }

 private:
  std::shared_ptr<const DataKey> key_;
  std::atomic<uint64_t> next_;
};

}  // namespace millstream
