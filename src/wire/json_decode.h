// AWS JSON 1.0 and 1.1 into the generated structs, with AWS's rules and messages.
//
// Unknown members are ignored; null is the same as absent; of a member given twice the last
// one counts; a wrong JSON type, bad base64, bad UTF-8 or bad JSON is kSerialization, with the
// text AWS has for it (none for bad JSON). Whole numbers beyond the member's type are clamped,
// fractions cut, as AWS does; numbers in strings are refused. An empty body is like {}.
//
// Threads: any; each thread keeps one parser (at most some 3 MiB) for bodies up to 256 KiB.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/absences.h"
#include "wire/types.h"

namespace millstream::wire {

// Deeper documents are refused. DynamoDB allows 32 levels of attributes, two of JSON each.
inline constexpr size_t kMaxJsonDepth = 128;
// The elements of lists and maps of one request need at most this much memory, else
// kRequestTooLarge: three bytes of JSON can make a structure of a kilobyte.
inline constexpr size_t kMaxDecodedBytes = size_t{128} << 20;

// `object` is a default value of `type`. After an error it holds anything. Of a list longer than
// its limit, one element too many is kept: enough for the validator.
Result<> decode_json(const StructType& type, const Slice& body, void* object, Absences& absences);
// Copies `text`: for small documents, clients and tests.
Result<> decode_json(const StructType& type, std::string_view text, void* object,
                     Absences& absences);

// Base64 as AWS takes it (also the unused bits of the last character must be zero), with AWS's
// complaints. For codecs of their own.
Result<std::string> decode_json_blob(std::string_view text);

// A structure of the model from JSON, for what is kept as JSON (e.g. in the MetaStore) and for
// clients. Required members that are missing have their default value.
template <class T>
Result<T> from_json(std::string_view text) {
  T value;
  Absences absences;
  TRY(decode_json(T::wire_type(), text, &value, absences));
  return value;
}

}  // namespace millstream::wire
