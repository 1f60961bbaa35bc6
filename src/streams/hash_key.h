// Hash keys: unsigned 128-bit integers, decimal on the wire. A record's is the MD5 of its
// partition key (big-endian) unless it names an ExplicitHashKey.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "streams/catalog.h"

namespace millstream::streams {

inline constexpr HashKey kMaxHashKey = ~HashKey{0};

std::string format_hash_key(HashKey key);

// Nothing if `text` is not a decimal number without leading zeroes within 0 … 2^128-1.
std::optional<HashKey> parse_hash_key(std::string_view text);

inline HashKey hash_key_of(const Md5& digest) {
  uint64_t high;
  uint64_t low;
  __builtin_memcpy(&high, digest.data(), 8);
  __builtin_memcpy(&low, digest.data() + 8, 8);
  return HashKey{__builtin_bswap64(high)} << 64 | __builtin_bswap64(low);
}

}  // namespace millstream::streams
