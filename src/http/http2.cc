#include "http/http2.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "http/http2_callbacks.h"
#include "http/http2_memory.h"
#include "http/message.h"

namespace millstream {
namespace {

constexpr int32_t kStreamWindow = 1 << 20;
constexpr int32_t kConnectionWindow = 16 << 20;
constexpr size_t kReadRoom = size_t{64} * 1024;      // once a connection sends bodies
constexpr size_t kOutputBytes = size_t{256} * 1024;  // written at a time
// Of ours, unsent: reading rests. nghttp2 ends the session at 1,000 unsent answers to PING and
// SETTINGS.
constexpr size_t kQueuedFrames = 500;
constexpr uint32_t kResetsBurst = 500;  // streams that end badly, before it is an attack
constexpr uint32_t kResetsPerSecond = 100;
// Frames that carry nothing: PRIORITY, WINDOW_UPDATE, PING, SETTINGS, empty DATA. A
// client that downloads updates two windows for each DATA frame at most; a request may bring some.
constexpr uint32_t kIdleFramesBurst = 10'000;
constexpr uint32_t kIdleFramesPerSecond = 1'000;
constexpr uint32_t kIdleFramesPerRequest = 10;
constexpr size_t kBytesPerIdleFrame = 512;  // of responses

}  // namespace

Http2::Http2(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)),
      output_(connection_->transport.tls()),
      room_(connection_->loop.executor),
      idle_since_s_(connection_->loop.now_s),
      write_pace_(connection_->loop.now_s) {
  MS_ASSERT(nghttp2_session_server_new3(&session_, http2_callbacks(), this, http2_options(),
                                        http2_memory()) == 0);
  const HttpLimits& limits = connection_->limits();
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_bytes)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2::~Http2() { nghttp2_session_del(session_); }

awaitable<> Http2::run() {
  connection_->enter(Connection::Phase::kHandler);  // the times are kept by tick()
  InputBuffer& in = connection_->in;
  if (connection_->draining()) drain();
  while (true) {
    if (!ended_) process(in.view());
    const size_t received = in.size();
    in.consume(received);
    while (!lost_ && writing_ &&
           nghttp2_session_get_outbound_queue_size(session_) > kQueuedFrames) {
      co_await room_.wait();
    }
    bool alive = co_await connection_->read_more(received > kReadRoom / 16 ? kReadRoom : 1);
    if (!alive) break;
  }
  lose_connection();
}

void Http2::process(std::string_view received) {
  processing_ = true;
  ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(received.data()), received.size());
  const bool failed = used < 0;
  start_handlers();
  processing_ = false;
  if (failed) {
    // Not HTTP/2, or a flood: nghttp2 goes no further with it.
    nghttp2_session_terminate_session(session_, attacked_ || used == NGHTTP2_ERR_FLOODED ||
                                                        used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
                                                    ? NGHTTP2_ENHANCE_YOUR_CALM
                                                    : NGHTTP2_PROTOCOL_ERROR);
  }
  if (failed || wants_flush_ || !may_hold_first_flush()) flush();
  if (failed) end();
}

void Http2::start_handlers() {
  while (!ready_.empty() && (unsent_ <= connection_->limits().unsent_bytes || lost_)) {
    auto stream = std::move(ready_.front());
    ready_.pop_front();
    if (stream->closed_) continue;
    ++handlers_;
    asio::co_spawn(connection_->loop.executor, handle(shared_from_this(), std::move(stream)),
                   asio::detached);
  }
}

void Http2::sent(size_t bytes) {
  unsent_ -= bytes;
  idle_frames_ -= static_cast<uint32_t>(std::min<size_t>(idle_frames_, bytes / kBytesPerIdleFrame));
  if (ready_.empty() || processing_ || start_posted_ ||
      unsent_ > connection_->limits().unsent_bytes) {
    return;
  }
  start_posted_ = true;
  asio::post(connection_->loop.executor, [self = shared_from_this()] {
    self->start_posted_ = false;
    self->start_handlers();
  });
}

// A client that opens a session for one call (the JavaScript SDK does) gets SETTINGS and the
// response in one packet. tick() ends the waiting if the handler takes long.
bool Http2::may_hold_first_flush() const {
  return !flushed_once_ && handlers_ > 0 && incomplete_ == 0;
}

awaitable<> Http2::handle(std::shared_ptr<Http2> self, std::shared_ptr<Http2Stream> stream) {
  using State = Http2Stream::State;
  self->connection_->shared->requests.fetch_add(1, std::memory_order_relaxed);
  try {
    co_await self->connection_->shared->handler(stream->request_, *stream);
  } catch (const std::exception& e) {
    spdlog::error("http: the handler of {} {} threw: {}", stream->request_.method,
                  stream->request_.path, e.what());
  }
  if (!stream->closed_) {
    if (stream->state_ == State::kStarted) stream->abort();
    if (stream->state_ == State::kNone) {
      co_await stream->respond(
          plain_response(500, "The server did not answer this request (a defect)."));
    }
  }
  stream->on_interrupt_ = nullptr;
  stream->request_.body = Slice();
  stream->body_.clear();
  --self->handlers_;
  self->idle_since_s_ = self->connection_->loop.now_s;
}

