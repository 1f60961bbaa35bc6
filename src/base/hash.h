// Digests and checksums.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millstream {

using Sha256 = std::array<unsigned char, 32>;
using Md5 = std::array<unsigned char, 16>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
Md5 md5(std::string_view bytes);
// The MD5 of each of `inputs`: faster than one by one, since SIMD lanes work in parallel where
// the processor can.
void md5_many(std::span<const std::string_view> inputs, std::span<Md5> out);

// CRC32C (Castagnoli), hardware where there is any. `seed` is the checksum of what came before:
// crc32c(b, crc32c(a)) == crc32c(a + b).
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

std::string to_hex(std::span<const unsigned char> bytes);  // lower case
// Whether both are equal; the time taken depends on the lengths only.
bool equals_constant_time(std::string_view a, std::string_view b);

}  // namespace millstream
