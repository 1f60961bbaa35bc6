#include "wire/cbor_decode.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <simdjson.h>

#include "wire/cbor_reader.h"
#include "wire/json_decode.h"

namespace millstream::wire {
namespace {

constexpr size_t kMaxMembers = 96;                  // of one structure; the largest has 60
constexpr double kMaxTimeMs = 253'402'300'799'999;  // the end of the year 9999
constexpr size_t kMapNodeBytes = 96;
// Lists of unknown length are counted before they are read: how often the whole body may be
// read for that. One level of lists in lists costs one.
constexpr size_t kMaxCountings = 32;

constexpr std::string_view kUnexpectedList = "Start of list found where not expected";
constexpr std::string_view kUnexpectedObject =
    "Start of structure or map found where not expected.";

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(Error{ErrorCode::kSerialization, std::move(message)});
}

std::unexpected<Error> malformed() { return refuse(""); }

// What AWS calls a type in its messages, article included.
std::string_view java_name(Kind kind) {
  switch (kind) {
    case Kind::kString:
      return "an String";
    case Kind::kBlob:
      return "a Blob";
    case Kind::kInteger:
      return "an Integer";
    case Kind::kLong:
      return "an Long";
    case Kind::kFloat:
      return "an Float";
    case Kind::kDouble:
      return "an Double";
    case Kind::kBoolean:
      return "an Boolean";
    default:
      return "";
  }
}

std::unexpected<Error> refuse_scalar(Kind kind, const CborItem& found) {
  std::string_view java = "com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  switch (found.type) {
    case CborType::kArray:
      return refuse(std::string(kUnexpectedList));
    case CborType::kMap:
      return refuse(std::string(kUnexpectedObject));
    case CborType::kBoolean:
      java = "java.lang.Boolean";
      break;
    case CborType::kText:
      java = "java.lang.String";
      break;
    case CborType::kBytes:
      java = "java.nio.ByteBuffer";
      break;
    default:
      break;
  }
  if (kind == Kind::kTimestamp) {
    return refuse(fmt::format("class {} can not be converted to milliseconds since epoch", java));
  }
  return refuse(fmt::format("class {} can not be converted to {}", java, java_name(kind)));
}