void Http2::flush_soon() {
  if (processing_) {
    wants_flush_ = true;
    return;
  }
  if (writing_ || flush_posted_ || lost_) return;
  flush_posted_ = true;
  asio::post(connection_->loop.executor, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Http2::flush() {
  wants_flush_ = false;
  if (writing_ || lost_ || ended_) return;
  while (true) {
    fill_output();
    if (output_.empty()) break;
    flushed_once_ = true;
    write_pace_.restart(connection_->loop.now_s);
    unwritten_ = output_.buffers();
    ErrorOf error;
    if (!connection_->transport.try_write(unwritten_, error)) {
      if (error) {
        connection_->transport.close();  // ends run()
        return;
      }
      writing_ = true;
      asio::co_spawn(connection_->loop.executor, write_output(shared_from_this()), asio::detached);
      return;
    }
    output_.clear();
  }
  end_if_done();
}

void Http2::fill_output() {
  while (output_.size() < kOutputBytes) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    output_.append({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
}

awaitable<> Http2::write_output(std::shared_ptr<Http2> self) {
  Connection& connection = *self->connection_;
  ErrorOf error;
  while (!error && !self->output_.empty()) {
    error = co_await connection.transport.write(self->unwritten_, [&](size_t bytes) {
      self->write_pace_.add(bytes, connection.loop.now_s);
    });
    self->output_.clear();
    self->write_pace_.restart(connection.loop.now_s);
    self->room_.notify();
    if (error || self->lost_) break;
    self->fill_output();
    self->unwritten_ = self->output_.buffers();
  }
  self->writing_ = false;
  if (error) {
    connection.transport.close();
  } else {
    self->end_if_done();
  }
}

void Http2::end_if_done() {
  if (ended_ || nghttp2_session_want_read(session_) || nghttp2_session_want_write(session_)) {
    return;
  }
  end();
}

void Http2::end() {
  if (ended_ || lost_) return;
  ended_ = true;
  // The end of our side tells the client; what it still sends is read and thrown away, as an
  // unread rest would reset the connection and take the GOAWAY with it.
  connection_->enter(Connection::Phase::kClosing);
  ErrorOf ignored;
  connection_->transport.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Http2::lose_connection() {
  lost_ = true;
  connection_->transport.close();
  for (auto& stream : streams_) stream->close();
  streams_.clear();
  ready_.clear();
}

void Http2::drain() {
  if (drain_noticed_ || ended_) return;
  drain_noticed_ = true;
  for (auto& stream : streams_) stream->interrupt(ResponseStream::Interrupt::kDraining);
  if (streams_.empty() && handlers_ == 0) {
    goaway_sent_ = true;
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  } else {
    // Requests that are on their way are still accepted for a second (RFC 9113, 6.8).
    nghttp2_submit_shutdown_notice(session_);
  }
  flush();
}

void Http2::tick() {
  if (ended_ || lost_) return;
  const uint32_t now = connection_->loop.now_s;
  auto over = [now](uint32_t since, std::chrono::seconds limit) {
    return std::chrono::seconds(now - since) > limit;
  };
  const HttpLimits& limits = connection_->limits();
  resets_ -= std::min(resets_, kResetsPerSecond);
  idle_frames_ -= std::min(idle_frames_, kIdleFramesPerSecond);
  if (writing_ && write_pace_.over(now, limits.write_timeout)) {
    connection_->transport.cut_off();
    return;
  }
  if (streams_.empty() && handlers_ == 0 && over(idle_since_s_, limits.idle_timeout)) {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  } else if (drain_noticed_ && !goaway_sent_) {
    goaway_sent_ = true;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  }
  for (auto& stream : streams_) {
    if (!stream->head_complete_) {
      // Nothing else may come before the rest of its head: the whole connection hangs.
      if (stream->pace_.over(now, limits.header_timeout)) connection_->transport.close();
    } else if (!stream->request_complete_) {
      if (stream->pace_.over(now, limits.body_timeout)) reset(*stream);
    } else if (stream->pending_bytes_ > 0) {
      if (stream->pace_.over(now, limits.write_timeout)) reset(*stream);
    }
  }
  flush();
}

void Http2::reset(Http2Stream& stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
}

bool Http2::accept_reset() {
  if (++resets_ <= kResetsBurst) return true;
  attacked_ = true;
  return false;
}

bool Http2::accept_frame(const nghttp2_frame_hd& head) {
  switch (head.type) {
    case NGHTTP2_RST_STREAM:
      if (void* stream = nghttp2_session_get_stream_user_data(session_, head.stream_id)) {
        static_cast<Http2Stream*>(stream)->client_reset_ = true;
      }
      return accept_reset();
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:  // nghttp2 bounds them
      return true;
    case NGHTTP2_DATA:
      if (head.length > 0 || (head.flags & NGHTTP2_FLAG_END_STREAM) != 0) return true;
      break;
    default:
      break;
  }
  if (++idle_frames_ <= kIdleFramesBurst) return true;
  attacked_ = true;
  return false;
}

// A stream whose number was passed over is closed (RFC 9113, 5.1.1). nghttp2 doesn't tell it from
// one that was open, so the last range that was passed over is remembered here.
void Http2::check_stream_id(int32_t id) {
  if (id > last_id_) {
    if (id > last_id_ + 2) {
      skipped_from_ = last_id_ + 1;
      skipped_to_ = id - 1;
    }
    last_id_ = id;
  } else if (id >= skipped_from_ && id <= skipped_to_) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
  }
}

int Http2::on_begin_headers(int32_t id) {
  // Handlers of streams that were reset run on: they count too.
  idle_frames_ -= std::min(idle_frames_, kIdleFramesPerRequest);
  if (handlers_ + ready_.size() >= size_t{2} * connection_->limits().concurrent_streams) {
    if (!accept_reset()) return NGHTTP2_ERR_CALLBACK_FAILURE;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return 0;
  }
  auto stream = std::make_shared<Http2Stream>(*this, id);
  stream->index_ = streams_.size();
  nghttp2_session_set_stream_user_data(session_, id, stream.get());
  streams_.push_back(std::move(stream));
  ++incomplete_;
  return 0;
}

int Http2::on_header(Http2Stream& stream, nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  if (!stream.headers_too_large_) {
    stream.add_header(name, value, connection_->limits().header_bytes);
  }
  return 0;
}

void Http2::on_head(Http2Stream& stream) {
  stream.head_complete_ = true;
  stream.pace_.restart(connection_->loop.now_s);
  if (stream.headers_too_large_) {
    refuse(stream, plain_response(431, "The request's head is too large."));
    return;
  }
  // nghttp2 has no check that CONNECT, which has no path, is for proxies only.
  if (stream.request_.path.empty()) {
    refuse(stream, plain_response(400, "The request has no path."));
    return;
  }
  auto outcome = stream.body_.begin(stream.content_length_);
  if (outcome != BodyBuffer::Outcome::kOk) {
    refuse_body(stream, outcome);
  } else if (stream.expects_continue_) {
    static uint8_t name[] = ":status";
    static uint8_t value[] = "100";
    nghttp2_nv status{name, value, 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, &status, 1, nullptr);
  }
}

int Http2::on_data(Http2Stream& stream, std::string_view bytes) {
  stream.pace_.add(bytes.size(), connection_->loop.now_s);
  if (stream.ignores_body_) return 0;
  auto outcome = stream.body_.append(bytes);
  if (outcome != BodyBuffer::Outcome::kOk) refuse_body(stream, outcome);
  return 0;
}

void Http2::on_request_complete(Http2Stream& stream) {
  if (stream.request_complete_) return;
  stream.request_complete_ = true;
  --incomplete_;
  if (stream.ignores_body_) return;
  stream.request_.body = stream.body_.take();
  ready_.push_back(streams_[stream.index_]);
}

void Http2::refuse_body(Http2Stream& stream, BodyBuffer::Outcome outcome) {
  stream.body_.clear();
  refuse(stream, outcome == BodyBuffer::Outcome::kTooLarge
                     ? plain_response(413, "The request's body is too large.")
                     : connection_->shared->overloaded(stream.request_));
}

void Http2::refuse(Http2Stream& stream, HttpResponse response) {
  stream.ignores_body_ = true;
  stream.state_ = Http2Stream::State::kDone;
  connection_->shared->requests.fetch_add(1, std::memory_order_relaxed);
  const bool with_body = stream.request_.method != "HEAD" && !response.body.empty();
  const size_t length = response.body.size();
  if (with_body) stream.queue(std::move(response.body));
  if (!stream.submit(response, length, !with_body)) reset(stream);
}

void Http2::on_response_sent(Http2Stream& stream) {
  // The client need not send the rest of its request (RFC 9113, 8.1).
  if (!stream.request_complete_) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_NO_ERROR);
  }
}

void Http2::on_stream_close(Http2Stream& stream, uint32_t error) {
  // Also those that the client made us reset.
  if (error != NGHTTP2_NO_ERROR && !stream.client_reset_ && !accept_reset()) {
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (!stream.request_complete_) --incomplete_;
  stream.close();
  idle_since_s_ = connection_->loop.now_s;
  const size_t index = stream.index_;
  streams_.back()->index_ = index;
  std::swap(streams_[index], streams_.back());
  streams_.pop_back();  // may destroy it: its handler, if any, holds it too
}

}  // namespace millstream
