#include "wire/cbor_reader.h"

#include <bit>
#include <cmath>

namespace millstream::wire {
namespace {

enum Major : uint8_t { kUnsigned, kNegative, kBytes, kText, kArray, kMap, kTag, kSimple };

constexpr unsigned kIndefinite = 31;

double half_to_double(uint64_t bits) {
  const auto exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto fraction = static_cast<double>(bits & 0x3ff);
  constexpr int kBias = 25;  // of the exponent, fraction's ten bits included
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, 1 - kBias);
  } else if (exponent != 31) {
    value = std::ldexp(fraction + 1024, exponent - kBias);
  } else {
    value = fraction == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

}  // namespace

bool CborReader::argument(unsigned info, uint64_t& value) {
  if (info < 24) {
    value = info;
    return true;
  }
  if (info > 27) return false;
  const size_t bytes = size_t{1} << (info - 24);
  if (left() < bytes) return false;
  value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
  }
  return true;
}

bool CborReader::simple(unsigned info, CborItem& item) {
  uint64_t bits = 0;
  switch (info) {
    case 20:
    case 21:
      item.type = CborType::kBoolean;
      item.boolean = info == 21;
      return true;
    case 22:
    case 23:
      item.type = CborType::kNull;
      return true;
    case 25:
    case 26:
    case 27:
      if (!argument(info, bits)) return false;
      item.type = CborType::kFloat;
      if (info == 25) item.real = half_to_double(bits);
      if (info == 26) item.real = std::bit_cast<float>(static_cast<uint32_t>(bits));
      if (info == 27) item.real = std::bit_cast<double>(bits);
      return true;
    default:  // a break where no item ends, or a simple value that nobody has defined
      return false;
  }
}

bool CborReader::next(CborItem& item) {
  for (;;) {
    if (at_end()) return false;
    const auto head = static_cast<unsigned char>(bytes_[at_++]);
    const auto major = static_cast<Major>(head >> 5);
    const unsigned info = head & 0x1fU;
    item = CborItem();
    if (major == kSimple) return simple(info, item);
    const bool may_be_indefinite =
        major == kBytes || major == kText || major == kArray || major == kMap;
    item.indefinite = info == kIndefinite && may_be_indefinite;
    if (!item.indefinite && !argument(info, item.number)) return false;
    switch (major) {
      case kUnsigned:
        item.type = CborType::kUnsigned;
        return true;
      case kNegative:
        item.type = CborType::kNegative;
        return true;
      case kBytes:
      case kText:
        item.type = major == kBytes ? CborType::kBytes : CborType::kText;
        if (item.indefinite) return true;
        if (item.number > left()) return false;
        item.text = bytes_.substr(at_, item.number);
        at_ += item.number;
        return true;
      case kArray:  // an element has at least one byte
        item.type = CborType::kArray;
        return item.number <= left();
      case kMap:
        item.type = CborType::kMap;
        return item.number <= left() / 2;
      default:  // a tag
        continue;
    }
  }
}

bool CborReader::skip(const CborItem& item, size_t depth) {
  CborItem part;
  if (item.type == CborType::kBytes || item.type == CborType::kText) {
    if (!item.indefinite) return true;
    while (!take_break()) {
      if (!next(part) || part.type != item.type || part.indefinite) return false;
    }
    return true;
  }
  if (item.type != CborType::kArray && item.type != CborType::kMap) return true;
  if (depth >= kMaxCborDepth) return false;
  for (CborElements elements(*this, item); elements.more();) {
    for (int i = item.type == CborType::kMap ? 2 : 1; i > 0; --i) {
      if (!next(part) || !skip(part, depth + 1)) return false;
    }
  }
  return true;
}

bool CborReader::chunks(const CborItem& item, std::string& text) {
  text.clear();
  CborItem part;
  while (!take_break()) {
    if (!next(part) || part.type != item.type || part.indefinite) return false;
    text += part.text;
  }
  return true;
}

}  // namespace millstream::wire
