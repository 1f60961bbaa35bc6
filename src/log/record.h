// The stored layout of records, the same in a request's buffer, in the tail cache and on disk:
// a record is copied once, from the request into its batch, and never decoded again until a
// reader encodes its answer.
//
//   u32 data size | u16 partition key size | u8 flags | u8 zero | partition key | data
//
// Little-endian, unaligned, records back to back. Numbers and arrival time are not stored with
// each record: a batch has one arrival time, and its records have consecutive counters.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace millstream {

inline constexpr size_t kRecordHeaderSize = 8;

// Flags of a record. An encrypted one (log/encrypted/record_cipher.h) is met below EncryptedLog
// only; above it, the other flag tells how the record is stored.
inline constexpr uint8_t kRecordEncrypted = 1;
inline constexpr uint8_t kRecordStoredEncrypted = 2;

struct RecordView {
  std::string_view partition_key;  // UTF-8, 1 to 256 characters; none if kRecordEncrypted
  std::string_view data;
  uint8_t flags = 0;
};

inline constexpr size_t stored_record_size(size_t partition_key_size, size_t data_size) {
  return kRecordHeaderSize + partition_key_size + data_size;
}

// Writes the header and the key at `to`; the data (`data_size` bytes) goes to the returned
// address, so that a decoder can write it in place.
char* store_record_head(char* to, std::string_view partition_key, size_t data_size,
                        uint8_t flags = 0);

// Walks the records of one batch body.
class RecordCursor {
 public:
  explicit RecordCursor(std::string_view body) : rest_(body) {}
  // False at the end, or where the layout is broken (then `broken()`): can't happen to bytes
  // whose checksum was right.
  bool next(RecordView& record);
  bool broken() const { return broken_; }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace millstream
