// libFuzzer: any bytes from a client that speaks HTTP/1.1, or tries. The first byte picks the size
// of the pieces that the bytes come in; the same bytes at once must get the same answers.
#include "base/text.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/http_session.h"

namespace {

using namespace millstream;

// The good answers. What is refused depends on how much of it is there when it is looked at.
std::vector<std::string> good_answers(std::string_view received) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  std::vector<std::string> answers;
  for (size_t at = received.find(kStart); at != std::string_view::npos;) {
    const size_t next = received.find(kStart, at + 1);
    const std::string_view one = received.substr(at, next - at);
    if (one.substr(kStart.size()).starts_with("200")) answers.emplace_back(one);
    at = next;
  }
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HttpSessions sessions;
  fuzz::FuzzInput input(data, size);
  const size_t piece = 1 + input.byte() % 64;
  const std::string_view bytes = input.rest();
  constexpr std::string_view kHttp2 = "PRI * HTTP/2.0";
  if (bytes.starts_with(kHttp2)) return 0;
  const std::string whole = sessions.exchange(bytes, bytes.size());
  const std::string pieces = sessions.exchange(bytes, piece);
  // /wait ends when the client does, and an interim answer is sent to who waits for it.
  if (bytes.contains("/wait") || to_lower(bytes).contains("100-continue")) return 0;
  MS_ASSERT(good_answers(whole) == good_answers(pieces));
  return 0;
}
