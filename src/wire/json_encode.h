// The generated structs as AWS JSON, members in the model's order, optional ones only when set.
#pragma once

#include <string>
#include <string_view>

#include "wire/types.h"

namespace millstream::wire {

void encode_json(const StructType& type, const void* object, std::string& out);

template <class T>
std::string to_json(const T& value) {
  std::string out;
  encode_json(T::wire_type(), &value, out);
  return out;
}

// The pieces, for codecs of their own. append_json_string quotes and escapes; what is not UTF-8
// becomes U+FFFD, so that the document stays JSON.
void append_json_string(std::string& out, std::string_view text);
// Copies `text` with U+FFFD for each byte that is not part of well-formed UTF-8.
std::string utf8_repaired(std::string_view text);
void append_json_blob(std::string& out, std::string_view bytes);  // quoted base64
// Seconds with up to three decimals: 1700000000.123, 1700000000.
void append_json_time(std::string& out, TimeMs time);
void append_json_number(std::string& out, double number);  // shortest; NaN and infinities quoted

}  // namespace millstream::wire
