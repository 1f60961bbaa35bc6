// How fuzz targets take their inputs apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace millstream::fuzz {

// Takes values off the front of an input. Once it has ended, numbers are 0 and texts empty.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool ended() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  // Any number: small ones, which make sense more often, take one byte.
  uint64_t number() {
    constexpr uint8_t kWide = 0xF8;
    const uint8_t first = byte();
    if (first < kWide) return first;
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }
  // Its size takes a byte.
  std::string_view text() {
    const std::string_view taken = rest_.substr(0, byte_size());
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to and without `end`, which is taken too; all that is left where there is none.
  std::string_view until(std::string_view end) {
    const size_t size = rest_.find(end);
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size == std::string_view::npos ? rest_.size() : size + end.size());
    return taken;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }

 private:
  size_t byte_size() {
    const size_t size = byte();
    return std::min(size, rest_.size());
  }

  std::string_view rest_;
};

// A block of exactly its size, so that a read behind its end is seen.
class ExactBlock {
 public:
  explicit ExactBlock(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

}  // namespace millstream::fuzz
