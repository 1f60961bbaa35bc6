#include "streams/hash_key.h"

#include <algorithm>

namespace millstream::streams {

std::string format_hash_key(HashKey key) {
  std::string text;
  do {
    text += static_cast<char>('0' + static_cast<int>(key % 10));
    key /= 10;
  } while (key != 0);
  std::ranges::reverse(text);
  return text;
}

std::optional<HashKey> parse_hash_key(std::string_view text) {
  constexpr size_t kMaxDigits = 39;  // of 2^128 - 1
  if (text.empty() || text.size() > kMaxDigits) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  HashKey key = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<unsigned>(c - '0');
    if (key > (kMaxHashKey - digit) / 10) return std::nullopt;
    key = key * 10 + digit;
  }
  return key;
}

}  // namespace millstream::streams
