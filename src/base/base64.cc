#include "base/base64.h"

#include <immintrin.h>

#include <array>
#include <cstdint>

namespace millstream {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}();

uint32_t byte_at(const char* from, size_t i) { return static_cast<unsigned char>(from[i]); }

// The kernels encode and decode a front part of their input and return how many input bytes
// they took. The two table look-ups by nibbles are those that Wojciech Muła described.

#define MS_SSSE3 __attribute__((target("ssse3")))
#define MS_AVX2 __attribute__((target("avx2")))

// 12 bytes to 16 characters a step; reads 16 bytes.
MS_SSSE3 size_t encode_ssse3(const char* from, size_t size, char* out) {
  const __m128i spread = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  const __m128i offsets =
      _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                    '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  size_t done = 0;
  for (; done + 16 <= size; done += 12, out += 16) {
    __m128i in = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done));
    in = _mm_shuffle_epi8(in, spread);
    const __m128i odd =
        _mm_mulhi_epu16(_mm_and_si128(in, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
    const __m128i even =
        _mm_mullo_epi16(_mm_and_si128(in, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
    const __m128i values = _mm_or_si128(odd, even);
    __m128i row = _mm_subs_epu8(values, _mm_set1_epi8(51));
    const __m128i upper = _mm_cmpgt_epi8(_mm_set1_epi8(26), values);
    row = _mm_or_si128(row, _mm_and_si128(upper, _mm_set1_epi8(13)));
    const __m128i text = _mm_add_epi8(_mm_shuffle_epi8(offsets, row), values);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), text);
  }
  return done;
}

// 24 bytes to 32 characters a step; reads 28 bytes.
MS_AVX2 size_t encode_avx2(const char* from, size_t size, char* out) {
  const __m256i spread =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
  const __m256i offsets = _mm256_broadcastsi128_si256(
      _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                    '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
  size_t done = 0;
  for (; done + 28 <= size; done += 24, out += 32) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done + 12));
    __m256i in = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    in = _mm256_shuffle_epi8(in, spread);
    const __m256i odd = _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0fc0fc00)),
                                           _mm256_set1_epi32(0x04000040));
    const __m256i even = _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003f03f0)),
                                            _mm256_set1_epi32(0x01000010));
    const __m256i values = _mm256_or_si256(odd, even);
    __m256i row = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
    const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
    row = _mm256_or_si256(row, _mm256_and_si256(upper, _mm256_set1_epi8(13)));
    const __m256i text = _mm256_add_epi8(_mm256_shuffle_epi8(offsets, row), values);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), text);
  }
  return done;
}

// 16 characters to 12 bytes a step; writes 16. Stops at the first step that holds a character
// outside the alphabet.
MS_SSSE3 size_t decode_ssse3(const char* from, size_t size, char* out) {
  const __m128i low_classes = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                            0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
  const __m128i high_classes = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10,
                                             0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  const __m128i offsets = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i gather = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  const __m128i slash = _mm_set1_epi8(0x2f);
  size_t done = 0;
  for (; done + 16 <= size; done += 16, out += 12) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done));
    const __m128i high = _mm_and_si128(_mm_srli_epi32(text, 4), slash);
    const __m128i low = _mm_and_si128(text, slash);
    const __m128i wrong =
        _mm_and_si128(_mm_shuffle_epi8(low_classes, low), _mm_shuffle_epi8(high_classes, high));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())) != 0xffff) break;
    const __m128i row = _mm_add_epi8(_mm_cmpeq_epi8(text, slash), high);
    const __m128i values = _mm_add_epi8(text, _mm_shuffle_epi8(offsets, row));
    const __m128i pairs = _mm_maddubs_epi16(values, _mm_set1_epi32(0x01400140));
    const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(fours, gather));
  }
  return done;
}

// 32 characters to 24 bytes a step; writes 32.
MS_AVX2 size_t decode_avx2(const char* from, size_t size, char* out) {
  const __m256i low_classes =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                                0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a));
  const __m256i high_classes =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                                0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10));
  const __m256i offsets = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i gather = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
  const __m256i slash = _mm256_set1_epi8(0x2f);
  size_t done = 0;
  for (; done + 32 <= size; done += 32, out += 24) {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + done));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(text, 4), slash);
    const __m256i low = _mm256_and_si256(text, slash);
    const __m256i low_class = _mm256_shuffle_epi8(low_classes, low);
    const __m256i high_class = _mm256_shuffle_epi8(high_classes, high);
    if (!_mm256_testz_si256(low_class, high_class)) break;
    const __m256i row = _mm256_add_epi8(_mm256_cmpeq_epi8(text, slash), high);
    const __m256i values = _mm256_add_epi8(text, _mm256_shuffle_epi8(offsets, row));
    const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, gather), join);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), packed);
  }
  return done;
}

// x86-64-v2, which the build demands, has SSSE3.
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

}  // namespace

size_t base64_encode(std::string_view bytes, char* out) {
  const char* from = bytes.data();
  size_t left = bytes.size();
  char* to = out;
  auto advance = [&](size_t taken) {
    from += taken;
    left -= taken;
    to += taken / 3 * 4;
  };
  if (has_avx2() && left >= 28) advance(encode_avx2(from, left, to));
  if (left >= 16) advance(encode_ssse3(from, left, to));
  while (left > 0) {
    const size_t count = left < 3 ? left : 3;
    uint32_t bits = byte_at(from, 0) << 16;
    if (count > 1) bits |= byte_at(from, 1) << 8;
    if (count > 2) bits |= byte_at(from, 2);
    to[0] = kAlphabet[bits >> 18];
    to[1] = kAlphabet[bits >> 12 & 63];
    to[2] = count > 1 ? kAlphabet[bits >> 6 & 63] : '=';
    to[3] = count > 2 ? kAlphabet[bits & 63] : '=';
    from += count;
    left -= count;
    to += 4;
  }
  return static_cast<size_t>(to - out);
}

std::string base64_encode(std::string_view bytes) {
  std::string text(base64_encoded_size(bytes.size()) + 32, '\0');
  text.resize(base64_encode(bytes, text.data()));
  return text;
}

std::optional<size_t> base64_decode(std::string_view text, char* out) {
  if (text.size() % 4 != 0) return std::nullopt;
  const char* from = text.data();
  size_t left = text.size();
  char* to = out;
  auto advance = [&](size_t taken) {
    from += taken;
    left -= taken;
    to += taken / 4 * 3;
  };
  // A kernel stops at what it doesn't know; what remains is judged by the loop below.
  if (has_avx2() && left >= 32) advance(decode_avx2(from, left, to));
  if (left >= 16) advance(decode_ssse3(from, left, to));
  for (; left > 0; from += 4, left -= 4) {
    size_t padding = 0;
    if (left == 4 && from[3] == '=') padding = from[2] == '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; ++i) {
      const int value = i + padding < 4 ? kValues[byte_at(from, i)] : 0;
      if (value < 0) return std::nullopt;
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    *to++ = static_cast<char>(bits >> 16);
    if (padding < 2) *to++ = static_cast<char>(bits >> 8);
    if (padding < 1) *to++ = static_cast<char>(bits);
  }
  return static_cast<size_t>(to - out);
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string bytes(base64_decoded_bound(text.size()) + 32, '\0');
  const auto size = base64_decode(text, bytes.data());
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

}  // namespace millstream
