// Reference-counted byte buffers, and views into them that keep them alive.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace millstream {

// Every buffer has this many readable bytes behind its capacity (simdjson reads past the end).
inline constexpr size_t kBufferPadding = 64;

// A block of bytes with a reference count.
//
// Ownership: shared by BufferRefs and Slices; freed (or returned to the pool of its size class)
//            with the last one, on whatever thread drops it.
// Threads:   the count is atomic; the bytes are written by one owner before they are shared,
//            and constant afterwards.
class Buffer {
 public:
  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  size_t capacity() const { return capacity_; }

  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

 private:
  friend class BufferRef;
  explicit Buffer(size_t capacity) : capacity_(capacity) {}

  std::atomic<uint32_t> references_{1};
  uint32_t size_class_ = 0;
  size_t capacity_;
};

class BufferRef {
 public:
  BufferRef() = default;
  // At least `capacity` bytes, uninitialised, plus kBufferPadding zeroed ones behind them.
  // Terminates when memory is exhausted: admission limits come before.
  static BufferRef allocate(size_t capacity);

  BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
    if (buffer_) buffer_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() {
    if (buffer_ && buffer_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) release();
  }

  explicit operator bool() const { return buffer_ != nullptr; }
  Buffer* operator->() const { return buffer_; }
  Buffer& operator*() const { return *buffer_; }

 private:
  void release();
  Buffer* buffer_ = nullptr;
};

// A range of bytes that keeps its buffer alive. Copying costs one atomic increment.
class Slice {
 public:
  Slice() = default;
  Slice(BufferRef buffer, const char* data, size_t size)
      : buffer_(std::move(buffer)), data_(data), size_(size) {}
  Slice(BufferRef buffer, size_t size) : buffer_(std::move(buffer)), size_(size) {
    data_ = buffer_ ? buffer_->data() : nullptr;
  }
  static Slice copy_of(std::string_view text);
  // For constants only: `text` must live for ever.
  static Slice of_static(std::string_view text) { return {BufferRef(), text.data(), text.size()}; }

  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  Slice sub(size_t offset, size_t size) const { return {buffer_, data_ + offset, size}; }
  const BufferRef& buffer() const { return buffer_; }

 private:
  BufferRef buffer_;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// Bytes held by buffers that are alive or pooled, for metrics and limits.
size_t buffer_bytes_in_use();
size_t buffer_bytes_pooled();

// Little-endian loads and stores of trivially copyable values at any alignment.
template <class T>
T load_le(const char* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store_le(char* to, T value) {
  __builtin_memcpy(to, &value, sizeof value);
}

}  // namespace millstream
