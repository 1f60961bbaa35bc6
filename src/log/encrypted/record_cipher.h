// Records in stored layout (log/record.h), encrypted and decrypted one by one with AES-256-GCM.
//
// An encrypted record has kRecordEncrypted set and no partition key; its data is
//
//   u64 data key id | u64 nonce | ciphertext of (u16 key size | partition key | data) | 16-byte tag
//
// Authenticated with it: the shard, so that a record can't be moved to another one. Its place
// within the shard is not known when it is encrypted; that is the log's to guard.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "log/encrypted/data_key.h"
#include "log/shard_log.h"

namespace millstream {

// What encryption adds to a record: data key id, nonce, key size, tag.
inline constexpr size_t kRecordTagSize = 16;
inline constexpr size_t kEncryptedRecordOverhead = 8 + 8 + 2 + kRecordTagSize;

// Threads: any; each keeps a cipher with the key that it met last.

// The body of `batch` encrypted, its checksum made anew. Uses up batch.records of `nonces`.
ShardBatch encrypt_batch(const ShardBatch& batch, const Nonces& nonces);

// Adds the ids of the data keys that the records of `body` need, each once; 0, which no key has,
// for a record that is too short to name one.
void add_key_ids(std::string_view body, std::vector<uint64_t>& ids);

// `body` with its encrypted records decrypted; they carry kRecordStoredEncrypted then. `keys` has
// those of add_key_ids(); if there are none, the answer is `body` itself.
// Errors: kCorruption (not what was written with this key to this shard).
using DataKeys = std::vector<std::shared_ptr<const DataKey>>;
Result<Slice> decrypt_records(const Slice& body, ShardId shard, const DataKeys& keys);

}  // namespace millstream
