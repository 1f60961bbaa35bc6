#include "analytics/formats/json_scanner.h"

#include <emmintrin.h>

#include <array>
#include <bitset>

#include <fmt/format.h>
#include <simdjson.h>

#include "analytics/formats/value_format.h"
#include "analytics/functions/number_text.h"

namespace millstream::analytics {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits; -1: they are none.
int32_t hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0U | (code >> 6));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12));
    byte(0x80U | ((code >> 6) & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18));
    byte(0x80U | ((code >> 12) & 0x3FU));
    byte(0x80U | ((code >> 6) & 0x3FU));
  }
  byte(0x80U | (code & 0x3FU));
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

bool JsonScanner::kind(JsonKind& kind) {
  skip_space();
  if (p_ == end_) return fail("the text ends where a value should start");
  switch (*p_) {
    case '{':
      kind = JsonKind::kObject;
      return true;
    case '[':
      kind = JsonKind::kArray;
      return true;
    case '"':
      kind = JsonKind::kString;
      return true;
    case 't':
      kind = JsonKind::kTrue;
      return true;
    case 'f':
      kind = JsonKind::kFalse;
      return true;
    case 'n':
      kind = JsonKind::kNull;
      return true;
    default:
      if (*p_ == '-' || (*p_ >= '0' && *p_ <= '9')) {
        kind = JsonKind::kNumber;
        return true;
      }
      return fail("expected a value");
  }
}

bool JsonScanner::string(JsonString& result) {
  if (p_ == end_ || *p_ != '"') return fail("expected a string");
  const char* const from = ++p_;
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  bool ascii = true;
  result.escaped = false;
  for (;;) {
    if (end_ - p_ >= 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p_));
      const auto special = static_cast<unsigned>(_mm_movemask_epi8(
          _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash))));
      const auto high = static_cast<unsigned>(_mm_movemask_epi8(bytes));
      if (special == 0) {
        ascii = ascii && high == 0;
        p_ += 16;
        continue;
      }
      const auto ahead = static_cast<unsigned>(__builtin_ctz(special));
      ascii = ascii && (high & ((1U << ahead) - 1U)) == 0;
      p_ += ahead;
    } else {
      while (p_ != end_ && *p_ != '"' && *p_ != '\\') {
        ascii = ascii && static_cast<signed char>(*p_) >= 0;
        ++p_;
      }
      if (p_ == end_) return fail("a string without its closing quote");
    }
    if (*p_ == '"') break;
    result.escaped = true;
    if (end_ - p_ < 2) return fail("a string without its closing quote");
    if (p_[1] == 'u') {
      if (hex4(p_ + 2, end_) < 0) return fail("\\u without four hexadecimal digits");
      p_ += 6;
    } else {
      if (simple_escape(p_[1]) == '\0') return fail("an unknown escape in a string");
      p_ += 2;
    }
  }
  result.raw = {from, static_cast<size_t>(p_ - from)};
  if (!ascii && !simdjson::validate_utf8(result.raw)) return fail("a string that is no UTF-8");
  ++p_;
  return true;
}

bool JsonScanner::number(NumberParts& parts) {
  if (!scan_json_number(rest(), parts)) return fail("a malformed number");
  if (parts.text.size() > kMaxJsonNumberLength) return fail("a number of more than 1000 digits");
  p_ += parts.text.size();
  // "12x" is no number followed by something.
  if (p_ != end_ && *p_ != ',' && *p_ != '}' && *p_ != ']' && *p_ != ' ' && *p_ != '\n' &&
      *p_ != '\r' && *p_ != '\t') {
    return fail("a malformed number");
  }
  return true;
}

bool JsonScanner::literal(std::string_view word) {
  if (!take_bytes(word)) return fail("an unknown word: expected a value");
  const bool longer = p_ != end_ && ((*p_ >= 'a' && *p_ <= 'z') || (*p_ >= 'A' && *p_ <= 'Z') ||
                                     (*p_ >= '0' && *p_ <= '9') || *p_ == '_');
  return longer ? fail("an unknown word: expected a value") : true;
}

bool JsonScanner::skip_value(size_t depth) {
  std::bitset<kMaxJsonDepth> is_object;
  size_t open = 0;
  JsonString text;
  NumberParts parts;
  // A member's name and the colon after it.
  const auto name = [&] { return string(text) && (take(':') || fail("expected ':'")); };
  for (;;) {
    JsonKind next{};
    if (!kind(next)) return false;
    bool is_complete = true;
    switch (next) {
      case JsonKind::kObject:
      case JsonKind::kArray: {
        const bool object = next == JsonKind::kObject;
        ++p_;
        if (depth + open >= kMaxJsonDepth) return fail("containers nested deeper than 1000");
        if (take(object ? '}' : ']')) break;
        is_object[open++] = object;
        if (object && !name()) return false;
        is_complete = false;
        break;
      }
      case JsonKind::kString:
        if (!string(text)) return false;
        break;
      case JsonKind::kNumber:
        if (!number(parts)) return false;
        break;
      case JsonKind::kTrue:
        if (!literal("true")) return false;
        break;
      case JsonKind::kFalse:
        if (!literal("false")) return false;
        break;
      case JsonKind::kNull:
        if (!literal("null")) return false;
        break;
    }
    // What follows a value: the next member, or the ends of its containers.
    while (is_complete) {
      if (open == 0) return true;
      const bool object = is_object[open - 1];
      if (take(',')) {
        skip_space();
        if (object && !name()) return false;
        is_complete = false;
      } else if (take(object ? '}' : ']')) {
        --open;
      } else {
        return fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
      }
    }
  }
}

std::string JsonScanner::error() const {
  if (what_ == nullptr) return "no error";
  return fmt::format("byte {}: {}", failed_at_ - begin_, what_);
}

bool append_unescaped(std::string& out, std::string_view raw) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p != end) {
    const auto* slash =
        static_cast<const char*>(__builtin_memchr(p, '\\', static_cast<size_t>(end - p)));
    if (slash == nullptr) slash = end;
    out.append(p, slash);
    p = slash;
    if (p == end) break;
    if (end - p < 2) return false;
    if (p[1] != 'u') {
      const char plain = simple_escape(p[1]);
      if (plain == '\0') return false;
      out += plain;
      p += 2;
      continue;
    }
    int32_t code = hex4(p + 2, end);
    if (code < 0) return false;
    p += 6;
    if (code >= 0xD800 && code < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
      const int32_t low = hex4(p + 2, end);
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
      }
    }
    // A surrogate alone is no character: Java writes '?' when it makes UTF-8 of it.
    if (code >= 0xD800 && code < 0xE000) code = '?';
    append_utf8(out, static_cast<uint32_t>(code));
  }
  return true;
}

void append_compact(std::string& out, std::string_view value) {
  JsonScanner in(value);
  std::string plain;
  while (!in.done()) {
    const char c = *in.place();
    if (c == '"') {
      JsonString text;
      if (!in.string(text)) return;
      plain.clear();
      append_unescaped(plain, text.raw);
      append_json_string(out, plain);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      NumberParts parts;
      if (!in.number(parts)) return;
      if (parts.integral) {
        out += parts.text;
      } else {
        append_json_double(out, to_double(parts, false));
      }
    } else {
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += c;
      in.move_to(in.place() + 1);
    }
  }
}

}  // namespace millstream::analytics
