// Strings as characters. A character is a Unicode code point (so outside the basic plane one
// character where Java's String counts two). Bytes that are not UTF-8 count one each: no input
// makes these functions read outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millstream::analytics {

bool is_ascii(std::string_view text);
size_t utf8_length(std::string_view text);
// The byte at which character `index` (from 0) starts; text.size() if there are not so many.
size_t utf8_offset(std::string_view text, size_t index);
// The first `characters` characters.
std::string_view utf8_prefix(std::string_view text, size_t characters);
// The bytes of the character that starts at `at`, at least 1.
size_t utf8_size_at(std::string_view text, size_t at);
// The code point at `at`; an invalid byte as its own value.
uint32_t utf8_decode(std::string_view text, size_t at);
void utf8_append(std::string& out, uint32_t code_point);

// Java's toUpperCase and toLowerCase (of the root locale), for the scripts that have case:
// ASCII, Latin, Greek, Cyrillic, Armenian; 'ß' becomes "SS".
void append_upper(std::string& out, std::string_view text);
void append_lower(std::string& out, std::string_view text);
bool is_letter_or_digit(uint32_t code_point);

}  // namespace millstream::analytics
