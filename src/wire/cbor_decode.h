// AWS's CBOR into the generated structs, with the rules of json_decode.h.
//
// Unknown members are ignored; null and undefined are the same as absent; a wrong type, bad
// UTF-8 or bad CBOR is kSerialization, with the text that AWS has for it in JSON (none for bad
// CBOR). Whole numbers beyond the member's type are clamped, fractions cut. An empty body is
// like an empty map. Other than in JSON a member or key given twice is refused (RFC 8949, 5.6),
// and blobs are byte strings only.
//
// Times: in CBOR 1.1 whole numbers are milliseconds since 1970, as the SDKs for Java send them
// (with tag 1, against RFC 8949); floating-point ones are seconds. In rpc-v2-cbor both are
// seconds.
//
// Threads: any.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "wire/absences.h"
#include "wire/cbor_times.h"
#include "wire/types.h"

namespace millstream::wire {

// `object` is a default value of `type`. After an error it holds anything. Of a list longer than
// its limit, one element too many is kept: enough for the validator. kRequestTooLarge: the
// elements need more than kMaxDecodedBytes (json_decode.h).
Result<> decode_cbor(const StructType& type, std::string_view body, void* object,
                     Absences& absences, CborTimes times = CborTimes::kMilliseconds);

// A structure of the model from CBOR, for clients and tests. Required members that are missing
// have their default value.
template <class T>
Result<T> from_cbor(std::string_view body) {
  T value;
  Absences absences;
  TRY(decode_cbor(T::wire_type(), body, &value, absences));
  return value;
}

}  // namespace millstream::wire
