// HTTP/2 on one connection, through nghttp2.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "http/connection.h"
#include "http/http2_stream.h"
#include "http/output_queue.h"
#include "http/pace.h"
#include "http/signal.h"

namespace millstream {

// Life cycle: owned by Connection::run() and by the coroutines of its streams' handlers.
// Threads:    the connection's loop.
// Bounds:     streams (also those that were reset while their handler runs on), resets, SETTINGS
//             and PING floods, header lists, output (nghttp2 makes frames only when there is
//             room), request bodies (the server's budget).
class Http2 final : public Protocol, public std::enable_shared_from_this<Http2> {
 public:
  explicit Http2(std::shared_ptr<Connection> connection);
  ~Http2() override;

  // Serves until the session or the client ends; the caller closes the connection.
  awaitable<> run();

  void tick() override;
  void drain() override;

 private:
  friend class Http2Stream;
  friend struct Http2Callbacks;

  // Feeds received bytes to the session, starts handlers, sends what came of it.
  void process(std::string_view received);
  static awaitable<> handle(std::shared_ptr<Http2> self, std::shared_ptr<Http2Stream> stream);

  // Starts handlers while the client takes what they answer.
  void start_handlers();
  // Bytes of a response are off our hands.
  void sent(size_t bytes);

  // Sends in a later turn of the loop, so that many streams' frames share a write.
  void flush_soon();
  void flush();
  void fill_output();
  static awaitable<> write_output(std::shared_ptr<Http2> self);
  bool may_hold_first_flush() const;
  void end_if_done();
  void end();
  void reset(Http2Stream& stream);
  void lose_connection();

  // What nghttp2 tells.
  // Counts what costs us work and the client nothing. False: it is an attack.
  bool accept_frame(const nghttp2_frame_hd& head);
  bool accept_reset();
  void check_stream_id(int32_t id);
  int on_begin_headers(int32_t id);
  int on_header(Http2Stream& stream, nghttp2_rcbuf* name, nghttp2_rcbuf* value);
  void on_head(Http2Stream& stream);
  int on_data(Http2Stream& stream, std::string_view bytes);
  void on_request_complete(Http2Stream& stream);
  void on_response_sent(Http2Stream& stream);
  void on_stream_close(Http2Stream& stream, uint32_t error);
  // Answers a stream without a handler.
  void refuse(Http2Stream& stream, HttpResponse response);
  void refuse_body(Http2Stream& stream, BodyBuffer::Outcome outcome);

  std::shared_ptr<Connection> connection_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::shared_ptr<Http2Stream>> streams_;
  std::deque<std::shared_ptr<Http2Stream>> ready_;  // complete requests, whose handlers start next
  size_t unsent_ = 0;                               // of responses, not yet given to nghttp2
  size_t handlers_ = 0;
  size_t incomplete_ = 0;           // streams whose request is not complete
  std::vector<nghttp2_nv> fields_;  // of the response that is being submitted
  OutputQueue output_;
  std::span<asio::const_buffer> unwritten_;  // of output_, while writing_
  Signal room_;                              // the output was written
  bool processing_ = false;
  bool wants_flush_ = false;
  bool writing_ = false;
  bool flush_posted_ = false;
  bool flushed_once_ = false;
  bool drain_noticed_ = false;
  bool goaway_sent_ = false;
  bool ended_ = false;   // the session is over: what still comes in is thrown away
  bool lost_ = false;    // the connection is gone
  int32_t last_id_ = 0;  // of the streams that were opened
  int32_t skipped_from_ = 0;
  int32_t skipped_to_ = -1;
  uint32_t idle_since_s_;
  Pace write_pace_;
  uint32_t resets_ = 0;       // of late; falls with time
  uint32_t idle_frames_ = 0;  // that carry nothing; falls with time, and with what is worth them
  bool attacked_ = false;
  bool start_posted_ = false;
};

}  // namespace millstream
