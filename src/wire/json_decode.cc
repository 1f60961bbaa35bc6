#include "wire/json_decode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <simdjson.h>

#include "base/base64.h"

namespace millstream::wire {
namespace {

namespace dom = simdjson::dom;
using simdjson::dom::element_type;

static_assert(simdjson::SIMDJSON_PADDING <= kBufferPadding);

constexpr size_t kKeptParserBytes = 256 << 10;
constexpr size_t kMaxMembers = 96;                  // of one structure; the largest has 60
constexpr size_t kQuotedChars = 1024;               // of the caller's text in a message
constexpr double kMaxTimeMs = 253'402'300'799'999;  // the end of the year 9999

constexpr std::string_view kUnexpectedList = "Start of list found where not expected";
constexpr std::string_view kUnexpectedObject =
    "Start of structure or map found where not expected.";

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(Error{ErrorCode::kSerialization, std::move(message)});
}

std::string in_quotes(std::string_view text) {
  if (text.size() <= kQuotedChars) return fmt::format("'{}'", text);
  size_t cut = kQuotedChars;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return fmt::format("'{}…'", text.substr(0, cut));
}

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

// The error for a JSON value of the wrong type where a scalar was expected.
std::unexpected<Error> refuse_scalar(Kind kind, element_type found) {
  if (found == element_type::ARRAY) return refuse(std::string(kUnexpectedList));
  if (found == element_type::OBJECT) return refuse(std::string(kUnexpectedObject));
  std::string_view java = "com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  if (found == element_type::BOOL) java = "java.lang.Boolean";
  if (found == element_type::STRING) java = "java.lang.String";
  if (kind == Kind::kTimestamp) {
    return refuse(fmt::format("class {} can not be converted to milliseconds since epoch", java));
  }
  return refuse(fmt::format("class {} can not be converted to {}", java, java_name(kind)));
}

// Whether the bits of the last character that carry no data are zero, as AWS demands. `text` is
// valid base64 otherwise.
bool has_clean_tail(std::string_view text) {
  if (!text.ends_with('=')) return true;
  const bool two_pads = text.ends_with("==");
  const char last = text[text.size() - (two_pads ? 3 : 2)];
  constexpr std::string_view kFourBitsFree = "AQgw";             // multiples of 16
  constexpr std::string_view kTwoBitsFree = "AEIMQUYcgkosw048";  // multiples of 4
  return (two_pads ? kFourBitsFree : kTwoBitsFree).contains(last);
}

std::string blob_complaint(std::string_view text) {
  std::string start = in_quotes(text) + " can not be converted to a Blob: ";
  if (text.size() % 4 != 0) {
    return start + fmt::format(
                       "Base64 encoded length is expected a multiple of 4 bytes but "
                       "found: {}",
                       text.size());
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '+' || c == '/';
    const bool pad = c == '=' && (i + 1 == text.size() || text[i + 1] == '=');
    if (letter || pad) continue;
    size_t length = 1;
    while (i + length < text.size() &&
           (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80)
      ++length;
    return start + fmt::format("Invalid Base64 character: '{}'", text.substr(i, length));
  }
  return start + "Invalid last non-pad Base64 character dectected";  // as AWS spells it
}

template <class Int>
Int clamped(double value) {
  if (value >= static_cast<double>(std::numeric_limits<Int>::max()))
    return std::numeric_limits<Int>::max();
  if (value <= static_cast<double>(std::numeric_limits<Int>::min()))
    return std::numeric_limits<Int>::min();
  return static_cast<Int>(value);
}

class Decoder {
 public:
  explicit Decoder(Absences& absences) : absences_(absences) {}

  Result<> structure(const StructType& type, dom::element json, void* object) {
    if (json.type() == element_type::ARRAY) return refuse(std::string(kUnexpectedList));
    if (json.type() != element_type::OBJECT) return refuse("Expected null");
    MS_ASSERT(type.members.size() <= kMaxMembers);
    // Of a member given twice the last one counts: first look at all, then decode.
    std::array<std::optional<dom::element>, kMaxMembers> found;
    size_t next = 0;  // most clients send members in the model's order, or nearly so
    for (const dom::key_value_pair field : dom::object(json)) {
      for (size_t tries = 0; tries < type.members.size(); ++tries) {
        const size_t at = (next + tries) % type.members.size();
        if (type.members[at].name != field.key) continue;
        found[at] = field.value;
        next = at + 1;
        break;
      }
    }
    for (size_t i = 0; i < type.members.size(); ++i) {
      const Member& member = type.members[i];
      if (!found[i] || found[i]->is_null()) {
        if (member.required) absences_.add_member(object, member);
        continue;
      }
      TRY(value(*member.type, *found[i], emplace(member, object)));
    }
    return {};
  }

 private:
  Result<> value(const Type& type, dom::element json, void* at) {
    switch (type.kind) {
      case Kind::kStructure:
        return structure(*type.structure, json, at);
      case Kind::kList:
        return list(type, json, at);
      case Kind::kMap:
        return map(type, json, at);
      default:
        return scalar(type, json, at);
    }
  }

  Result<> list(const Type& type, dom::element json, void* at) {
    if (json.type() == element_type::OBJECT) return refuse(std::string(kUnexpectedObject));
    if (json.type() != element_type::ARRAY) return refuse("Expected list or null");
    const dom::array elements(json);
    size_t count = elements.size();
    if (type.max != kNoMax) count = std::min(count, static_cast<size_t>(type.max) + 1);
    TRY(take_memory(count * type.list->element_size));
    type.list->reserve(at, count);  // so that the addresses in absences_ stay
    for (const dom::element element : elements) {
      if (count-- == 0) break;
      void* slot = type.list->append(at);
      if (element.is_null()) {
        absences_.add_element(slot);
      } else {
        TRY(value(*type.element, element, slot));
      }
    }
    return {};
  }

  Result<> map(const Type& type, dom::element json, void* at) {
    if (json.type() == element_type::ARRAY) return refuse(std::string(kUnexpectedList));
    if (json.type() != element_type::OBJECT) return refuse("Expected map or null");
    // A key given twice: decode its last value only, since absences_ keeps addresses. std::map
    // moves no nodes.
    std::map<std::string_view, dom::element> entries;
    for (const dom::key_value_pair field : dom::object(json)) {
      TRY(take_memory(type.map->element_size + kMapNodeBytes));
      entries[field.key] = field.value;
    }
    for (const auto& [key, element] : entries) {
      void* slot = type.map->insert(at, std::string(key));
      if (element.is_null()) {
        absences_.add_element(slot);
      } else {
        TRY(value(*type.element, element, slot));
      }
    }
    return {};
  }

  static Result<> scalar(const Type& type, dom::element json, void* at) {
    const element_type found = json.type();
    switch (type.kind) {
      case Kind::kString:
        if (found != element_type::STRING) return refuse_scalar(type.kind, found);
        static_cast<std::string*>(at)->assign(std::string_view(json));
        return {};
      case Kind::kBlob: {
        if (found != element_type::STRING) return refuse_scalar(type.kind, found);
        const std::string_view text(json);
        TRY_ASSIGN(*static_cast<std::string*>(at), decode_json_blob(text));
        return {};
      }
      case Kind::kBoolean:
        return boolean(json, static_cast<bool*>(at));
      case Kind::kInteger:
        return whole(type.kind, json, static_cast<int32_t*>(at));
      case Kind::kLong:
        return whole(type.kind, json, static_cast<int64_t*>(at));
      case Kind::kTimestamp: {
        double seconds = 0;
        if (json.get(seconds)) return refuse_scalar(type.kind, found);
        const double ms = std::clamp(std::round(seconds * 1000), -kMaxTimeMs, kMaxTimeMs);
        static_cast<Timestamp*>(at)->ms = static_cast<TimeMs>(ms);
        return {};
      }
      default: {
        double number = 0;
        if (json.get(number) && !named_number(json, number)) return refuse_scalar(type.kind, found);
        if (type.kind == Kind::kFloat) {
          *static_cast<float*>(at) = static_cast<float>(number);
        } else {
          *static_cast<double*>(at) = number;
        }
        return {};
      }
    }
  }

  // AWS takes some words for booleans; in others' complaints it shows them in capitals.
  static Result<> boolean(dom::element json, bool* at) {
    if (!json.get(*at)) return {};
    std::string_view text;
    if (json.get(text)) return refuse_scalar(Kind::kBoolean, json.type());
    std::string word(text.substr(0, kQuotedChars));
    std::ranges::transform(word, word.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    *at = word == "TRUE" || word == "1" || word == "YES";
    if (*at || word == "FALSE" || word == "0" || word == "NO") return {};
    return refuse(fmt::format("{} can not be converted to an Boolean", in_quotes(word)));
  }

  template <class Int>
  static Result<> whole(Kind kind, dom::element json, Int* at) {
    int64_t exact = 0;
    double rounded = 0;
    if (!json.get(exact)) {
      *at = static_cast<Int>(std::clamp<int64_t>(exact, std::numeric_limits<Int>::min(),
                                                 std::numeric_limits<Int>::max()));
    } else if (!json.get(rounded)) {
      *at = clamped<Int>(rounded);
    } else {
      return refuse_scalar(kind, json.type());
    }
    return {};
  }

  static bool named_number(dom::element json, double& number) {
    std::string_view text;
    if (json.get(text)) return false;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (text == "NaN")
      number = std::numeric_limits<double>::quiet_NaN();
    else if (text == "Infinity")
      number = kInfinity;
    else if (text == "-Infinity")
      number = -kInfinity;
    else
      return false;
    return true;
  }

  Result<> take_memory(size_t bytes) {
    taken_ += bytes;
    if (taken_ <= kMaxDecodedBytes) return {};
    return fail(ErrorCode::kRequestTooLarge,
                "The request's lists need more than {} MiB of memory; send fewer elements.",
                kMaxDecodedBytes >> 20);
  }

  static constexpr size_t kMapNodeBytes = 96;
  Absences& absences_;
  size_t taken_ = 0;
};

Result<> decode(const StructType& type, const char* data, size_t size, bool padded, void* object,
                Absences& absences) {
  static thread_local dom::parser kept_parser(kKeptParserBytes);
  std::optional<dom::parser> own_parser;
  if (size > kKeptParserBytes) own_parser.emplace();
  dom::parser& parser = own_parser ? *own_parser : kept_parser;
  if (parser.max_depth() != kMaxJsonDepth || parser.capacity() < size) {
    const auto failed =
        parser.allocate(std::max(size, own_parser ? 0 : kKeptParserBytes), kMaxJsonDepth);
    if (failed) return refuse("");
  }
  auto document = parser.parse(data, size, !padded);
  if (document.error() != simdjson::SUCCESS) return refuse("");
  return Decoder(absences).structure(type, document.value_unsafe(), object);
}

}  // namespace

Result<std::string> decode_json_blob(std::string_view text) {
  auto bytes = base64_decode(text);
  if (!bytes || !has_clean_tail(text)) return refuse(blob_complaint(text));
  return *std::move(bytes);
}

Result<> decode_json(const StructType& type, const Slice& body, void* object, Absences& absences) {
  if (body.empty()) return decode_json(type, std::string_view("{}"), object, absences);
  // Bytes within a Buffer have kBufferPadding readable ones behind them; constants don't.
  const bool padded = static_cast<bool>(body.buffer());
  return decode(type, body.data(), body.size(), padded, object, absences);
}

Result<> decode_json(const StructType& type, std::string_view text, void* object,
                     Absences& absences) {
  if (text.empty()) text = "{}";
  return decode(type, text.data(), text.size(), false, object, absences);
}

}  // namespace millstream::wire
