// MD5 (RFC 1321) of eight short inputs at once, one in each 32-bit lane of AVX2 registers.
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/hash.h"
#include "base/result.h"

namespace millstream {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kBlock = 64;
// Longer inputs go one by one: their blocks would keep seven idle lanes waiting.
constexpr size_t kLongest = 4 * kBlock - 9;

constexpr std::array<uint32_t, 4> kStart = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

// floor(2^32 * abs(sin(i + 1)))
const std::array<uint32_t, 64> kSines = [] {
  std::array<uint32_t, 64> sines{};
  for (uint32_t i = 0; i < 64; ++i) {
    sines[i] = static_cast<uint32_t>(std::floor(std::fabs(std::sin(double(i + 1))) * 4294967296.0));
  }
  return sines;
}();

size_t blocks_of(std::string_view input) { return (input.size() + 8) / kBlock + 1; }

// Block `index` of `input` with its padding, as MD5 sees it.
void fill_block(std::string_view input, size_t index, char* block) {
  const size_t offset = index * kBlock;
  if (offset + kBlock <= input.size()) {
    std::memcpy(block, input.data() + offset, kBlock);
    return;
  }
  std::memset(block, 0, kBlock);
  if (offset <= input.size()) {
    const size_t count = input.size() - offset;
    if (count > 0) std::memcpy(block, input.data() + offset, count);
    block[count] = static_cast<char>(0x80);
  }
  if (index + 1 == blocks_of(input)) {
    const uint64_t bits = uint64_t{input.size()} * 8;
    std::memcpy(block + kBlock - 8, &bits, 8);
  }
}

#define MS_AVX2 __attribute__((target("avx2"), always_inline)) inline

MS_AVX2 __m256i add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
template <int kBits>
MS_AVX2 __m256i rotate(__m256i x) {
  return _mm256_or_si256(_mm256_slli_epi32(x, kBits), _mm256_srli_epi32(x, 32 - kBits));
}

// The four round functions of RFC 1321, with one operation less where there is a way.
template <int kRound>
MS_AVX2 __m256i mix(__m256i b, __m256i c, __m256i d) {
  if constexpr (kRound == 0) {
    return _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)));
  } else if constexpr (kRound == 1) {
    return _mm256_xor_si256(c, _mm256_and_si256(d, _mm256_xor_si256(b, c)));
  } else if constexpr (kRound == 2) {
    return _mm256_xor_si256(b, _mm256_xor_si256(c, d));
  } else {
    const __m256i not_d = _mm256_xor_si256(d, _mm256_set1_epi32(-1));
    return _mm256_xor_si256(c, _mm256_or_si256(b, not_d));
  }
}

template <int kRound, int kShift>
MS_AVX2 void step(__m256i& a, __m256i b, __m256i c, __m256i d, __m256i word, uint32_t sine) {
  const __m256i term = add(word, _mm256_set1_epi32(static_cast<int>(sine)));
  a = add(b, rotate<kShift>(add(add(a, mix<kRound>(b, c, d)), term)));
}

// Which word of the block a step of a round takes.
template <int kRound>
constexpr size_t word_of(size_t step) {
  constexpr size_t kFactor[] = {1, 5, 3, 7};
  constexpr size_t kOffset[] = {0, 1, 5, 0};
  return (step * kFactor[kRound] + kOffset[kRound]) % 16;
}

template <int kRound, int kShift0, int kShift1, int kShift2, int kShift3>
MS_AVX2 void sixteen_steps(__m256i* state, const __m256i* words) {
  constexpr size_t kFirst = size_t{kRound} * 16;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 16; i += 4) {
    step<kRound, kShift0>(state[0], state[1], state[2], state[3], words[word_of<kRound>(i)],
                          kSines[kFirst + i]);
    step<kRound, kShift1>(state[3], state[0], state[1], state[2], words[word_of<kRound>(i + 1)],
                          kSines[kFirst + i + 1]);
    step<kRound, kShift2>(state[2], state[3], state[0], state[1], words[word_of<kRound>(i + 2)],
                          kSines[kFirst + i + 2]);
    step<kRound, kShift3>(state[1], state[2], state[3], state[0], words[word_of<kRound>(i + 3)],
                          kSines[kFirst + i + 3]);
  }
}

