#include "log/encrypted/record_cipher.h"

#include <algorithm>
#include <cstring>

#include <openssl/evp.h>

#include "base/hash.h"
#include "log/record.h"

namespace millstream {
namespace {

constexpr size_t kKeySizeBytes = 2;
constexpr size_t kKeySizeAt = 4;          // in a record's head
constexpr size_t kBeforeCiphertext = 16;  // data key id, nonce
constexpr size_t kIvSize = 12;

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

// One direction of AES-256-GCM. The key schedule stays from record to record; a record costs a
// new IV.
class Cipher {
 public:
  explicit Cipher(bool encrypts) : encrypts_(encrypts), context_(EVP_CIPHER_CTX_new()) {
    MS_ASSERT(context_ != nullptr);
  }

  void use(const DataKey& key) {
    if (key.serial() == serial_) return;
    MS_ASSERT(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr,
                                key.secret().bytes.data(), nullptr, encrypts_) == 1);
    serial_ = key.serial();
  }

  void encrypt(ShardId shard, uint64_t nonce, char* text, size_t size) {
    int length = 0;
    begin(shard, nonce);
    const bool done =
        EVP_EncryptUpdate(context_.get(), bytes(text), &length, bytes(text),
                          static_cast<int>(size)) == 1 &&
        EVP_EncryptFinal_ex(context_.get(), bytes(text) + size, &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_GET_TAG, kRecordTagSize, text + size) == 1;
    MS_ASSERT(done);
  }

  // False: not authentic.
  bool decrypt(ShardId shard, uint64_t nonce, std::string_view sealed, char* to) {
    int length = 0;
    begin(shard, nonce);
    const size_t size = sealed.size() - kRecordTagSize;
    std::array<char, kRecordTagSize> tag;
    std::memcpy(tag.data(), sealed.data() + size, tag.size());
    return EVP_DecryptUpdate(context_.get(), bytes(to), &length, bytes(sealed.data()),
                             static_cast<int>(size)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG, kRecordTagSize, tag.data()) ==
               1 &&
           EVP_DecryptFinal_ex(context_.get(), bytes(to) + size, &length) == 1;
  }

 private:
  void begin(ShardId shard, uint64_t nonce) {
    std::array<unsigned char, kIvSize> iv{};
    std::memcpy(iv.data(), &nonce, sizeof nonce);
    std::array<unsigned char, sizeof(ShardId)> bound;
    std::memcpy(bound.data(), &shard, bound.size());
    int length = 0;
    MS_ASSERT(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, iv.data(), encrypts_) ==
              1);
    MS_ASSERT(EVP_CipherUpdate(context_.get(), nullptr, &length, bound.data(),
                               static_cast<int>(bound.size())) == 1);
  }

  bool encrypts_;
  uint64_t serial_ = 0;
  std::unique_ptr<EVP_CIPHER_CTX, CipherFree> context_;
};

bool is_encrypted(const RecordView& record) { return (record.flags & kRecordEncrypted) != 0; }

std::unexpected<Error> not_authentic(ShardId shard, uint64_t key_id, uint64_t nonce) {
  return fail(ErrorCode::kCorruption,
              "an encrypted record of log shard {} (data key {}, nonce {}) is not what was written "
              "there: it was altered, moved or cut; restore the log from a backup",
              static_cast<uint64_t>(shard), key_id, nonce);
}

}  // namespace

ShardBatch encrypt_batch(const ShardBatch& batch, const Nonces& nonces) {
  thread_local Cipher cipher(true);
  cipher.use(*nonces.key);
  const size_t size = batch.body.size() + batch.records * kEncryptedRecordOverhead;
  BufferRef buffer = BufferRef::allocate(size);
  char* to = buffer->data();
  uint64_t nonce = nonces.first;
  RecordCursor cursor(batch.body.view());
  RecordView record;
  while (cursor.next(record)) {
    const size_t plain = kKeySizeBytes + record.partition_key.size() + record.data.size();
    MS_ASSERT(nonce < nonces.first + batch.records);
    to = store_record_head(to, {}, kBeforeCiphertext + plain + kRecordTagSize, kRecordEncrypted);
    store_le(to, nonces.key->id());
    store_le(to + 8, nonce);
    to += kBeforeCiphertext;
    store_le(to, static_cast<uint16_t>(record.partition_key.size()));
    // Key and data stand side by side in the stored layout.
    std::memcpy(to + kKeySizeBytes, record.partition_key.data(), plain - kKeySizeBytes);
    cipher.encrypt(batch.shard, nonce, to, plain);
    to += plain + kRecordTagSize;
    ++nonce;
  }
  MS_ASSERT(!cursor.broken() && to == buffer->data() + size);
  Slice body(std::move(buffer), size);
  const uint32_t checksum = crc32c(body.view());
  return {batch.shard, batch.records, checksum, std::move(body)};
}

void add_key_ids(std::string_view body, std::vector<uint64_t>& ids) {
  RecordCursor cursor(body);
  RecordView record;
  while (cursor.next(record)) {
    if (!is_encrypted(record)) continue;
    const bool is_cut = record.data.size() < kBeforeCiphertext;
    const uint64_t id = is_cut ? 0 : load_le<uint64_t>(record.data.data());
    // Mostly the last one again.
    if (!ids.empty() && ids.back() == id) continue;
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
}

Result<Slice> decrypt_records(const Slice& body, ShardId shard, const DataKeys& keys) {
  thread_local Cipher cipher(false);
  if (keys.empty()) return body;
  BufferRef buffer = BufferRef::allocate(body.size());
  char* to = buffer->data();
  RecordCursor cursor(body.view());
  RecordView record;
  const DataKey* key = nullptr;
  while (cursor.next(record)) {
    if (!is_encrypted(record)) {
      to = store_record_head(to, record.partition_key, record.data.size(), record.flags);
      std::memcpy(to, record.data.data(), record.data.size());
      to += record.data.size();
      continue;
    }
    if (record.data.size() < kBeforeCiphertext + kKeySizeBytes + kRecordTagSize) {
      return not_authentic(shard, 0, 0);
    }
    const auto id = load_le<uint64_t>(record.data.data());
    const auto nonce = load_le<uint64_t>(record.data.data() + 8);
    if (key == nullptr || key->id() != id) {
      const auto known = std::ranges::find(keys, id, [](const auto& one) { return one->id(); });
      MS_ASSERT(known != keys.end());
      key = known->get();
      cipher.use(*key);
    }
    // The size of the partition key comes to stand where the record's flags belong, and key and
    // data behind them, where they belong; then the head is written over the size.
    const std::string_view sealed = record.data.substr(kBeforeCiphertext);
    char* const plain = to + kRecordHeaderSize - kKeySizeBytes;
    if (!cipher.decrypt(shard, nonce, sealed, plain)) return not_authentic(shard, id, nonce);
    const size_t key_size = load_le<uint16_t>(plain);
    const size_t rest = sealed.size() - kRecordTagSize - kKeySizeBytes;
    if (key_size > rest) return not_authentic(shard, id, nonce);
    to = store_record_head(to, {}, rest - key_size, kRecordStoredEncrypted);
    store_le(to - kRecordHeaderSize + kKeySizeAt, static_cast<uint16_t>(key_size));
    to += rest;
  }
  MS_ASSERT(!cursor.broken());
  const auto size = static_cast<size_t>(to - buffer->data());
  return Slice(std::move(buffer), size);
}

}  // namespace millstream
