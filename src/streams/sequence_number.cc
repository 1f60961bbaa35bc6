#include "streams/sequence_number.h"

#include <algorithm>
#include <cstring>

namespace millstream::streams {
namespace {

constexpr uint64_t kLimb = 1'000'000'000'000'000'000;  // 10^18
// The counter stands at bit 80: the next one is 2^80 higher.
constexpr unsigned kCounterBit = 80;
constexpr uint64_t kStepLow = static_cast<uint64_t>(((unsigned __int128){1} << 80) % kLimb);
constexpr uint64_t kStepHigh = static_cast<uint64_t>(((unsigned __int128){1} << 80) / kLimb);
static_assert(kStepLow == 819'614'629'174'706'176 && kStepHigh == 1'208'925);

// Numbers below 2^192, lowest word first.
struct Wide {
  std::array<uint64_t, 3> words{};

  // this * factor + addend; false if it overflows.
  bool multiply_add(uint64_t factor, uint64_t addend) {
    uint64_t carry = addend;
    for (uint64_t& word : words) {
      const unsigned __int128 product = (unsigned __int128){word} * factor + carry;
      word = static_cast<uint64_t>(product);
      carry = static_cast<uint64_t>(product >> 64);
    }
    return carry == 0;
  }

  // Divides by `divisor`, returns the rest.
  uint64_t divide(uint64_t divisor) {
    uint64_t rest = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const unsigned __int128 dividend = (unsigned __int128){rest} << 64 | words[i];
      words[i] = static_cast<uint64_t>(dividend / divisor);
      rest = static_cast<uint64_t>(dividend % divisor);
    }
    return rest;
  }

  void add_shifted(uint64_t value, unsigned bit) {
    const unsigned __int128 shifted = (unsigned __int128){value} << (bit % 64);
    uint64_t carry = 0;
    for (size_t i = bit / 64, part = 0; i < words.size(); ++i, ++part) {
      const uint64_t piece = part == 0   ? static_cast<uint64_t>(shifted)
                             : part == 1 ? static_cast<uint64_t>(shifted >> 64)
                                         : 0;
      const unsigned __int128 sum = (unsigned __int128){words[i]} + piece + carry;
      words[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
  }

  int hex_digits() const {
    for (int digits = 48; digits > 0; --digits) {
      if (nibble(digits - 1) != 0) return digits;
    }
    return 0;
  }
  unsigned nibble(int from_right) const {
    const auto at = static_cast<unsigned>(from_right);
    return static_cast<unsigned>(words[at / 16] >> (at % 16 * 4) & 15);
  }
  // `count` hex digits (at most 16) from the left, of a number with `digits` hex digits.
  uint64_t hex(int digits, int from, int count) const {
    uint64_t value = 0;
    for (int i = from; i < from + count && i < digits; ++i) {
      value = value << 4 | nibble(digits - 1 - i);
    }
    return value;
  }
};

Wide to_wide(const SequenceNumber& number) {
  const auto index = static_cast<uint64_t>(number.shard_index);
  constexpr uint64_t kSecondsMask = (uint64_t{1} << 36) - 1;
  Wide wide;
  wide.add_shifted(2, 184);
  wide.add_shifted(static_cast<uint64_t>(number.created_s) & kSecondsMask, 148);
  wide.add_shifted(index & 15, 144);
  wide.add_shifted(number.counter, kCounterBit);
  wide.add_shifted(static_cast<uint64_t>(number.time_s) & kSecondsMask, 36);
  wide.add_shifted(index & 0xffff'ffff, 4);
  wide.add_shifted(2, 0);
  return wide;
}

constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

void write_pair(char* out, uint32_t value) { std::memcpy(out, &kPairs[value * 2], 2); }

void write_8_digits(char* out, uint32_t value) {
  const uint32_t high = value / 10'000;
  const uint32_t low = value % 10'000;
  write_pair(out, high / 100);
  write_pair(out + 2, high % 100);
  write_pair(out + 4, low / 100);
  write_pair(out + 6, low % 100);
}

void write_18_digits(char* out, uint64_t value) {
  const uint64_t top = value / 10'000'000'000'000'000;  // 2 digits
  const uint64_t rest = value % 10'000'000'000'000'000;
  write_pair(out, static_cast<uint32_t>(top));
  write_8_digits(out + 2, static_cast<uint32_t>(rest / 100'000'000));
  write_8_digits(out + 10, static_cast<uint32_t>(rest % 100'000'000));
}

std::array<uint64_t, 4> to_limbs(Wide wide) {
  std::array<uint64_t, 4> limbs{};
  for (uint64_t& limb : limbs) limb = wide.divide(kLimb);
  return limbs;
}

}  // namespace

std::string shard_id_text(int64_t index) {
  return index < 0 ? fmt::format("shardId--{:011}", -index) : fmt::format("shardId-{:012}", index);
}

std::string format_sequence_number(const SequenceNumber& number) {
  const auto limbs = to_limbs(to_wide(number));
  std::string text(kSequenceNumberSize, '0');
  write_pair(text.data(), static_cast<uint32_t>(limbs[3]));
  for (size_t i = 0; i < 3; ++i) write_18_digits(text.data() + 2 + 18 * i, limbs[2 - i]);
  return text;
}

std::optional<SequenceNumber> parse_sequence_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  Wide wide;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (!wide.multiply_add(10, static_cast<uint64_t>(c - '0'))) return std::nullopt;
  }
  // The oldest format: 32 hex digits, the leading 1 may be left out.
  if (wide.words[2] == 0 && wide.words[1] < uint64_t{1} << 60) {
    wide.add_shifted(uint64_t{1} << 60, 64);
  }
  const int digits = wide.hex_digits();
  const bool oldest = wide.words[2] < 2;  // below 2^129
  SequenceNumber number;
  number.created_s = static_cast<int64_t>(wide.hex(digits, 1, 9));
  // AWS limit: later dates are refused (kinesalite, measured).
  constexpr int64_t kLastDate = 16'025'175'000;
  if (oldest) {
    if (number.created_s >= kLastDate) return std::nullopt;
    number.version = 0;
    number.shard_index = static_cast<int64_t>(wide.hex(digits, 28, 4));
    return number;
  }
  constexpr int kDigits = 47;
  if (digits != kDigits || wide.nibble(kDigits - 1) != 2) return std::nullopt;
  number.version = static_cast<int>(wide.nibble(0));
  const auto index = static_cast<int64_t>(wide.hex(digits, 38, 8));
  number.shard_index = index > 0x7fff'ffff ? -index : index;
  if (number.version == 2) {
    number.counter = wide.hex(digits, 11, 16);
    number.time_s = static_cast<int64_t>(wide.hex(digits, 29, 9));
    if (number.counter >> 63 != 0 || number.created_s >= kLastDate) return std::nullopt;
    return number;
  }
  if (number.version == 1) {
    number.counter = wide.hex(digits, 36, 2);
    number.time_s = static_cast<int64_t>(wide.hex(digits, 13, 9));
    return number;
  }
  return std::nullopt;
}

std::string starting_sequence_number(const Shard& shard) {
  return format_sequence_number({shard.created_s, shard.index, 0, shard.created_s});
}

std::optional<std::string> ending_sequence_number(const Shard& shard) {
  if (!shard.end) return std::nullopt;
  return format_sequence_number({shard.created_s, shard.index, *shard.end,
                                 std::max(shard.created_s, shard.closed_ms / 1000)});
}

Result<Counter> check_starting_sequence_number(std::string_view text, std::string_view operation,
                                               const Stream& stream, const Shard& shard) {
  const auto number = parse_sequence_number(text);
  const auto place = [&] {
    return fmt::format(
        "StartingSequenceNumber {} used in {} on shard {} in stream {} under account {}", text,
        operation, shard_id_text(shard.index), stream.key.name, stream.key.account);
  };
  if (!number) return fail(ErrorCode::kInvalidArgument, "{} is invalid.", place());
  if (number->shard_index != shard.index) {
    return fail(ErrorCode::kInvalidArgument,
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a "
                "shard with {}",
                shard_id_text(number->shard_index), shard_id_text(shard.index));
  }
  if (number->version != 2 || number->created_s != shard.created_s) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is invalid because it did not come from this stream.", place());
  }
  return number->counter;
}

SequenceNumberWriter::SequenceNumberWriter(const Shard& shard, Counter first, TimeMs time_ms)
    : limbs_(to_limbs(to_wide(
          {shard.created_s, shard.index, first, std::max(shard.created_s, time_ms / 1000)}))) {
  render_high();
}

void SequenceNumberWriter::render_high() {
  write_pair(high_.data(), static_cast<uint32_t>(limbs_[3]));
  write_18_digits(high_.data() + 2, limbs_[2]);
}

void SequenceNumberWriter::write_next(char* out) {
  std::memcpy(out, high_.data(), high_.size());
  write_18_digits(out + 20, limbs_[1]);
  write_18_digits(out + 38, limbs_[0]);
  limbs_[0] += kStepLow;
  limbs_[1] += kStepHigh;
  if (limbs_[0] >= kLimb) {
    limbs_[0] -= kLimb;
    ++limbs_[1];
  }
  if (limbs_[1] >= kLimb) {
    limbs_[1] -= kLimb;
    if (++limbs_[2] == kLimb) {
      limbs_[2] = 0;
      ++limbs_[3];
    }
    render_high();
  }
}

}  // namespace millstream::streams
