// Random bytes fit for keys and identifiers.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace millstream {

// From getrandom(), through a buffer of the calling thread. Threads: any. Never fails: without
// a source of randomness the process stops. Not to be used on both sides of a fork().
void fill_random(std::span<unsigned char> out);
uint64_t random_u64();

// RFC 4122 version 4, lower case: "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".
std::string uuid_v4();

}  // namespace millstream
