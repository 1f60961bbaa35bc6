#include "analytics/functions/utf8.h"

#include "base/bytes.h"

namespace millstream::analytics {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

size_t expected_size(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 1;
}

// Blocks of letters where upper and lower case alternate (even is upper, or odd).
bool alternates_even(uint32_t c) {
  return (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x1E00 && c <= 0x1E95) ||
         (c >= 0x1EA0 && c <= 0x1EFF) || (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
         (c >= 0x4D0 && c <= 0x52F) || (c >= 0x1DE && c <= 0x1EF) || (c >= 0x1F8 && c <= 0x21F) ||
         (c >= 0x222 && c <= 0x233) || (c >= 0x3D8 && c <= 0x3EF);
}
bool alternates_odd(uint32_t c) {
  return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || (c >= 0x1CD && c <= 0x1DC) ||
         (c >= 0x4C1 && c <= 0x4CE);
}

uint32_t lower_of(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  if (c == 0x130) return 'i';
  if (alternates_even(c)) return c | 1U;
  if (alternates_odd(c)) return (c & 1U) != 0 ? c + 1 : c;
  if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
  if (c == 0x386) return 0x3AC;
  if (c >= 0x388 && c <= 0x38A) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 63;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if (c >= 0x531 && c <= 0x556) return c + 48;
  if (c >= 0xFF21 && c <= 0xFF3A) return c + 32;
  if (c >= 0x10400 && c <= 0x10427) return c + 40;
  return c;
}

uint32_t upper_of(uint32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  if (c == 0xB5) return 0x39C;
  if (c >= 0xE0 && c <= 0xFE && c != 0xF7) return c - 32;
  if (c == 0xFF) return 0x178;
  if (c == 0x131) return 'I';
  if (c == 0x17F) return 'S';
  if (alternates_even(c)) return c & ~1U;
  if (alternates_odd(c)) return (c & 1U) == 0 ? c - 1 : c;
  if (c == 0x3C2) return 0x3A3;
  if (c >= 0x3B1 && c <= 0x3CB) return c - 32;
  if (c == 0x3AC) return 0x386;
  if (c >= 0x3AD && c <= 0x3AF) return c - 37;
  if (c == 0x3CC) return 0x38C;
  if (c == 0x3CD || c == 0x3CE) return c - 63;
  if (c >= 0x430 && c <= 0x44F) return c - 32;
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  if (c >= 0x561 && c <= 0x586) return c - 48;
  if (c >= 0xFF41 && c <= 0xFF5A) return c - 32;
  if (c >= 0x10428 && c <= 0x1044F) return c - 40;
  return c;
}

template <class Convert>
void append_converted(std::string& out, std::string_view text, Convert convert) {
  for (size_t i = 0; i < text.size();) {
    const size_t size = utf8_size_at(text, i);
    if (size == 1) {
      const auto byte = static_cast<unsigned char>(text[i]);
      out += byte < 0x80 ? static_cast<char>(convert(byte)) : text[i];
    } else {
      utf8_append(out, convert(utf8_decode(text, i)));
    }
    i += size;
  }
}

}  // namespace

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    if ((load_le<uint64_t>(text.data() + i) & 0x8080808080808080U) != 0) return false;
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  }
  return true;
}

size_t utf8_size_at(std::string_view text, size_t at) {
  const size_t size = expected_size(static_cast<unsigned char>(text[at]));
  if (size == 1) return 1;
  if (at + size > text.size()) return 1;
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[at + i])) return 1;
  }
  return size;
}

size_t utf8_length(std::string_view text) {
  if (is_ascii(text)) return text.size();
  size_t count = 0;
  for (size_t i = 0; i < text.size(); i += utf8_size_at(text, i)) ++count;
  return count;
}

size_t utf8_offset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += utf8_size_at(text, at);
  return at;
}

std::string_view utf8_prefix(std::string_view text, size_t characters) {
  if (text.size() <= characters) return text;
  return text.substr(0, utf8_offset(text, characters));
}

uint32_t utf8_decode(std::string_view text, size_t at) {
  const size_t size = utf8_size_at(text, at);
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i]));
  };
  if (size == 2) return (byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU);
  if (size == 3) return (byte(0) & 0xFU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
  if (size == 4) {
    return (byte(0) & 7U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 |
           (byte(3) & 0x3FU);
  }
  return byte(0);
}

void utf8_append(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

void append_upper(std::string& out, std::string_view text) {
  for (size_t start = 0; start < text.size();) {
    // The one letter whose upper case is longer.
    const size_t sharp = text.find("\xC3\x9F", start);
    append_converted(out, text.substr(start, sharp - start), upper_of);
    if (sharp == std::string_view::npos) return;
    out += "SS";
    start = sharp + 2;
  }
}

void append_lower(std::string& out, std::string_view text) {
  append_converted(out, text, lower_of);
}

bool is_letter_or_digit(uint32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return lower_of(c) != c || upper_of(c) != c || (c >= 0x3040 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x5D0 && c <= 0x64A);
}

}  // namespace millstream::analytics
