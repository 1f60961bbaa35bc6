// Shard iterators: where a client reads next, sealed by the server.
//
// The text is base64 of 8 bytes 00 00 00 00 00 00 00 01 and at least 144 more, a multiple of 16:
// nonce, AES-256-GCM ciphertext and tag. It opens for callers of the account and region only
// that it was given to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/env.h"
#include "base/result.h"
#include "streams/catalog.h"
#include "streams/token.h"

namespace millstream::streams {

inline constexpr TimeMs kIteratorLifeMs = 300'000;   // AWS: five minutes
inline constexpr size_t kMaxIteratorTextSize = 512;  // AWS limit: API model ShardIterator

struct ShardIterator {
  StreamKey stream;
  int64_t generation = 0;  // of the stream: a new stream of the same name is another one
  uint32_t shard_index = 0;
  Counter position = 0;  // the next record has this counter or a higher one
  TimeMs issued_ms = 0;
};

// Who asks; part of what is authenticated.
struct IteratorScope {
  std::string_view account;
  std::string_view region;
};

// kInvalidArgument if the names are too long for AWS's 512 characters (only possible for a
// stream of another account or region with an absurd region name).
Result<std::string> seal_iterator(const TokenKey& key, IteratorScope scope,
                                  const ShardIterator& iterator);

// Errors, with AWS's texts: kInvalidArgument (garbled, forged, or given to somebody else),
// kExpiredIterator.
Result<ShardIterator> open_iterator(const TokenKey& key, IteratorScope scope, std::string_view text,
                                    TimeMs now_ms, TimeMs life_ms = kIteratorLifeMs);

}  // namespace millstream::streams
