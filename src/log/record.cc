#include "log/record.h"

#include <cstring>

namespace millstream {

char* store_record_head(char* to, std::string_view partition_key, size_t data_size, uint8_t flags) {
  store_le(to, static_cast<uint32_t>(data_size));
  store_le(to + 4, static_cast<uint16_t>(partition_key.size()));
  to[6] = static_cast<char>(flags);
  to[7] = 0;
  if (!partition_key.empty()) {
    std::memcpy(to + kRecordHeaderSize, partition_key.data(), partition_key.size());
  }
  return to + kRecordHeaderSize + partition_key.size();
}

bool RecordCursor::next(RecordView& record) {
  if (rest_.empty() || broken_) return false;
  if (rest_.size() < kRecordHeaderSize) {
    broken_ = true;
    return false;
  }
  const size_t data_size = load_le<uint32_t>(rest_.data());
  const size_t key_size = load_le<uint16_t>(rest_.data() + 4);
  const size_t size = stored_record_size(key_size, data_size);
  if (size > rest_.size()) {
    broken_ = true;
    return false;
  }
  record.partition_key = rest_.substr(kRecordHeaderSize, key_size);
  record.data = rest_.substr(kRecordHeaderSize + key_size, data_size);
  record.flags = static_cast<uint8_t>(rest_[6]);
  rest_.remove_prefix(size);
  return true;
}

}  // namespace millstream
