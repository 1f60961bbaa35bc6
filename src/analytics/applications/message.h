// The bodies of calls between server and worker: values back to back, both sides of one build.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"

namespace millstream::analytics {

class MessageWriter {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  MessageWriter& add(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    store_le(bytes_.data() + at, value);
    return *this;
  }
  MessageWriter& add(std::string_view text) {
    add(static_cast<uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  MessageWriter& add(const std::string& text) { return add(std::string_view(text)); }
  MessageWriter& add(const char*) = delete;  // would pass as bool

  Slice slice() const { return Slice::copy_of(bytes_); }

 private:
  std::string bytes_;
};

// Reading past the end gives zeroes and empty texts, and good() is false afterwards: the reader
// checks once, at the end.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  T get() {
    if (rest_.size() < sizeof(T)) {
      fail_here();
      return T{};
    }
    T value = load_le<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view text() {
    const auto size = get<uint64_t>();
    if (size > rest_.size()) {
      fail_here();
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  template <class T>
  void into(T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      value = text();
    } else {
      value = get<T>();
    }
  }
  // The rest of the message, unframed.
  std::string_view rest() const { return rest_; }

  Result<> end() const {
    if (!good_) return fail(ErrorCode::kInternal, "a message between server and worker is cut");
    return {};
  }

 private:
  void fail_here() {
    good_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace millstream::analytics
