#include "log/local/direct_writer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace millstream::local {
namespace {

constexpr std::align_val_t kAlignment{kDirectAlignment};

}  // namespace

void DirectWriter::Free::operator()(char* buffer) const { ::operator delete(buffer, kAlignment); }

DirectWriter::DirectWriter(size_t capacity) : capacity_(capacity) {
  MS_ASSERT(capacity > 0 && capacity % kDirectAlignment == 0);
}

void DirectWriter::start(File& file, uint64_t offset) {
  MS_ASSERT(offset % kDirectAlignment == 0);
  if (!buffer_) buffer_.reset(static_cast<char*>(::operator new(capacity_, kAlignment)));
  file_ = &file;
  offset_ = offset;
  used_ = 0;
}

Result<> DirectWriter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (used_ == capacity_) TRY(flush());
    const size_t count = std::min(bytes.size(), capacity_ - used_);
    std::memcpy(buffer_.get() + used_, bytes.data(), count);
    used_ += count;
    bytes.remove_prefix(count);
  }
  return {};
}

Result<> DirectWriter::add(std::span<const iovec> parts) {
  for (const iovec& part : parts) {
    TRY(add(std::string_view(static_cast<const char*>(part.iov_base), part.iov_len)));
  }
  return {};
}

Result<> DirectWriter::flush() {
  if (used_ == 0) return {};
  TRY(file_->write_direct(offset_, {buffer_.get(), used_}));
  offset_ += used_;
  used_ = 0;
  return {};
}

}  // namespace millstream::local
