// Opaque tokens that clients hand back: sealed by the server, so that nobody can read, alter or
// forge one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace millstream::streams {

using TokenKey = std::array<unsigned char, 32>;

inline constexpr size_t kTokenNonceSize = 12;
inline constexpr size_t kTokenTagSize = 16;
inline constexpr size_t kTokenOverhead = kTokenNonceSize + kTokenTagSize;

// AES-256-GCM. `purpose` ("ListShards:123456789012:eu-west-1:clicks") is authenticated but not
// stored: a token opens for the purpose only that it was sealed for. The result has
// plain.size() + kTokenOverhead bytes: nonce, ciphertext, tag. Any thread; contexts are kept
// per thread.
std::string seal_token(const TokenKey& key, std::string_view purpose, std::string_view plain);
// Nothing if `sealed` was not made by seal_token() with this key and purpose.
std::optional<std::string> open_token(const TokenKey& key, std::string_view purpose,
                                      std::string_view sealed);

// The same in base64, for NextToken members. The caller puts an issue time into `plain` if the
// token shall expire.
std::string seal_token_text(const TokenKey& key, std::string_view purpose, std::string_view plain);
std::optional<std::string> open_token_text(const TokenKey& key, std::string_view purpose,
                                           std::string_view text);

}  // namespace millstream::streams
