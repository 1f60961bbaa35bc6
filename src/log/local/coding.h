// Little-endian encoding of the log's own structures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace millstream::local {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <class T>
  void put(T value) {
    char bytes[sizeof value];
    store_le(bytes, value);
    out_.append(bytes, sizeof value);
  }
  void put_string(std::string_view text) {
    put(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }

 private:
  std::string& out_;
};

// Reads what ByteWriter wrote. Once the bytes run out, ok() is false and every value is zero:
// check once at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T get() {
    if (rest_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    const T value = load_le<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view get_string() {
    const size_t size = get<uint32_t>();
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  // A count of items that take at least `item_size` bytes each: a broken count can't make the
  // caller allocate more than the input justifies.
  uint32_t get_count(size_t item_size) {
    const auto count = get<uint32_t>();
    if (count > rest_.size() / item_size) {
      fail();
      return 0;
    }
    return count;
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace millstream::local
