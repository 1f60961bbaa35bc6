#include "wire/cbor_encode.h"

#include <bit>
#include <cstdint>

#include <simdjson.h>

#include "wire/json_encode.h"

namespace millstream::wire {
namespace {

enum Major : uint8_t { kUnsigned, kNegative, kBytes, kText, kArray, kMap, kTag, kSimple };

// As short as it goes.
char* write_head(char* to, Major major, uint64_t argument) {
  const auto head = [major](unsigned info) {
    return static_cast<char>(static_cast<unsigned>(major) << 5 | info);
  };
  if (argument < 24) {
    *to++ = head(static_cast<unsigned>(argument));
    return to;
  }
  unsigned log_bytes = 3;
  if (argument <= 0xffff'ffff) log_bytes = 2;
  if (argument <= 0xffff) log_bytes = 1;
  if (argument <= 0xff) log_bytes = 0;
  *to++ = head(24 + log_bytes);
  for (unsigned shift = 8U << log_bytes; shift > 0;) {
    shift -= 8;
    *to++ = static_cast<char>(argument >> shift);
  }
  return to;
}

void append_head(std::string& out, Major major, uint64_t argument) {
  char head[kMaxCborHead];
  out.append(head, write_head(head, major, argument));
}

template <class Bits>
void append_float(std::string& out, unsigned info, Bits bits) {
  out += static_cast<char>(static_cast<unsigned>(kSimple) << 5 | info);
  for (size_t shift = sizeof bits * 8; shift > 0;) {
    shift -= 8;
    out += static_cast<char>(bits >> shift);
  }
}

void append_value(std::string& out, const Type& type, const void* at, CborTimes times);

void append_list(std::string& out, const Type& type, const void* at, CborTimes times) {
  const size_t count = type.list->size(at);
  append_cbor_array(out, count);
  for (size_t i = 0; i < count; ++i) append_value(out, *type.element, type.list->at(at, i), times);
}

struct MapWriter {
  std::string& out;
  const Type& element;
  CborTimes times;
};

void append_map(std::string& out, const Type& type, const void* at, CborTimes times) {
  MapWriter writer{out, *type.element, times};
  append_head(out, kMap, type.map->size(at));
  type.map->for_each(
      at,
      [](void* context, const std::string& key, const void* value) {
        auto& to = *static_cast<MapWriter*>(context);
        append_cbor_text(to.out, key);
        append_value(to.out, to.element, value, to.times);
      },
      &writer);
}

void append_value(std::string& out, const Type& type, const void* at, CborTimes times) {
  constexpr char kFalse = '\xf4';
  constexpr char kTrue = '\xf5';
  switch (type.kind) {
    case Kind::kString:
      return append_cbor_text(out, *static_cast<const std::string*>(at));
    case Kind::kBlob:
      return append_cbor_blob(out, *static_cast<const std::string*>(at));
    case Kind::kInteger:
      return append_cbor_integer(out, *static_cast<const int32_t*>(at));
    case Kind::kLong:
      return append_cbor_integer(out, *static_cast<const int64_t*>(at));
    case Kind::kFloat:
      return append_float(out, 26, std::bit_cast<uint32_t>(*static_cast<const float*>(at)));
    case Kind::kDouble:
      return append_float(out, 27, std::bit_cast<uint64_t>(*static_cast<const double*>(at)));
    case Kind::kBoolean:
      out += *static_cast<const bool*>(at) ? kTrue : kFalse;
      return;
    case Kind::kTimestamp:
      return append_cbor_time(out, static_cast<const Timestamp*>(at)->ms, times);
    case Kind::kList:
      return append_list(out, type, at, times);
    case Kind::kMap:
      return append_map(out, type, at, times);
    case Kind::kStructure:
      return encode_cbor(*type.structure, at, out, times);
  }
}

}  // namespace

char* write_cbor_text_head(char* to, size_t size) { return write_head(to, kText, size); }
char* write_cbor_blob_head(char* to, size_t size) { return write_head(to, kBytes, size); }

void append_cbor_integer(std::string& out, int64_t number) {
  if (number >= 0) return append_head(out, kUnsigned, static_cast<uint64_t>(number));
  append_head(out, kNegative, ~static_cast<uint64_t>(number));
}

void append_cbor_array(std::string& out, size_t elements) { append_head(out, kArray, elements); }

void append_cbor_text(std::string& out, std::string_view text) {
  std::string replaced;
  if (!simdjson::validate_utf8(text)) {
    replaced = utf8_repaired(text);
    text = replaced;
  }
  append_head(out, kText, text.size());
  out += text;
}

void append_cbor_blob(std::string& out, std::string_view bytes) {
  append_head(out, kBytes, bytes.size());
  out += bytes;
}

void append_cbor_time(std::string& out, TimeMs time, CborTimes times) {
  append_head(out, kTag, 1);
  if (times == CborTimes::kMilliseconds) return append_cbor_integer(out, time);
  append_float(out, 27, std::bit_cast<uint64_t>(static_cast<double>(time) / 1000));
}

void encode_cbor(const StructType& type, const void* object, std::string& out, CborTimes times) {
  out += kCborStructure;
  for (const Member& member : type.members) {
    const void* at = get(member, object);
    if (at == nullptr) continue;
    append_cbor_text(out, member.name);
    append_value(out, *member.type, at, times);
  }
  out += kCborEnd;
}

}  // namespace millstream::wire