// A number as Java casts it: clamped, cut, 0 for what is none.
template <class Int>
Int whole(const CborItem& item) {
  using Limits = std::numeric_limits<Int>;
  if (item.is_integer()) {
    return static_cast<Int>(std::clamp<int64_t>(item.as_int64(), Limits::min(), Limits::max()));
  }
  if (std::isnan(item.real)) return 0;
  if (item.real >= static_cast<double>(Limits::max())) return Limits::max();
  if (item.real <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<Int>(item.real);
}

TimeMs time_of(const CborItem& item, CborTimes times) {
  double ms = item.as_double();
  if (item.type == CborType::kFloat || times == CborTimes::kSeconds) {
    ms = std::isnan(ms) ? 0 : std::round(ms * 1000);
  }
  return static_cast<TimeMs>(std::clamp(ms, -kMaxTimeMs, kMaxTimeMs));
}

class Decoder {
 public:
  Decoder(std::string_view body, Absences& absences, CborTimes times)
      : body_size_(body.size()), reader_(body), absences_(absences), times_(times) {}

  Result<> document(const StructType& type, void* object) {
    CborItem item;
    if (!reader_.next(item)) return malformed();
    TRY(structure(type, item, object, 0));
    if (!reader_.at_end()) return malformed();
    return {};
  }

 private:
  Result<> structure(const StructType& type, const CborItem& item, void* object, size_t depth) {
    if (item.type == CborType::kArray) return refuse(std::string(kUnexpectedList));
    if (item.type != CborType::kMap) return refuse("Expected null");
    if (depth >= kMaxCborDepth) return malformed();
    MS_ASSERT(type.members.size() <= kMaxMembers);
    std::bitset<kMaxMembers> seen;
    std::bitset<kMaxMembers> present;
    size_t next = 0;  // most clients send members in the model's order, or nearly so
    std::string joined;
    for (CborElements pairs(reader_, item); pairs.more();) {
      std::string_view name;
      if (!text(joined, name)) return malformed();
      CborItem found;
      size_t at = type.members.size();
      for (size_t tries = 0; tries < type.members.size(); ++tries) {
        const size_t candidate = (next + tries) % type.members.size();
        if (type.members[candidate].name != name) continue;
        at = candidate;
        break;
      }
      if (!reader_.next(found)) return malformed();
      if (at == type.members.size()) {
        if (!reader_.skip(found, depth + 1)) return malformed();
        continue;
      }
      next = at + 1;
      if (seen[at]) return malformed();
      seen[at] = true;
      if (found.type == CborType::kNull) continue;
      present[at] = true;
      const Member& member = type.members[at];
      TRY(value(*member.type, found, emplace(member, object), depth + 1));
    }
    for (size_t i = 0; i < type.members.size(); ++i) {
      if (!present[i] && type.members[i].required) absences_.add_member(object, type.members[i]);
    }
    return {};
  }

  Result<> value(const Type& type, const CborItem& item, void* at, size_t depth) {
    switch (type.kind) {
      case Kind::kStructure:
        return structure(*type.structure, item, at, depth);
      case Kind::kList:
        return list(type, item, at, depth);
      case Kind::kMap:
        return map(type, item, at, depth);
      default:
        return scalar(type, item, at);
    }
  }

  Result<> list(const Type& type, const CborItem& item, void* at, size_t depth) {
    if (item.type == CborType::kMap) return refuse(std::string(kUnexpectedObject));
    if (item.type != CborType::kArray) return refuse("Expected list or null");
    if (depth >= kMaxCborDepth) return malformed();
    uint64_t count = item.number;
    if (item.indefinite) TRY(count_elements(item, depth, count));
    if (type.max != kNoMax) count = std::min(count, static_cast<uint64_t>(type.max) + 1);
    TRY(take_memory(count * type.list->element_size));
    type.list->reserve(at, count);  // so that the addresses in absences_ stay
    for (CborElements elements(reader_, item); elements.more();) {
      CborItem element;
      if (!reader_.next(element)) return malformed();
      if (count == 0) {
        if (!reader_.skip(element, depth + 1)) return malformed();
        continue;
      }
      --count;
      void* slot = type.list->append(at);
      if (element.type == CborType::kNull) {
        absences_.add_element(slot);
      } else {
        TRY(value(*type.element, element, slot, depth + 1));
      }
    }
    return {};
  }

  // Leaves the reader where it was.
  Result<> count_elements(const CborItem& item, size_t depth, uint64_t& count) {
    const size_t start = reader_.position();
    for (CborElements elements(reader_, item); elements.more(); ++count) {
      CborItem element;
      if (!reader_.next(element) || !reader_.skip(element, depth + 1)) return malformed();
    }
    counted_ += reader_.position() - start;
    reader_.go_to(start);
    if (counted_ / kMaxCountings <= body_size_) return {};
    return fail(ErrorCode::kRequestTooLarge,
                "The request nests too many lists of unknown length; send their lengths.");
  }

  Result<> map(const Type& type, const CborItem& item, void* at, size_t depth) {
    if (item.type == CborType::kArray) return refuse(std::string(kUnexpectedList));
    if (item.type != CborType::kMap) return refuse("Expected map or null");
    if (depth >= kMaxCborDepth) return malformed();
    std::string joined;
    for (CborElements pairs(reader_, item); pairs.more();) {
      std::string_view key;
      if (!text(joined, key)) return malformed();
      TRY(take_memory(type.map->element_size + kMapNodeBytes));
      const size_t before = type.map->size(at);
      void* slot = type.map->insert(at, std::string(key));
      if (type.map->size(at) == before) return malformed();  // given twice
      CborItem element;
      if (!reader_.next(element)) return malformed();
      if (element.type == CborType::kNull) {
        absences_.add_element(slot);
      } else {
        TRY(value(*type.element, element, slot, depth + 1));
      }
    }
    return {};
  }

  // The next item, which must be text; `joined` holds what came in parts.
  bool text(std::string& joined, std::string_view& text) {
    CborItem item;
    if (!reader_.next(item) || item.type != CborType::kText) return false;
    text = item.text;
    if (item.indefinite) {
      if (!reader_.chunks(item, joined)) return false;
      text = joined;
    }
    return simdjson::validate_utf8(text);
  }

  Result<> scalar(const Type& type, const CborItem& item, void* at) {
    switch (type.kind) {
      case Kind::kString:
      case Kind::kBlob: {
        const bool is_text = type.kind == Kind::kString;
        if (item.type != (is_text ? CborType::kText : CborType::kBytes)) break;
        std::string& out = *static_cast<std::string*>(at);
        if (!item.indefinite) {
          out.assign(item.text);
        } else if (!reader_.chunks(item, out)) {
          return malformed();
        }
        if (is_text && !simdjson::validate_utf8(out)) return malformed();
        return {};
      }
      case Kind::kBoolean:
        if (item.type != CborType::kBoolean) break;
        *static_cast<bool*>(at) = item.boolean;
        return {};
      case Kind::kInteger:
        if (!item.is_number()) break;
        *static_cast<int32_t*>(at) = whole<int32_t>(item);
        return {};
      case Kind::kLong:
        if (!item.is_number()) break;
        *static_cast<int64_t*>(at) = whole<int64_t>(item);
        return {};
      case Kind::kTimestamp:
        if (!item.is_number()) break;
        static_cast<Timestamp*>(at)->ms = time_of(item, times_);
        return {};
      case Kind::kFloat:
        if (!item.is_number()) break;
        *static_cast<float*>(at) = static_cast<float>(item.as_double());
        return {};
      default:
        if (!item.is_number()) break;
        *static_cast<double*>(at) = item.as_double();
        return {};
    }
    return refuse_scalar(type.kind, item);
  }

  Result<> take_memory(uint64_t bytes) {
    taken_ += bytes;
    if (taken_ <= kMaxDecodedBytes) return {};
    return fail(ErrorCode::kRequestTooLarge,
                "The request's lists need more than {} MiB of memory; send fewer elements.",
                kMaxDecodedBytes >> 20);
  }

  size_t body_size_;
  CborReader reader_;
  Absences& absences_;
  CborTimes times_;
  uint64_t taken_ = 0;
  uint64_t counted_ = 0;
};

}  // namespace

Result<> decode_cbor(const StructType& type, std::string_view body, void* object,
                     Absences& absences, CborTimes times) {
  if (body.empty()) body = "\xa0";
  return Decoder(body, absences, times).document(type, object);
}

}  // namespace millstream::wire
