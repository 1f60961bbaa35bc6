// The framing of vnd.amazon.eventstream: messages of typed headers and a payload, with a CRC32 of
// the prelude and one of the whole. Used by answers that are streams of events.
//
//   u32 total size | u32 headers size | u32 crc of the 8 bytes | headers | payload | u32 crc of all
//   header: u8 name size | name | u8 type | value (sizes of strings and bytes: u16)
//
// Big-endian; CRC32 is zlib's (IEEE). Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace millstream::wire {

inline constexpr size_t kMaxEventHeadersSize = size_t{128} << 10;  // AWS limit of the format
inline constexpr size_t kMaxEventPayloadSize = size_t{24} << 20;   // AWS limit of the format
inline constexpr size_t kMaxEventHeaderNameSize = 255;
inline constexpr size_t kMaxEventHeaderValueSize = 32'767;

struct EventBytes {
  std::string bytes;
  friend bool operator==(const EventBytes&, const EventBytes&) = default;
};
struct EventTimestamp {
  int64_t ms = 0;  // since 1970
  friend bool operator==(const EventTimestamp&, const EventTimestamp&) = default;
};
using EventUuid = std::array<uint8_t, 16>;

// Every type of the format: bool, byte, short, integer, long, byte array, string, timestamp, uuid.
using EventHeaderValue = std::variant<bool, int8_t, int16_t, int32_t, int64_t, EventBytes,
                                      std::string, EventTimestamp, EventUuid>;

struct EventHeader {
  std::string name;
  EventHeaderValue value;
  friend bool operator==(const EventHeader&, const EventHeader&) = default;
};

// The payload is the concatenation of `payload`'s pieces. Headers and payload must be within the
// limits above: ours are constants, and events are cut by their readers.
Slice encode_event_message(std::span<const EventHeader> headers,
                           std::span<const std::string_view> payload);
Slice encode_event_message(std::span<const EventHeader> headers, std::string_view payload);

struct EventMessage {
  std::vector<EventHeader> headers;
  std::string_view payload;  // into the decoded bytes
  size_t size = 0;           // of the whole message
};

// The message at the start of `bytes`; nothing if its end has not arrived yet.
// Errors: kSerialization (sizes that can't be, a wrong checksum, an unknown type of header).
Result<std::optional<EventMessage>> decode_event_message(std::string_view bytes);

}  // namespace millstream::wire
