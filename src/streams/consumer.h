// Registered consumers of a stream (enhanced fan-out), as clients see them. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "streams/catalog.h"
#include "streams/token.h"
#include "wire/generated/kinesis.h"

namespace millstream::streams {

// AWS limits: API model RegisterStreamConsumer. (50 a stream with on-demand advantage, which this
// server does not have.)
inline constexpr size_t kMaxConsumers = 20;
inline constexpr size_t kMaxCreatingConsumers = 5;

enum class ConsumerStatus : uint8_t { kCreating, kActive, kDeleting };
std::string_view status_text(ConsumerStatus status);  // "ACTIVE"

// How consumers look at a moment: CREATING for `state_delay` from their registration, DELETING
// for as long after it was taken back.
class ConsumerView {
 public:
  ConsumerView(TimeMs now, std::chrono::milliseconds state_delay)
      : now_(now), state_delay_(state_delay.count()) {}

  ConsumerStatus status(const Consumer& consumer) const;
  // False for one whose DELETING is over: it is gone.
  bool is_shown(const Consumer& consumer) const;
  // nullptr: none that is shown.
  const Consumer* find(const Stream& stream, std::string_view name) const;
  // What `arn` names in a stream of that name: its creation has to match too.
  const Consumer* find(const Stream& stream, std::string_view name, int64_t created_s) const;

 private:
  TimeMs now_;
  TimeMs state_delay_;
};

std::string consumer_arn(const Stream& stream, const Consumer& consumer);
wire::kinesis::Consumer wire_consumer(const Stream& stream, const Consumer& consumer,
                                      const ConsumerView& view);

// The errors of a consumer that is not there.
std::unexpected<Error> no_such_consumer(const StreamKey& key, std::string_view name_or_arn);

// Where a listing of consumers goes on. `account`: of the caller; a token is good for it only.
struct ConsumerPageToken {
  StreamKey stream;
  int64_t generation = 0;
  TimeMs issued_ms = 0;
  int64_t after = 0;  // the id of the last consumer shown
};
std::string seal_consumer_page(const TokenKey& key, std::string_view account,
                               const ConsumerPageToken& token);
// Errors: kInvalidArgument (not one of ours), kExpiredNextToken.
Result<ConsumerPageToken> open_consumer_page(const TokenKey& key, std::string_view account,
                                             std::string_view text, TimeMs now);

}  // namespace millstream::streams
