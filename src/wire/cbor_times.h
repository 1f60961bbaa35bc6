// The two ways in which AWS's CBOR protocols write a time, both behind tag 1.
#pragma once

#include <cstdint>

namespace millstream::wire {

enum class CborTimes : uint8_t {
  kMilliseconds,  // CBOR 1.1: whole numbers are milliseconds, as the SDKs for Java have them
  kSeconds,       // rpc-v2-cbor: seconds, as RFC 8949 says; written as double
};

}  // namespace millstream::wire
