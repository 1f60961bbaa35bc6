// Sequence numbers as clients see them: 56-digit decimals, opaque, ordered within a shard.
//
// In hexadecimal, from the left: "2", 9 digits creation time of the shard (s), 1 digit low
// nibble of the shard's index, 16 digits counter (below 2^63), "00", 9 digits arrival time (s),
// 8 digits shard index, 1 digit version (2). The counter alone decides the order in a shard.
// All functions are pure and may run on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "log/shard_log.h"
#include "streams/catalog.h"

namespace millstream::streams {

inline constexpr size_t kSequenceNumberSize = 56;  // digits, for every valid number

struct SequenceNumber {
  int64_t created_s = 0;    // of the shard
  int64_t shard_index = 0;  // negative or huge only in numbers that no shard of ours gave
  Counter counter = 0;
  int64_t time_s = 0;  // arrival of the record
  int version = 2;     // 0 and 1: old formats, recognised for AWS's error messages only

  friend bool operator==(const SequenceNumber&, const SequenceNumber&) = default;
};

std::string format_sequence_number(const SequenceNumber& number);

// Nothing if `text` is not a number that AWS would recognise.
std::optional<SequenceNumber> parse_sequence_number(std::string_view text);

// What DescribeStream and ListShards show: the start of a shard (below all its records) and,
// for a closed one, its end (above all its records).
std::string starting_sequence_number(const Shard& shard);
std::optional<std::string> ending_sequence_number(const Shard& shard);

// "shardId-000000000007", as AWS spells it in messages, also for negative indices.
std::string shard_id_text(int64_t index);

// The counter in `text`, which the caller of `operation` ("GetShardIterator",
// "SubscribeToShard") gave as StartingSequenceNumber for `shard`. kInvalidArgument with AWS's
// message if it is no number, belongs to another shard or to another stream.
Result<Counter> check_starting_sequence_number(std::string_view text, std::string_view operation,
                                               const Stream& stream, const Shard& shard);

// The numbers of a batch, one after the other: the digits that don't change are kept.
class SequenceNumberWriter {
 public:
  SequenceNumberWriter() = default;
  // Starts at `first`; all numbers carry `time_ms` (to the second) as arrival time.
  SequenceNumberWriter(const Shard& shard, Counter first, TimeMs time_ms);

  // Writes the 56 digits of the current counter to `out` and goes on to the next counter.
  void write_next(char* out);

 private:
  void render_high();

  // The number in base 10^18, lowest limb first.
  std::array<uint64_t, 4> limbs_{};
  std::array<char, 20> high_{};  // digits of limbs 3 (2 digits) and 2
};

}  // namespace millstream::streams
