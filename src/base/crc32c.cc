// CRC32C by the SSE4.2 instruction (part of x86-64-v2, which the build demands). One
// instruction takes three cycles and can start each cycle, so three neighbouring stretches are
// summed side by side and joined afterwards.
#include <nmmintrin.h>

#include <cstring>
#include <memory>

#include "base/hash.h"

namespace millstream {
namespace {

constexpr size_t kLong = 4096;
constexpr size_t kShort = 256;

uint64_t load(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Takes a checksum over `length` following zero bytes. That is linear over the bits of the
// checksum, so the effect of each of its four bytes is a table.
class ZeroShift {
 public:
  explicit ZeroShift(size_t length) {
    uint32_t effect_of_bit[32];
    for (uint32_t bit = 0; bit < 32; ++bit) {
      uint64_t crc = uint32_t{1} << bit;
      for (size_t done = 0; done < length; done += 8) crc = _mm_crc32_u64(crc, 0);
      effect_of_bit[bit] = static_cast<uint32_t>(crc);
    }
    for (uint32_t byte = 0; byte < 4; ++byte) {
      for (uint32_t value = 0; value < 256; ++value) {
        uint32_t effect = 0;
        for (uint32_t bit = 0; bit < 8; ++bit) {
          if (value >> bit & 1) effect ^= effect_of_bit[byte * 8 + bit];
        }
        effects_[byte][value] = effect;
      }
    }
  }
  uint64_t operator()(uint64_t crc) const {
    return effects_[0][crc & 255] ^ effects_[1][crc >> 8 & 255] ^ effects_[2][crc >> 16 & 255] ^
           effects_[3][crc >> 24 & 255];
  }

 private:
  uint32_t effects_[4][256];
};

struct Shifts {
  ZeroShift over_long{kLong};
  ZeroShift over_short{kShort};
};

const Shifts& shifts() {
  static const auto tables = std::make_unique<const Shifts>();
  return *tables;
}

template <size_t kStretch>
uint64_t three_stretches(uint64_t crc, const char* from, const ZeroShift& shift) {
  uint64_t second = 0;
  uint64_t third = 0;
  for (size_t i = 0; i < kStretch; i += 8) {
    crc = _mm_crc32_u64(crc, load(from + i));
    second = _mm_crc32_u64(second, load(from + kStretch + i));
    third = _mm_crc32_u64(third, load(from + 2 * kStretch + i));
  }
  return shift(shift(crc) ^ second) ^ third;
}

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t seed) {
  const char* from = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = ~seed;
  if (left >= 3 * kShort) {
    const Shifts& tables = shifts();
    for (; left >= 3 * kLong; from += 3 * kLong, left -= 3 * kLong) {
      crc = three_stretches<kLong>(crc, from, tables.over_long);
    }
    for (; left >= 3 * kShort; from += 3 * kShort, left -= 3 * kShort) {
      crc = three_stretches<kShort>(crc, from, tables.over_short);
    }
  }
  for (; left >= 8; from += 8, left -= 8) crc = _mm_crc32_u64(crc, load(from));
  auto rest = static_cast<uint32_t>(crc);
  for (; left > 0; ++from, --left) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*from));
  return ~rest;
}

}  // namespace millstream