// words[w] = the w-th word of each of the eight blocks: an 8x8 transposition, twice.
MS_AVX2 void transpose(const char (*blocks)[kBlock], __m256i* words) {
  for (size_t half = 0; half < 2; ++half) {
    __m256i row[kLanes];
    for (size_t lane = 0; lane < kLanes; ++lane) {
      row[lane] = _mm256_load_si256(reinterpret_cast<const __m256i*>(blocks[lane] + half * 32));
    }
    __m256i pair[kLanes];
    for (size_t i = 0; i < kLanes; i += 2) {
      pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
      pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
    __m256i four[kLanes];
    for (size_t i = 0; i < kLanes; i += 4) {
      four[i] = _mm256_unpacklo_epi64(pair[i], pair[i + 2]);
      four[i + 1] = _mm256_unpackhi_epi64(pair[i], pair[i + 2]);
      four[i + 2] = _mm256_unpacklo_epi64(pair[i + 1], pair[i + 3]);
      four[i + 3] = _mm256_unpackhi_epi64(pair[i + 1], pair[i + 3]);
    }
    for (size_t i = 0; i < 4; ++i) {
      words[half * 8 + i] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x20);
      words[half * 8 + i + 4] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x31);
    }
  }
}

// The digests of the `count` inputs numbered by `which`; idle lanes repeat the first.
__attribute__((target("avx2"))) void md5_eight(std::span<const std::string_view> inputs,
                                               const size_t* which, size_t count, Md5* out) {
  size_t lane_blocks[kLanes];
  size_t most = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    lane_blocks[lane] = blocks_of(inputs[which[lane < count ? lane : 0]]);
    most = std::max(most, lane_blocks[lane]);
  }
  __m256i state[4];
  for (size_t i = 0; i < 4; ++i) state[i] = _mm256_set1_epi32(static_cast<int>(kStart[i]));
  for (size_t index = 0; index < most; ++index) {
    alignas(32) char blocks[kLanes][kBlock];
    alignas(32) int32_t active[kLanes];
    for (size_t lane = 0; lane < kLanes; ++lane) {
      active[lane] = index < lane_blocks[lane] ? -1 : 0;
      if (active[lane]) {
        fill_block(inputs[which[lane < count ? lane : 0]], index, blocks[lane]);
      } else {
        std::memset(blocks[lane], 0, kBlock);
      }
    }
    __m256i words[16];
    transpose(blocks, words);
    __m256i next[4] = {state[0], state[1], state[2], state[3]};
    sixteen_steps<0, 7, 12, 17, 22>(next, words);
    sixteen_steps<1, 5, 9, 14, 20>(next, words);
    sixteen_steps<2, 4, 11, 16, 23>(next, words);
    sixteen_steps<3, 6, 10, 15, 21>(next, words);
    const __m256i mask = _mm256_load_si256(reinterpret_cast<const __m256i*>(active));
    for (size_t i = 0; i < 4; ++i) {
      state[i] = add(state[i], _mm256_and_si256(next[i], mask));
    }
  }
  alignas(32) uint32_t columns[4][kLanes];
  for (size_t i = 0; i < 4; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(columns[i]), state[i]);
  }
  for (size_t lane = 0; lane < count; ++lane) {
    for (size_t i = 0; i < 4; ++i) {
      std::memcpy(out[which[lane]].data() + i * 4, &columns[i][lane], 4);
    }
  }
}

bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

}  // namespace

void md5_many(std::span<const std::string_view> inputs, std::span<Md5> out) {
  MS_ASSERT(inputs.size() == out.size());
  // Below three, the lanes cost more than they save.
  if (inputs.size() < 3 || !has_avx2()) {
    for (size_t i = 0; i < inputs.size(); ++i) out[i] = md5(inputs[i]);
    return;
  }
  size_t which[kLanes];
  size_t count = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].size() > kLongest) {
      out[i] = md5(inputs[i]);
      continue;
    }
    which[count++] = i;
    if (count == kLanes) {
      md5_eight(inputs, which, count, out.data());
      count = 0;
    }
  }
  if (count > 0) md5_eight(inputs, which, count, out.data());
}

}  // namespace millstream
