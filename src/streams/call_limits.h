// How often AWS lets operations of the control plane be called (`shard_limits: aws`). The rates
// of shards are in limits.h.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/env.h"
#include "base/result.h"
#include "streams/catalog.h"
#include "streams/token_bucket.h"

namespace millstream::streams {

struct CallRate {
  enum class Of : uint8_t { kAccount, kStream };
  std::string_view operation;
  Of of = Of::kAccount;  // of an account and region, or of each of its streams
  uint32_t calls_per_s = 0;
};

// Those that AWS documents. Sources: API model; developer guide, "Quotas and limits".
std::span<const CallRate> aws_call_rates();

// Life cycle: one per server; `clock` outlives it. What is full again is forgotten, so that the
// size is bounded by the accounts and streams of about a second's calls.
// Threads:    any.
class CallLimiter {
 public:
  explicit CallLimiter(Clock& clock) : clock_(clock) {}

  // Takes one call of `operation` by a caller of `account` in `region`, about `stream` if it names
  // one (it need not exist). kLimitExceeded with AWS's text, and nothing taken, if there were too
  // many in the last second. Operations without a rate are never refused.
  Result<> take(std::string_view operation, std::string_view account, std::string_view region,
                const std::optional<StreamKey>& stream);

 private:
  struct Entry {
    TokenBucket bucket;
    uint32_t calls_per_s = 0;
  };

  Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  size_t drop_at_ = 1024;  // next clean-up
};

}  // namespace millstream::streams
