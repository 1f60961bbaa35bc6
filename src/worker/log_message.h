// The calls of a remote log as frames' bodies: little-endian numbers, then the records' bytes.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "log/shard_log.h"
#include "worker/channel.h"

namespace millstream::worker {

// All below kFirstOwnMethod.
inline constexpr Method kLogAppend = 1;
inline constexpr Method kLogOpenWriter = 2;
inline constexpr Method kLogRead = 3;
inline constexpr Method kLogWait = 4;
inline constexpr Method kLogPositionAt = 5;
inline constexpr Method kLogStatus = 6;
inline constexpr Method kLogTrim = 7;

// Numbers one after the other.
class NumberWriter {
 public:
  template <std::integral T>
  NumberWriter& add(T value) {
    char bytes[sizeof(T)];
    store_le(bytes, value);
    text_.append(bytes, sizeof bytes);
    return *this;
  }
  NumberWriter& add(ShardId shard) { return add(static_cast<uint64_t>(shard)); }
  Slice slice() const { return Slice::copy_of(text_); }
  std::vector<Slice> parts() const { return {slice()}; }

 private:
  std::string text_;
};

// The same back. Past the end everything is 0 and ok() false: check it before use.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  template <std::integral T>
  T take() {
    if (text_.size() - at_ < sizeof(T)) {
      ok_ = false;
      return 0;
    }
    const T value = load_le<T>(text_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  ShardId shard() { return ShardId{take<uint64_t>()}; }
  // That many bytes follow at least; where they are.
  bool skip(size_t bytes, size_t& from) {
    ok_ = ok_ && text_.size() - at_ >= bytes;
    from = at_;
    if (ok_) at_ += bytes;
    return ok_;
  }
  bool ok() const { return ok_; }
  // Nothing is left over, and nothing was missing.
  Result<> end() const;

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

struct AppendRequest {
  std::vector<ShardBatch> batches;
  WriterStamp stamp;
};

std::vector<Slice> encode_append(const AppendRequest& request);
Result<AppendRequest> decode_append(const Slice& body);
std::vector<Slice> encode_appended(const std::vector<Appended>& appended);
Result<std::vector<Appended>> decode_appended(const Slice& body);
std::vector<Slice> encode_read(const ReadResult& result);
Result<ReadResult> decode_read(const Slice& body);

}  // namespace millstream::worker
