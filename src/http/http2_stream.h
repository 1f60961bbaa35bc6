// One HTTP/2 stream: a request as it comes in, and its response as it goes out.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/http_message.h"
#include "http/body_buffer.h"
#include "http/output_queue.h"
#include "http/pace.h"
#include "http/signal.h"

namespace millstream {

class Http2;

// Life cycle: owned by its connection while nghttp2 knows the stream, and by its handler's
//             coroutine while that runs.
// Threads:    the connection's loop.
class Http2Stream final : public ResponseStream {
 public:
  Http2Stream(Http2& connection, int32_t id);
  ~Http2Stream() override;

  awaitable<Result<>> respond(HttpResponse response) override;
  awaitable<Result<>> start(HttpResponse head) override;
  awaitable<Result<>> write(Slice piece) override;
  awaitable<Result<>> finish() override;
  void abort() override;
  void on_interrupt(std::function<void(Interrupt)> notify) override;

 private:
  friend class Http2;
  friend struct Http2Callbacks;
  enum class State : uint8_t { kNone, kStarted, kDone };

  // --- the request
  // Adds a header field; keeps nghttp2's buffers alive instead of copying.
  void add_header(nghttp2_rcbuf* name, nghttp2_rcbuf* value, size_t limit);
  void add_pseudo_header(std::string_view name, std::string_view value);
  std::string_view keep(nghttp2_rcbuf* text);

  // --- the response
  // Hands the head to nghttp2. `length`: as content-length; `ends`: no body follows.
  bool submit(HttpResponse& response, std::optional<uint64_t> length, bool ends);
  void queue(Slice piece);
  // nghttp2 asks for at most `limit` bytes: how many it gets. nghttp2's error codes.
  ssize_t provide(size_t limit, uint32_t& flags);
  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* into, size_t length,
                           uint32_t* flags, nghttp2_data_source* source, void* user);
  // Moves `bytes` of the response to the output.
  void move_to(OutputQueue& output, size_t bytes);
  void interrupt(Interrupt why);
  // nghttp2 is done with the stream, or the connection is gone.
  void close();

  Http2& connection_;
  const int32_t id_;
  size_t index_ = 0;  // in the connection's list
  HttpRequest request_;
  std::vector<nghttp2_rcbuf*> kept_;
  size_t header_bytes_ = 0;
  bool headers_too_large_ = false;
  bool head_complete_ = false;
  bool request_complete_ = false;
  bool ignores_body_ = false;  // answered already
  bool expects_continue_ = false;
  std::optional<uint64_t> content_length_;
  BodyBuffer body_;
  Pace pace_;  // of the bytes that come or go

  State state_ = State::kNone;
  bool closed_ = false;
  bool client_reset_ = false;
  bool cut_off_ = false;   // closed before the response was sent
  bool deferred_ = false;  // nghttp2 waits for more of the body
  std::deque<Slice> pending_;
  size_t pending_bytes_ = 0;
  BudgetShare pending_share_;
  Signal taken_;  // pending_ is empty, or closed_
  std::function<void(Interrupt)> on_interrupt_;
};

}  // namespace millstream
