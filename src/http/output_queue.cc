#include "http/output_queue.h"

namespace millstream {

void OutputQueue::append(std::string_view bytes) {
  text_ += bytes;
  size_ += bytes.size();
}

void OutputQueue::append(Slice bytes) {
  if (copies_all_ || bytes.size() <= kCopied) {
    append(bytes.view());
    return;
  }
  size_ += bytes.size();
  parts_.push_back({text_.size(), std::move(bytes)});
}

std::span<asio::const_buffer> OutputQueue::buffers() {
  buffers_.clear();
  size_t begin = 0;
  for (const Part& part : parts_) {
    if (part.text_end > begin) {
      buffers_.emplace_back(text_.data() + begin, part.text_end - begin);
      begin = part.text_end;
    }
    buffers_.emplace_back(part.slice.data(), part.slice.size());
  }
  if (text_.size() > begin) buffers_.emplace_back(text_.data() + begin, text_.size() - begin);
  return buffers_;
}

void OutputQueue::clear() {
  text_.clear();
  parts_.clear();
  buffers_.clear();
  size_ = 0;
}

}  // namespace millstream
