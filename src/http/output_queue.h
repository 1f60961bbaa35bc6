// Bytes to be sent, in order: small ones copied, large ones referenced.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "base/async.h"
#include "base/bytes.h"

namespace millstream {

// Filled, then written as a whole, then cleared. Threads: one loop.
class OutputQueue {
 public:
  // `copies_all`: nothing is referenced (TLS wants it in one piece).
  explicit OutputQueue(bool copies_all) : copies_all_(copies_all) {}

  void append(std::string_view bytes);
  void append(Slice bytes);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // What is to be sent; valid until the next append() or clear(). May be used up by the caller.
  std::span<asio::const_buffer> buffers();
  void clear();

 private:
  static constexpr size_t kCopied = 4096;  // up to here copying is cheaper than another iovec
  struct Part {
    size_t text_end;  // of the bytes in text_ that go before `slice`
    Slice slice;
  };
  bool copies_all_;
  size_t size_ = 0;
  std::string text_;
  std::vector<Part> parts_;
  std::vector<asio::const_buffer> buffers_;
};

}  // namespace millstream
