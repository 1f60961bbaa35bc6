#include "http/body_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/result.h"

namespace millstream {
namespace {

constexpr size_t kSmallestGrowth = 4096;
alignas(16) constexpr char kNoBody[kBufferPadding] = {};

}  // namespace

BodyBuffer::Outcome BodyBuffer::begin(std::optional<uint64_t> expected) {
  clear();
  expected_ = expected;
  if (!expected || *expected == 0) return Outcome::kOk;
  if (*expected > limit_) return Outcome::kTooLarge;
  return grow(std::min<size_t>(*expected, kFirstBytes));
}

BodyBuffer::Outcome BodyBuffer::append(std::string_view bytes) {
  if (bytes.size() > limit_ - size_) return Outcome::kTooLarge;
  if (bytes.size() > capacity_ - size_) {
    size_t wanted = std::max({size_ + bytes.size(), capacity_ * 2, kSmallestGrowth});
    wanted = std::min(wanted, limit_);
    if (expected_) wanted = std::max<size_t>(*expected_, size_ + bytes.size());
    if (auto outcome = grow(wanted); outcome != Outcome::kOk) return outcome;
  }
  std::memcpy(buffer_->data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return Outcome::kOk;
}

BodyBuffer::Outcome BodyBuffer::room(std::span<char>& into) {
  MS_ASSERT(expected_ && size_ < *expected_);
  if (size_ == capacity_) {
    if (auto outcome = grow(*expected_); outcome != Outcome::kOk) return outcome;
  }
  into = {buffer_->data() + size_, capacity_ - size_};
  return Outcome::kOk;
}

Slice BodyBuffer::take() {
  if (size_ == 0) return {BufferRef(), kNoBody, 0};
  // A pooled buffer may be larger than the body; stale bytes may follow, never unreadable ones.
  return {std::move(buffer_), std::exchange(size_, 0)};
}

void BodyBuffer::clear() {
  buffer_ = BufferRef();
  capacity_ = 0;
  size_ = 0;
  expected_.reset();
  share_.clear();
}

BodyBuffer::Outcome BodyBuffer::grow(size_t needed) {
  if (!share_.try_take(needed - capacity_)) return Outcome::kOverBudget;
  BufferRef larger = BufferRef::allocate(needed);
  if (size_ > 0) std::memcpy(larger->data(), buffer_->data(), size_);
  buffer_ = std::move(larger);
  capacity_ = needed;
  return Outcome::kOk;
}

}  // namespace millstream
