// The generated structs as AWS's CBOR, members in the model's order, optional ones only when
// set. Structures are maps of indefinite length, as AWS sends them; lists and maps have theirs.
#pragma once

#include <string>
#include <string_view>

#include "wire/cbor_times.h"
#include "wire/types.h"

namespace millstream::wire {

void encode_cbor(const StructType& type, const void* object, std::string& out,
                 CborTimes times = CborTimes::kMilliseconds);

template <class T>
std::string to_cbor(const T& value) {
  std::string out;
  encode_cbor(T::wire_type(), &value, out);
  return out;
}

// The pieces, for codecs of their own.
inline constexpr char kCborStructure = '\xbf';  // its members, then
inline constexpr char kCborEnd = '\xff';
void append_cbor_integer(std::string& out, int64_t number);
void append_cbor_array(std::string& out, size_t elements);  // which follow
// What is not UTF-8 becomes U+FFFD, so that the document stays CBOR.
void append_cbor_text(std::string& out, std::string_view text);
void append_cbor_blob(std::string& out, std::string_view bytes);
void append_cbor_time(std::string& out, TimeMs time, CborTimes times = CborTimes::kMilliseconds);

// Into memory that is large enough: the heads of a text and a blob, at most kMaxCborHead bytes.
// Both return where the content goes.
inline constexpr size_t kMaxCborHead = 9;
char* write_cbor_text_head(char* to, size_t size);
char* write_cbor_blob_head(char* to, size_t size);

}  // namespace millstream::wire
