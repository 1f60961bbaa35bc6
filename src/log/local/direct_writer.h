// Gathers bytes in an aligned buffer and writes them past the page cache, a bufferful at a time.
//
// One copy into a buffer that stays in the processor's cache, instead of the kernel's copy into
// fresh pages that a sync then has to find: docs/decisions/0007-direct-io.md.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/env.h"

namespace millstream::local {

// Threads: one.
class DirectWriter {
 public:
  // `capacity`: bytes of a write, a multiple of kDirectAlignment.
  explicit DirectWriter(size_t capacity);

  // From here on bytes go to `offset` (aligned) of `file`, which outlives this. Forgets what
  // was not written.
  void start(File& file, uint64_t offset);
  // Where the next byte goes.
  uint64_t offset() const { return offset_ + used_; }

  // Errors are those of File::write(); the range then holds anything. Start again after one.
  Result<> add(std::string_view bytes);
  Result<> add(std::span<const iovec> parts);
  // Writes what is left: offset() must be aligned.
  Result<> flush();

 private:
  struct Free {
    void operator()(char* buffer) const;
  };
  const size_t capacity_;
  std::unique_ptr<char[], Free> buffer_;  // made on first use
  size_t used_ = 0;
  File* file_ = nullptr;
  uint64_t offset_ = 0;  // of the buffer's first byte
};

}  // namespace millstream::local
