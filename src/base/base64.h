// RFC 4648 base64 with padding, vectorised (SSSE3/AVX2 chosen at run time).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace millstream {

inline constexpr size_t base64_encoded_size(size_t bytes) { return (bytes + 2) / 3 * 4; }
// An upper bound, exact for valid input without line breaks: use the result of decode.
inline constexpr size_t base64_decoded_bound(size_t chars) { return (chars + 3) / 4 * 3; }

// Writes base64_encoded_size(bytes.size()) characters to `out`, returns that count. May write
// up to 32 bytes beyond them, so leave that room.
size_t base64_encode(std::string_view bytes, char* out);
std::string base64_encode(std::string_view bytes);

// Decodes into `out`, which has room for base64_decoded_bound(text.size()) + 32 bytes. Strict:
// the length is a multiple of 4, padding only at the end, no characters outside the alphabet.
// Returns the number of bytes, or nothing if `text` is not base64.
std::optional<size_t> base64_decode(std::string_view text, char* out);
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace millstream
