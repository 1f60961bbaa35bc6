// A pull reader of CBOR (RFC 8949) over bytes that somebody else keeps: definite and indefinite
// lengths, tags, all widths of numbers. Copies nothing but strings that come in parts.
//
// Bounds: no length is believed before as many bytes have been seen; nesting is the caller's,
// skip() goes at most kMaxCborDepth levels down.
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace millstream::wire {

// Deeper documents are refused, as in JSON (kMaxJsonDepth).
inline constexpr size_t kMaxCborDepth = 128;

enum class CborType : uint8_t {
  kUnsigned,  // number
  kNegative,  // -1 - number
  kBytes,
  kText,
  kArray,
  kMap,
  kBoolean,
  kNull,  // undefined too
  kFloat,
};

// The start of one data item.
struct CborItem {
  CborType type = CborType::kNull;
  bool indefinite = false;  // strings, arrays, maps: parts follow until a break
  bool boolean = false;
  uint64_t number = 0;    // of integers; the elements of an array or the pairs of a map
  double real = 0;        // of floats
  std::string_view text;  // of strings that come in one part; not checked for UTF-8

  bool is_integer() const { return type == CborType::kUnsigned || type == CborType::kNegative; }
  bool is_number() const { return is_integer() || type == CborType::kFloat; }
  // The nearest number that fits.
  int64_t as_int64() const {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const auto n = static_cast<int64_t>(number < kMax ? number : kMax);
    return type == CborType::kUnsigned ? n : -1 - n;
  }
  double as_double() const {
    if (type == CborType::kFloat) return real;
    const auto n = static_cast<double>(number);
    return type == CborType::kUnsigned ? n : -1 - n;
  }
};

// Every function that returns bool: false means that the bytes are not CBOR (or more than is
// supported); the reader is of no use afterwards.
class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : bytes_(bytes) {}

  // The next item behind its tags, which carry nothing that the models don't say already. A
  // break is no item: CborElements and chunks() take those that end something.
  bool next(CborItem& item);
  // The next item if it is a string of `type` in one part, or a map, and as most clients write
  // it: no tag, no length of more bytes than needed here. False: it is not, and the reader stands
  // anywhere; next() would read it.
  bool next_string(CborType type, std::string_view& text) {
    if (at_end()) return false;
    const auto head = static_cast<unsigned char>(bytes_[at_++]);
    if (head >> 5 != (type == CborType::kBytes ? 2U : 3U)) return false;
    size_t size = head & 0x1fU;
    if (size >= 24) {
      if (size > 26) return false;
      const size_t width = size_t{1} << (size - 24);
      if (left() < width) return false;
      size = 0;
      for (size_t i = 0; i < width; ++i)
        size = size << 8 | static_cast<unsigned char>(bytes_[at_++]);
    }
    if (size > left()) return false;
    text = {bytes_.data() + at_, size};
    at_ += size;
    return true;
  }
  bool next_map(CborItem& item) {
    if (at_end()) return false;
    const auto head = static_cast<unsigned char>(bytes_[at_++]);
    item.type = CborType::kMap;
    item.indefinite = head == 0xbf;
    item.number = item.indefinite ? 0 : head & 0x1fU;
    return item.indefinite || (head >> 5 == 5 && item.number < 24);
  }
  // Goes behind `item`, the last one read.
  bool skip(const CborItem& item, size_t depth = 0);
  // The parts of `item`, the last one read: an indefinite string.
  bool chunks(const CborItem& item, std::string& text);

  bool at_end() const { return at_ == bytes_.size(); }
  size_t position() const { return at_; }
  // Back to where position() was.
  void go_to(size_t position) { at_ = position; }

 private:
  friend class CborElements;
  size_t left() const { return bytes_.size() - at_; }
  bool argument(unsigned info, uint64_t& value);
  bool simple(unsigned info, CborItem& item);
  bool take_break() {
    if (at_end() || static_cast<unsigned char>(bytes_[at_]) != 0xff) return false;
    ++at_;
    return true;
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

// Goes through an array or a map whose start was read last.
class CborElements {
 public:
  CborElements(CborReader& reader, const CborItem& item)
      : reader_(reader), left_(item.number), indefinite_(item.indefinite) {}
  // Whether another element (for a map: key and value) follows; where none does, the reader
  // stands behind the array or map. At the end of the bytes of an indefinite one: true, so that
  // reading on fails.
  bool more() {
    if (indefinite_) return !reader_.take_break();
    return left_-- > 0;
  }

 private:
  CborReader& reader_;
  uint64_t left_;
  bool indefinite_;
};

}  // namespace millstream::wire
