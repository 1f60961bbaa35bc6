// libFuzzer: a client's HTTP/2 frames into a server's session. The first byte picks the size of
// the pieces they come in (its lowest bit: any bytes behind the preface). Else frames with their
// right lengths: a type, flags, a stream, and a payload, or one of the header blocks below.
#include "fuzz/fuzz_input.h"
#include "fuzz/http_session.h"

namespace {

using namespace millstream;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes.append(payload);
}

// Whole requests by HPACK's static table (2: GET, 3: POST, 6: http, 4: :path, 1: :authority).
std::string header_block(uint8_t choice) {
  constexpr std::string_view kPaths[] = {"/echo", "/pieces", "/wait", "/abort", "/nothing"};
  const std::string_view path = kPaths[choice % std::size(kPaths)];
  std::string block = choice % 2 == 0 ? "\x82" : "\x83";
  block += "\x86\x04";
  block += static_cast<char>(path.size());
  block.append(path).append("\x01\x01h");
  // content-length: 5
  if (choice >= 128) block.append("\x0f\x0d\x01").append("5");
  return block;
}

std::string frames(fuzz::FuzzInput& input) {
  constexpr uint8_t kRequest = 0xF0;
  constexpr uint8_t kNoise = 0xFF;  // bytes as they are
  std::string bytes(kPreface);
  bytes += frame(4, 0, 0, "");
  while (!input.ended() && bytes.size() < 256 * 1024) {
    const uint8_t type = input.byte();
    if (type == kNoise) {
      bytes.append(input.text());
      continue;
    }
    const uint8_t flags = input.byte();
    const auto stream = static_cast<uint32_t>(input.number());
    if (type >= kRequest) {
      bytes += frame(1, flags, stream, header_block(input.byte()));
    } else {
      std::string payload(input.text());
      if (const uint8_t times = input.byte(); type == 0 && times > 1) {
        payload.append(size_t{times} * 64, 'b');  // long bodies of few bytes here
      }
      bytes += frame(type % 12, flags, stream, payload);
    }
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HttpSessions sessions;
  fuzz::FuzzInput input(data, size);
  const uint8_t choice = input.byte();
  const size_t piece = choice < 16 ? size_t{1} << 20 : 1 + choice * 4;
  if (choice % 2 == 1) {
    sessions.exchange(std::string(kPreface).append(input.rest()), piece);
  } else {
    sessions.exchange(frames(input), piece);
  }
  return 0;
}
