#include "wire/event_stream.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include <zlib.h>

namespace millstream::wire {
namespace {

constexpr size_t kSizesSize = 8;
constexpr size_t kPreludeSize = kSizesSize + 4;
constexpr size_t kChecksumSize = 4;

// Types of headers on the wire. A bool is two types without a value.
enum class HeaderType : uint8_t {
  kTrue = 0,
  kFalse = 1,
  kByte = 2,
  kShort = 3,
  kInteger = 4,
  kLong = 5,
  kBytes = 6,
  kString = 7,
  kTimestamp = 8,
  kUuid = 9,
};

uint32_t checksum(std::string_view bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<uint32_t>(crc32_z(crc32_z(0, nullptr, 0), data, bytes.size()));
}

template <class T>
void append_big_endian(std::string& out, T value) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  if constexpr (sizeof bits > 1) bits = std::byteswap(bits);
  char bytes[sizeof bits];
  std::memcpy(bytes, &bits, sizeof bits);
  out.append(bytes, sizeof bits);
}

uint32_t load_u32(const char* from) { return std::byteswap(load_le<uint32_t>(from)); }
void store_u32(char* to, uint32_t value) { store_le(to, std::byteswap(value)); }

void append_type(std::string& out, HeaderType type) { out += static_cast<char>(type); }

void append_text(std::string& out, HeaderType type, std::string_view text) {
  MS_ASSERT(text.size() <= kMaxEventHeaderValueSize);
  append_type(out, type);
  append_big_endian(out, static_cast<uint16_t>(text.size()));
  out += text;
}

struct ValueWriter {
  std::string& out;

  void operator()(bool value) const {
    append_type(out, value ? HeaderType::kTrue : HeaderType::kFalse);
  }
  void operator()(int8_t value) const { number(HeaderType::kByte, value); }
  void operator()(int16_t value) const { number(HeaderType::kShort, value); }
  void operator()(int32_t value) const { number(HeaderType::kInteger, value); }
  void operator()(int64_t value) const { number(HeaderType::kLong, value); }
  void operator()(EventTimestamp value) const { number(HeaderType::kTimestamp, value.ms); }
  void operator()(const EventBytes& value) const {
    append_text(out, HeaderType::kBytes, value.bytes);
  }
  void operator()(const std::string& value) const { append_text(out, HeaderType::kString, value); }
  void operator()(const EventUuid& value) const {
    append_type(out, HeaderType::kUuid);
    out.append(reinterpret_cast<const char*>(value.data()), value.size());
  }

 private:
  template <class T>
  void number(HeaderType type, T value) const {
    append_type(out, type);
    append_big_endian(out, value);
  }
};

// Takes values from the front of a message's headers; `broken` once one is not there.
struct HeaderReader {
  std::string_view rest;
  bool broken = false;

  std::string_view take(size_t size) {
    if (broken || rest.size() < size) {
      broken = true;
      return {};
    }
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  template <class T>
  T number() {
    const std::string_view bytes = take(sizeof(T));
    if (broken) return T{};
    auto bits = load_le<std::make_unsigned_t<T>>(bytes.data());
    if constexpr (sizeof bits > 1) bits = std::byteswap(bits);
    return static_cast<T>(bits);
  }
  std::string text() { return std::string(take(number<uint16_t>())); }
  EventUuid uuid() {
    EventUuid value{};
    const std::string_view bytes = take(value.size());
    if (!broken) std::memcpy(value.data(), bytes.data(), value.size());
    return value;
  }
  EventHeaderValue value() {
    switch (HeaderType{number<uint8_t>()}) {
      case HeaderType::kTrue:
        return true;
      case HeaderType::kFalse:
        return false;
      case HeaderType::kByte:
        return number<int8_t>();
      case HeaderType::kShort:
        return number<int16_t>();
      case HeaderType::kInteger:
        return number<int32_t>();
      case HeaderType::kLong:
        return number<int64_t>();
      case HeaderType::kBytes:
        return EventBytes{text()};
      case HeaderType::kString:
        return text();
      case HeaderType::kTimestamp:
        return EventTimestamp{number<int64_t>()};
      case HeaderType::kUuid:
        return uuid();
    }
    broken = true;
    return false;
  }
};

}  // namespace

Slice encode_event_message(std::span<const EventHeader> headers,
                           std::span<const std::string_view> payload) {
  std::string head;
  for (const EventHeader& header : headers) {
    MS_ASSERT(!header.name.empty() && header.name.size() <= kMaxEventHeaderNameSize);
    head += static_cast<char>(header.name.size());
    head += header.name;
    std::visit(ValueWriter{head}, header.value);
  }
  size_t payload_size = 0;
  for (const std::string_view piece : payload) payload_size += piece.size();
  MS_ASSERT(head.size() <= kMaxEventHeadersSize && payload_size <= kMaxEventPayloadSize);
  const size_t size = kPreludeSize + head.size() + payload_size + kChecksumSize;
  BufferRef buffer = BufferRef::allocate(size);
  char* const begin = buffer->data();
  store_u32(begin, static_cast<uint32_t>(size));
  store_u32(begin + 4, static_cast<uint32_t>(head.size()));
  store_u32(begin + kSizesSize, checksum({begin, kSizesSize}));
  char* to = begin + kPreludeSize;
  std::memcpy(to, head.data(), head.size());
  to += head.size();
  for (const std::string_view piece : payload) {
    if (piece.empty()) continue;
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  }
  store_u32(to, checksum({begin, size - kChecksumSize}));
  return {std::move(buffer), size};
}

Slice encode_event_message(std::span<const EventHeader> headers, std::string_view payload) {
  return encode_event_message(headers, std::span(&payload, 1));
}

Result<std::optional<EventMessage>> decode_event_message(std::string_view bytes) {
  if (bytes.size() < kPreludeSize) return std::nullopt;
  const size_t size = load_u32(bytes.data());
  const size_t headers_size = load_u32(bytes.data() + 4);
  if (load_u32(bytes.data() + kSizesSize) != checksum(bytes.substr(0, kSizesSize))) {
    return fail(ErrorCode::kSerialization, "The prelude of an event has a wrong checksum.");
  }
  if (headers_size > kMaxEventHeadersSize || size < kPreludeSize + headers_size + kChecksumSize ||
      size - kPreludeSize - headers_size - kChecksumSize > kMaxEventPayloadSize) {
    return fail(ErrorCode::kSerialization,
                "An event of {} bytes with headers of {} bytes is not possible.", size,
                headers_size);
  }
  if (bytes.size() < size) return std::nullopt;
  const size_t checked = size - kChecksumSize;
  if (load_u32(bytes.data() + checked) != checksum(bytes.substr(0, checked))) {
    return fail(ErrorCode::kSerialization, "An event of {} bytes has a wrong checksum.", size);
  }
  EventMessage message;
  HeaderReader reader{bytes.substr(kPreludeSize, headers_size)};
  while (!reader.rest.empty() && !reader.broken) {
    EventHeader& header = message.headers.emplace_back();
    header.name = std::string(reader.take(reader.number<uint8_t>()));
    header.value = reader.value();
    if (header.name.empty()) reader.broken = true;
  }
  if (reader.broken) {
    return fail(ErrorCode::kSerialization, "The headers of an event are broken.");
  }
  message.payload =
      bytes.substr(kPreludeSize + headers_size, checked - kPreludeSize - headers_size);
  message.size = size;
  return message;
}

}  // namespace millstream::wire
