// Keys as bytes: per value a tag, then its bytes in an order that memcmp keeps.
//   NULL 00 | BOOL 01 b | INT64 02 + 8 big-endian, sign turned | DOUBLE 03 + 8 | DECIMAL 04 + 16
//   STRING 05 + bytes, 00 written as 00 FF + 00 (no tag is FF, so the end is unambiguous)
#include <bit>
#include <cmath>
#include <cstring>

#include "analytics/engine/state.h"

namespace millstream::analytics {
namespace {

constexpr char kNullTag = 0;
constexpr char kBoolTag = 1;
constexpr char kInt64Tag = 2;
constexpr char kDoubleTag = 3;
constexpr char kDecimalTag = 4;
constexpr char kStringTag = 5;
constexpr size_t kInt64Bytes = 9;
constexpr uint64_t kSign = uint64_t{1} << 63;

char* put_big_endian(char* to, uint64_t value) {
  store_le(to, __builtin_bswap64(value));
  return to + sizeof value;
}

uint64_t get_big_endian(const char* from) { return __builtin_bswap64(load_le<uint64_t>(from)); }

char* put_int64(char* to, int64_t value) {
  *to = kInt64Tag;
  return put_big_endian(to + 1, static_cast<uint64_t>(value) ^ kSign);
}

uint64_t ordered_bits(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0;  // -0.0
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double from_ordered_bits(uint64_t bits) {
  return std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
}

char* put_string(char* to, std::string_view text) {
  *to++ = kStringTag;
  while (!text.empty()) {
    const void* const zero = std::memchr(text.data(), 0, text.size());
    const size_t run = zero == nullptr
                           ? text.size()
                           : static_cast<size_t>(static_cast<const char*>(zero) - text.data()) + 1;
    std::memcpy(to, text.data(), run);
    to += run;
    text.remove_prefix(run);
    if (zero != nullptr) *to++ = '\xFF';
  }
  *to++ = 0;
  return to;
}

size_t most_bytes(const Column& column, size_t row) {
  return column.physical == Physical::kString ? 2 * column.strings[row].size() + 2 : 17;
}

char* put_value(char* to, const Column& column, size_t row) {
  if (column.is_null(row)) {
    *to = kNullTag;
    return to + 1;
  }
  switch (column.physical) {
    case Physical::kBool:
      to[0] = kBoolTag;
      to[1] = column.bools[row] != 0 ? 1 : 0;
      return to + 2;
    case Physical::kInt64:
      return put_int64(to, column.ints[row]);
    case Physical::kDouble:
      *to = kDoubleTag;
      return put_big_endian(to + 1, ordered_bits(column.doubles[row]));
    case Physical::kDecimal: {
      const auto bits = static_cast<unsigned __int128>(column.decimals[row]);
      *to = kDecimalTag;
      to = put_big_endian(to + 1, static_cast<uint64_t>(bits >> 64) ^ kSign);
      return put_big_endian(to, static_cast<uint64_t>(bits));
    }
    case Physical::kString:
      break;
  }
  return put_string(to, column.strings[row]);
}

uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Takes the text of a string off the front of `rest`.
std::string_view take_string(std::string_view& rest, Arena& arena) {
  size_t size = 0;  // of the encoded text
  bool escaped = false;
  while (true) {
    const size_t zero = rest.find('\0', size);
    MS_ASSERT(zero != std::string_view::npos);
    size = zero;
    if (zero + 1 == rest.size() || rest[zero + 1] != '\xFF') break;
    escaped = true;
    size += 2;
  }
  const std::string_view encoded = rest.substr(0, size);
  rest.remove_prefix(size + 1);
  if (!escaped) return arena.copy(encoded);
  char* const text = arena.allocate(encoded.size());
  size_t length = 0;
  for (size_t i = 0; i < encoded.size(); ++i) {
    text[length++] = encoded[i];
    if (encoded[i] == 0) ++i;
  }
  return {text, length};
}

void take_value(std::string_view& rest, Column& out, Arena& arena) {
  MS_ASSERT(!rest.empty());
  const char tag = rest.front();
  rest.remove_prefix(1);
  if (tag == kNullTag) return out.append_null();
  switch (out.physical) {
    case Physical::kBool:
      MS_ASSERT(tag == kBoolTag && !rest.empty());
      out.bools.push_back(static_cast<uint8_t>(rest.front()));
      rest.remove_prefix(1);
      break;
    case Physical::kInt64:
      MS_ASSERT(tag == kInt64Tag && rest.size() >= 8);
      out.ints.push_back(static_cast<int64_t>(get_big_endian(rest.data()) ^ kSign));
      rest.remove_prefix(8);
      break;
    case Physical::kDouble:
      MS_ASSERT(tag == kDoubleTag && rest.size() >= 8);
      out.doubles.push_back(from_ordered_bits(get_big_endian(rest.data())));
      rest.remove_prefix(8);
      break;
    case Physical::kDecimal: {
      MS_ASSERT(tag == kDecimalTag && rest.size() >= 16);
      const auto high = static_cast<unsigned __int128>(get_big_endian(rest.data()) ^ kSign);
      out.decimals.push_back(static_cast<Decimal>(high << 64 | get_big_endian(rest.data() + 8)));
      rest.remove_prefix(16);
      break;
    }
    case Physical::kString:
      MS_ASSERT(tag == kStringTag);
      out.strings.push_back(take_string(rest, arena));
      break;
  }
  if (!out.nulls.empty()) out.nulls.push_back(0);
}

}  // namespace

void KeyEncoder::encode(const Batch& batch) {
  keys_.resize(batch.rows);
  hashes_.resize(batch.rows);
  std::vector<const Column*> columns;
  columns.reserve(columns_.size());
  for (const int column : columns_) {
    columns.push_back(batch.columns[static_cast<size_t>(column)].get());
    MS_ASSERT(columns.back() != nullptr);
  }
  if (columns.size() == 1 && columns[0]->physical == Physical::kInt64 &&
      columns[0]->nulls.empty()) {
    bytes_.resize(batch.rows * kInt64Bytes);
    char* to = bytes_.data();
    for (size_t row = 0; row < batch.rows; ++row) {
      keys_[row] = {to, kInt64Bytes};
      to = put_int64(to, columns[0]->ints[row]);
      hashes_[row] = hash_key(keys_[row]);
    }
    return;
  }
  size_t bytes = 0;
  for (const Column* column : columns) {
    if (column->physical != Physical::kString) {
      bytes += 17 * batch.rows;
      continue;
    }
    for (size_t row = 0; row < batch.rows; ++row) bytes += most_bytes(*column, row);
  }
  bytes_.resize(bytes + 1);
  char* to = bytes_.data();
  for (size_t row = 0; row < batch.rows; ++row) {
    char* const start = to;
    for (const Column* column : columns) to = put_value(to, *column, row);
    keys_[row] = {start, static_cast<size_t>(to - start)};
    hashes_[row] = hash_key(keys_[row]);
  }
}

uint64_t hash_key(std::string_view key) {
  // Two 64x64 multiplications for a short key; the constants are arbitrary odd numbers. Part of
  // the stored format: it decides the key group.
  constexpr uint64_t kA = 0x9E3779B97F4A7C15;
  constexpr uint64_t kB = 0xD1B54A32D192ED03;
  constexpr uint64_t kC = 0x8CB92BA72F3D8DD7;
  const char* from = key.data();
  size_t left = key.size();
  uint64_t hash = kC ^ key.size();
  while (left > 16) {
    hash = mix(load_le<uint64_t>(from) ^ kA ^ hash, load_le<uint64_t>(from + 8) ^ kB);
    from += 16;
    left -= 16;
  }
  uint64_t a = 0;
  uint64_t b = 0;
  if (left >= 8) {
    a = load_le<uint64_t>(from);
    b = load_le<uint64_t>(from + left - 8);
  } else if (left >= 4) {
    a = load_le<uint32_t>(from);
    b = load_le<uint32_t>(from + left - 4);
  } else {
    for (size_t i = 0; i < left; ++i) a = a << 8 | static_cast<uint8_t>(from[i]);
  }
  return mix(mix(a ^ kA ^ hash, b ^ kB) ^ kC, kA ^ key.size());
}

void append_key_value(const Column& column, size_t row, std::string& key) {
  const size_t size = key.size();
  key.resize(size + most_bytes(column, row));
  const char* const end = put_value(key.data() + size, column, row);
  key.resize(static_cast<size_t>(end - key.data()));
}

void append_key_int64(int64_t value, std::string& key) {
  char bytes[kInt64Bytes];
  put_int64(bytes, value);
  key.append(bytes, sizeof bytes);
}

size_t decode_key(std::string_view key, std::span<Column* const> out, Arena& arena) {
  std::string_view rest = key;
  for (Column* const column : out) take_value(rest, *column, arena);
  return key.size() - rest.size();
}

int64_t decode_key_int64(std::string_view key) {
  MS_ASSERT(key.size() >= kInt64Bytes && key[key.size() - kInt64Bytes] == kInt64Tag);
  return static_cast<int64_t>(get_big_endian(key.data() + key.size() - 8) ^ kSign);
}

std::string after_prefix(std::string_view prefix) {
  std::string result(prefix);
  while (!result.empty() && result.back() == '\xFF') result.pop_back();
  if (!result.empty()) result.back() = static_cast<char>(result.back() + 1);
  return result;
}

}  // namespace millstream::analytics
