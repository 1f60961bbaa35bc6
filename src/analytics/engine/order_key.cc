#include "analytics/engine/order_key.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace millstream::analytics {
namespace {

constexpr char kNullFirst = 0;
constexpr char kValue = 1;
constexpr char kNullLast = 2;
constexpr uint64_t kSign = uint64_t{1} << 63;

void append_big_endian(std::string& out, uint64_t bits) {
  const uint64_t swapped = __builtin_bswap64(bits);
  char bytes[8];
  std::memcpy(bytes, &swapped, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

uint64_t ordered_bits(double value) {
  if (std::isnan(value)) return ~uint64_t{0};
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

// A zero byte becomes 0 255; 0 0 ends the string: shorter ones come first.
void append_string(std::string& out, std::string_view text) {
  for (const char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xFF');
  }
  out.append(2, '\0');
}

void append_value(const Column& column, size_t row, std::string& out) {
  switch (column.physical) {
    case Physical::kBool:
      out.push_back(static_cast<char>(column.bools[row]));
      break;
    case Physical::kInt64:
      append_big_endian(out, static_cast<uint64_t>(column.ints[row]) ^ kSign);
      break;
    case Physical::kDouble:
      append_big_endian(out, ordered_bits(column.doubles[row]));
      break;
    case Physical::kDecimal: {
      const auto bits = static_cast<unsigned __int128>(column.decimals[row]);
      append_big_endian(out, static_cast<uint64_t>(bits >> 64) ^ kSign);
      append_big_endian(out, static_cast<uint64_t>(bits));
      break;
    }
    case Physical::kString:
      append_string(out, column.strings[row]);
      break;
  }
}

}  // namespace

void OrderKey::encode(const Batch& batch, size_t row, std::string& out) const {
  for (const RankNode::Order& order : order_) {
    const ColumnPtr& column = batch.columns[static_cast<size_t>(order.column)];
    if (column == nullptr || column->is_null(row)) {
      out.push_back(order.nulls_first ? kNullFirst : kNullLast);
      continue;
    }
    out.push_back(kValue);
    const size_t start = out.size();
    append_value(*column, row, out);
    if (order.descending) {
      for (size_t i = start; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
    }
  }
}

uint64_t order_prefix(std::string_view key) {
  char bytes[8] = {};
  std::memcpy(bytes, key.data(), key.size() < 8 ? key.size() : 8);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return __builtin_bswap64(bits);
}

}  // namespace millstream::analytics
