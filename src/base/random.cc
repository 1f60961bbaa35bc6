#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/hash.h"
#include "base/result.h"

namespace millstream {
namespace {

void from_kernel(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    MS_ASSERT(count > 0);
    out = out.subspan(static_cast<size_t>(count));
  }
}

struct Stock {
  std::array<unsigned char, 512> bytes;
  size_t used = sizeof bytes;
};

}  // namespace

void fill_random(std::span<unsigned char> out) {
  thread_local Stock stock;
  if (out.size() > stock.bytes.size()) return from_kernel(out);
  if (stock.used + out.size() > stock.bytes.size()) {
    from_kernel(stock.bytes);
    stock.used = 0;
  }
  const auto from = std::span(stock.bytes).subspan(stock.used, out.size());
  std::ranges::copy(from, out.begin());
  std::ranges::fill(from, static_cast<unsigned char>(0));  // given once, kept nowhere
  stock.used += out.size();
}

uint64_t random_u64() {
  std::array<unsigned char, 8> bytes;
  fill_random(bytes);
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string uuid_v4() {
  std::array<unsigned char, 16> bytes;
  fill_random(bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (size_t position : {8u, 13u, 18u, 23u}) text.insert(position, 1, '-');
  return text;
}

}  // namespace millstream
