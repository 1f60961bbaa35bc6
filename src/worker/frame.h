// The frames of a channel: a head of 16 bytes, then the body.
//
//   u32 body size | u16 method | u8 kind | u8 zero | u64 call
//
// Little-endian. `call` is the caller's number, which the answer repeats; of an error the body is
// u8 error code and the message.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "worker/channel.h"

namespace millstream::worker {

enum class FrameKind : uint8_t { kRequest = 1, kAnswer, kError, kNotification };

struct FrameHead {
  static constexpr size_t kSize = 16;
  uint32_t size = 0;
  Method method = 0;
  FrameKind kind = FrameKind::kRequest;
  uint64_t call = 0;

  void store(char* to) const;
  static FrameHead load(const char* from);
};

// An error as a frame's body, and back.
Slice encode_error(const Error& error);
Error decode_error(std::string_view body);

// Finds the frames in what a socket delivers.
//
// Threads: one at a time.
class FrameReader {
 public:
  explicit FrameReader(int socket) : socket_(socket) {}

  enum class State : uint8_t {
    kFrame,   // one is in `head` and `body`
    kEmpty,   // the socket has no more for now
    kEnd,     // the other side is gone
    kBroken,  // what came is no frame
  };
  State next(FrameHead& head, Slice& body);

 private:
  State receive(char* into, size_t room, size_t& received);
  void make_room(size_t frame_size);

  int socket_;
  BufferRef chunk_;    // small frames, one after the other
  size_t parsed_ = 0;  // of the chunk
  size_t filled_ = 0;
  FrameHead large_head_;  // of the large frame under way
  BufferRef large_;
  size_t large_filled_ = 0;
};

// A frame on its way out.
struct OutgoingFrame {
  std::array<char, FrameHead::kSize> head{};
  std::vector<Slice> parts;
  size_t size = 0;               // head and parts
  std::shared_ptr<void> waiter;  // told when the last byte is with the socket
};

// Frames that the socket had no room for yet.
//
// Threads: one at a time.
class FrameQueue {
 public:
  explicit FrameQueue(int socket) : socket_(socket) {}

  void add(OutgoingFrame frame) { frames_.push_back(std::move(frame)); }
  bool empty() const { return frames_.empty(); }
  // Writes what the socket takes; the waiters of the frames that went out. False: the socket is
  // broken.
  bool write(std::vector<std::shared_ptr<void>>& told);
  // All waiters, since nothing will go out any more.
  void drop(std::vector<std::shared_ptr<void>>& told);

 private:
  int socket_;
  std::deque<OutgoingFrame> frames_;
  size_t sent_ = 0;  // of the first frame
};

}  // namespace millstream::worker
