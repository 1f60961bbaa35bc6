#include "wire/json_encode.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/base64.h"

namespace millstream::wire {
namespace {

template <class Number>
void append_chars(std::string& out, Number number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

void append_value(std::string& out, const Type& type, const void* at);

void append_list(std::string& out, const Type& type, const void* at) {
  out += '[';
  const size_t count = type.list->size(at);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append_value(out, *type.element, type.list->at(at, i));
  }
  out += ']';
}

struct MapWriter {
  std::string& out;
  const Type& element;
  bool first = true;
};

void append_map(std::string& out, const Type& type, const void* at) {
  MapWriter writer{out, *type.element};
  out += '{';
  type.map->for_each(
      at,
      [](void* context, const std::string& key, const void* value) {
        auto& to = *static_cast<MapWriter*>(context);
        if (!to.first) to.out += ',';
        to.first = false;
        append_json_string(to.out, key);
        to.out += ':';
        append_value(to.out, to.element, value);
      },
      &writer);
  out += '}';
}

void append_value(std::string& out, const Type& type, const void* at) {
  switch (type.kind) {
    case Kind::kString:
      return append_json_string(out, *static_cast<const std::string*>(at));
    case Kind::kBlob:
      return append_json_blob(out, *static_cast<const std::string*>(at));
    case Kind::kInteger:
      return append_chars(out, *static_cast<const int32_t*>(at));
    case Kind::kLong:
      return append_chars(out, *static_cast<const int64_t*>(at));
    case Kind::kFloat:
      return append_json_number(out, *static_cast<const float*>(at));
    case Kind::kDouble:
      return append_json_number(out, *static_cast<const double*>(at));
    case Kind::kBoolean:
      out += *static_cast<const bool*>(at) ? "true" : "false";
      return;
    case Kind::kTimestamp:
      return append_json_time(out, static_cast<const Timestamp*>(at)->ms);
    case Kind::kList:
      return append_list(out, type, at);
    case Kind::kMap:
      return append_map(out, type, at);
    case Kind::kStructure:
      return encode_json(*type.structure, at, out);
  }
}

}  // namespace

std::string utf8_repaired(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead >= 0xC2 && lead < 0xE0) length = 2;
    if (lead >= 0xE0 && lead < 0xF0) length = 3;
    if (lead >= 0xF0 && lead < 0xF5) length = 4;
    if (i + length <= text.size() && simdjson::validate_utf8(text.data() + i, length)) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  std::string replaced;
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    replaced = utf8_repaired(text);
    text = replaced;
  }
  out += '"';
  size_t from = 0;  // of what needs no escape
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += fmt::format("\\u{:04x}", c);
    }
  }
  out.append(text, from);
  out += '"';
}

void append_json_blob(std::string& out, std::string_view bytes) {
  constexpr size_t kSlack = 32;  // base64_encode may write beyond
  out += '"';
  const size_t start = out.size();
  out.resize(start + base64_encoded_size(bytes.size()) + kSlack);
  out.resize(start + base64_encode(bytes, out.data() + start));
  out += '"';
}

void append_json_time(std::string& out, TimeMs time) {
  uint64_t ms = time < 0 ? 0 - static_cast<uint64_t>(time) : static_cast<uint64_t>(time);
  if (time < 0) out += '-';
  append_chars(out, ms / 1000);
  ms %= 1000;
  if (ms == 0) return;
  out += '.';
  for (uint64_t unit = 100; ms > 0; unit /= 10) {
    out += static_cast<char>('0' + ms / unit);
    ms %= unit;
  }
}

void append_json_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "\"NaN\"";
  } else if (std::isinf(number)) {
    out += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    const size_t start = out.size();
    append_chars(out, number);
    // As Java writes it: 1.0, so that readers see a floating-point number.
    if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
  }
}

void encode_json(const StructType& type, const void* object, std::string& out) {
  bool first = true;
  out += '{';
  for (const Member& member : type.members) {
    const void* at = get(member, object);
    if (at == nullptr) continue;
    if (!first) out += ',';
    first = false;
    out += '"';
    out += member.name;  // a name of the model: nothing to escape
    out += "\":";
    append_value(out, *member.type, at);
  }
  out += '}';
}

}  // namespace millstream::wire
