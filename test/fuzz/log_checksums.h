// Checksums of the log's structures, for targets that get past them.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"

namespace millstream::fuzz {

// All of them begin with a mark of four letters, then the CRC32C of everything else
// (docs/storage-format.md).
inline void seal_structure(char* at, size_t size, std::string_view mark) {
  if (size < 8) return;
  std::memcpy(at, mark.data(), 4);
  const std::string_view bytes(at, size);
  store_le(at + 4, crc32c(bytes.substr(8), crc32c(bytes.substr(0, 4))));
}

}  // namespace millstream::fuzz
