#include "worker/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace millstream::worker {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
// Larger frames get a buffer of their own, into which the socket is read directly.
constexpr size_t kLargeFrame = kChunkBytes / 2;
constexpr size_t kMaxParts = 512;  // of one sendmsg; Linux takes 1024

}  // namespace

void FrameHead::store(char* to) const {
  store_le(to, size);
  store_le(to + 4, method);
  store_le(to + 6, static_cast<uint8_t>(kind));
  store_le(to + 7, uint8_t{0});
  store_le(to + 8, call);
}

FrameHead FrameHead::load(const char* from) {
  return {.size = load_le<uint32_t>(from),
          .method = load_le<Method>(from + 4),
          .kind = static_cast<FrameKind>(load_le<uint8_t>(from + 6)),
          .call = load_le<uint64_t>(from + 8)};
}

Slice encode_error(const Error& error) {
  std::string body(1, static_cast<char>(error.code));
  body += error.message;
  return Slice::copy_of(body);
}

Error decode_error(std::string_view body) {
  if (body.empty()) return {ErrorCode::kInternal, "The other process sent an error without text."};
  const auto code = static_cast<uint8_t>(body[0]);
  const bool is_known = code <= static_cast<uint8_t>(ErrorCode::kInternal);
  return {is_known ? static_cast<ErrorCode>(code) : ErrorCode::kInternal,
          std::string(body.substr(1))};
}

FrameReader::State FrameReader::receive(char* into, size_t room, size_t& received) {
  for (;;) {
    const ssize_t count = ::recv(socket_, into, room, MSG_DONTWAIT);
    if (count > 0) {
      received = static_cast<size_t>(count);
      return State::kFrame;
    }
    if (count == 0) return State::kEnd;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? State::kEmpty : State::kEnd;
  }
}

// A new chunk that begins with what has been received of the next frame.
void FrameReader::make_room(size_t frame_size) {
  if (chunk_ && parsed_ + frame_size <= kChunkBytes) return;
  BufferRef chunk = BufferRef::allocate(kChunkBytes);
  const size_t rest = filled_ - parsed_;
  if (rest > 0) __builtin_memcpy(chunk->data(), chunk_->data() + parsed_, rest);
  chunk_ = std::move(chunk);
  parsed_ = 0;
  filled_ = rest;
}

FrameReader::State FrameReader::next(FrameHead& head, Slice& body) {
  for (;;) {
    size_t received = 0;
    if (large_) {
      if (large_filled_ == large_head_.size) {
        head = large_head_;
        body = Slice(std::exchange(large_, BufferRef()), large_head_.size);
        return State::kFrame;
      }
      const State state =
          receive(large_->data() + large_filled_, large_head_.size - large_filled_, received);
      if (state != State::kFrame) return state;
      large_filled_ += received;
      continue;
    }
    const size_t there = filled_ - parsed_;
    if (there >= FrameHead::kSize) {
      head = FrameHead::load(chunk_->data() + parsed_);
      if (head.size > kMaxFrameBytes || head.kind < FrameKind::kRequest ||
          head.kind > FrameKind::kNotification) {
        return State::kBroken;
      }
      if (there >= FrameHead::kSize + head.size) {
        body = Slice(chunk_, chunk_->data() + parsed_ + FrameHead::kSize, head.size);
        parsed_ += FrameHead::kSize + head.size;
        return State::kFrame;
      }
      if (head.size > kLargeFrame) {
        large_head_ = head;
        large_ = BufferRef::allocate(head.size);
        large_filled_ = there - FrameHead::kSize;
        __builtin_memcpy(large_->data(), chunk_->data() + parsed_ + FrameHead::kSize,
                         large_filled_);
        parsed_ = filled_;
        continue;
      }
      make_room(FrameHead::kSize + head.size);
    } else {
      make_room(FrameHead::kSize);
    }
    const State state = receive(chunk_->data() + filled_, kChunkBytes - filled_, received);
    if (state != State::kFrame) return state;
    filled_ += received;
  }
}

bool FrameQueue::write(std::vector<std::shared_ptr<void>>& told) {
  std::array<iovec, kMaxParts> parts;
  while (!frames_.empty()) {
    size_t count = 0;
    size_t skip = sent_;
    const auto add = [&](const char* data, size_t size) {
      if (skip >= size) {
        skip -= size;
      } else if (count < kMaxParts) {
        parts[count++] = {const_cast<char*>(data + skip), size - skip};
        skip = 0;
      }
    };
    for (const OutgoingFrame& frame : frames_) {
      if (count == kMaxParts) break;
      add(frame.head.data(), frame.head.size());
      for (const Slice& part : frame.parts) add(part.data(), part.size());
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t written = ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    sent_ += static_cast<size_t>(written);
    while (!frames_.empty() && sent_ >= frames_.front().size) {
      sent_ -= frames_.front().size;
      if (frames_.front().waiter) told.push_back(std::move(frames_.front().waiter));
      frames_.pop_front();
    }
  }
  return true;
}

void FrameQueue::drop(std::vector<std::shared_ptr<void>>& told) {
  for (OutgoingFrame& frame : frames_) {
    if (frame.waiter) told.push_back(std::move(frame.waiter));
  }
  frames_.clear();
  sent_ = 0;
}

}  // namespace millstream::worker
