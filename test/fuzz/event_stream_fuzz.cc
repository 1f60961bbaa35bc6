// libFuzzer: any bytes as a message of vnd.amazon.eventstream. What decodes must encode to the
// same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/event_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millstream::wire;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = decode_event_message(bytes);
  if (!message || !*message) return 0;
  for (const EventHeader& header : (*message)->headers) {
    // Longer values decode; AWS's limit is for those who write them.
    if (const auto* text = std::get_if<std::string>(&header.value)) {
      if (text->size() > kMaxEventHeaderValueSize) return 0;
    }
    if (const auto* blob = std::get_if<EventBytes>(&header.value)) {
      if (blob->bytes.size() > kMaxEventHeaderValueSize) return 0;
    }
  }
  const millstream::Slice again = encode_event_message((*message)->headers, (*message)->payload);
  MS_ASSERT(again.view() == bytes.substr(0, (*message)->size));
  return 0;
}
