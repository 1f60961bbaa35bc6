#include "http/http2_stream.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/http2.h"
#include "http/message.h"

namespace millstream {
namespace {

// Up to here respond() does not wait for the client's window.
constexpr size_t kHandedOver = size_t{64} * 1024;
// write() completes once no more than this waits for the client's window.
constexpr size_t kWriteAhead = size_t{64} * 1024;
constexpr size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2: of a field in a header list's size

std::string_view view_of(nghttp2_rcbuf* text) {
  nghttp2_vec bytes = nghttp2_rcbuf_get_buf(text);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

nghttp2_nv field(std::string_view name, std::string_view value,
                 uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

std::unexpected<Error> client_is_gone() {
  return fail(ErrorCode::kCancelled, "the client closed the stream or the connection");
}

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

Http2Stream::Http2Stream(Http2& connection, int32_t id)
    : connection_(connection),
      id_(id),
      body_(connection.connection_->shared->budget, connection.connection_->limits().body_bytes),
      pace_(connection.connection_->loop.now_s),
      pending_share_(connection.connection_->shared->budget),
      taken_(connection.connection_->loop.executor) {
  request_.version = HttpVersion::kHttp2;
  request_.peer = connection.connection_->peer;
  request_.tls = connection.connection_->transport.tls();
}

Http2Stream::~Http2Stream() {
  for (nghttp2_rcbuf* text : kept_) nghttp2_rcbuf_decref(text);
}

std::string_view Http2Stream::keep(nghttp2_rcbuf* text) {
  if (!nghttp2_rcbuf_is_static(text)) {
    nghttp2_rcbuf_incref(text);
    kept_.push_back(text);
  }
  return view_of(text);
}

void Http2Stream::add_header(nghttp2_rcbuf* name, nghttp2_rcbuf* value, size_t limit) {
  header_bytes_ += view_of(name).size() + view_of(value).size() + kFieldOverhead;
  if (header_bytes_ > limit) {
    headers_too_large_ = true;
    return;
  }
  std::string_view name_text = keep(name);
  std::string_view value_text = keep(value);
  if (name_text.starts_with(':')) {
    add_pseudo_header(name_text, value_text);
    return;
  }
  if (name_text == "content-length") {
    uint64_t length = 0;
    std::from_chars(value_text.data(), value_text.data() + value_text.size(), length);
    content_length_ = length;  // nghttp2 has checked it
  } else if (name_text == "expect") {
    expects_continue_ = equals_ignore_case(value_text, "100-continue");
  } else if (name_text == "host") {
    if (!request_.authority.empty()) return;  // :authority came first and counts
    request_.authority = value_text;
  }
  request_.headers.push_back({name_text, value_text});
}

void Http2Stream::add_pseudo_header(std::string_view name, std::string_view value) {
  if (name == ":method") {
    request_.method = value;
  } else if (name == ":path") {
    set_target(request_, value);
  } else if (name == ":authority") {
    request_.authority = value;
    request_.headers.push_back({"host", value});
  }
}

awaitable<Result<>> Http2Stream::respond(HttpResponse response) {
  if (closed_) co_return client_is_gone();
  MS_ASSERT(state_ == State::kNone);
  state_ = State::kDone;
  const bool with_body =
      request_.method != "HEAD" && !has_no_body(response.status) && !response.body.empty();
  const size_t length = response.body.size();
  if (with_body) queue(std::move(response.body));
  if (!submit(response, length, !with_body)) {
    abort();
    co_return fail(ErrorCode::kInternal, "the response to {} is not well-formed", request_.path);
  }
  if (length > kHandedOver && with_body) {
    while (!closed_ && pending_bytes_ > 0) co_await taken_.wait();
    if (cut_off_) co_return client_is_gone();
  }
  co_return Result<>();
}

awaitable<Result<>> Http2Stream::start(HttpResponse head) {
  if (closed_) co_return client_is_gone();
  MS_ASSERT(state_ == State::kNone);
  state_ = State::kStarted;
  if (!submit(head, std::nullopt, false)) {
    abort();
    co_return fail(ErrorCode::kInternal, "the response to {} is not well-formed", request_.path);
  }
  co_return Result<>();
}

awaitable<Result<>> Http2Stream::write(Slice piece) {
  if (closed_) co_return client_is_gone();
  MS_ASSERT(state_ == State::kStarted);
  if (piece.empty() || request_.method == "HEAD") co_return Result<>();
  queue(std::move(piece));
  connection_.flush_soon();
  while (!closed_ && pending_bytes_ > kWriteAhead) co_await taken_.wait();
  if (closed_) co_return client_is_gone();
  co_return Result<>();
}

awaitable<Result<>> Http2Stream::finish() {
  if (closed_) co_return client_is_gone();
  MS_ASSERT(state_ == State::kStarted);
  state_ = State::kDone;
  if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(connection_.session_, id_);
  }
  connection_.flush_soon();
  co_return Result<>();
}

void Http2Stream::abort() {
  if (closed_) return;
  state_ = State::kDone;
  nghttp2_submit_rst_stream(connection_.session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
  connection_.flush_soon();
}

void Http2Stream::on_interrupt(std::function<void(Interrupt)> notify) {
  on_interrupt_ = std::move(notify);
  if (closed_) interrupt(Interrupt::kClosed);
  if (connection_.connection_->draining()) interrupt(Interrupt::kDraining);
}

void Http2Stream::interrupt(Interrupt why) {
  if (on_interrupt_ && state_ != State::kDone) on_interrupt_(why);
}

bool Http2Stream::submit(HttpResponse& response, std::optional<uint64_t> length, bool ends) {
  std::array<char, 8> status;
  std::array<char, 24> digits;
  auto number = [](auto& text, uint64_t value) {
    char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return std::string_view(text.data(), static_cast<size_t>(end - text.data()));
  };
  std::vector<nghttp2_nv>& fields = connection_.fields_;
  fields.clear();
  fields.push_back(field(":status", number(status, static_cast<uint64_t>(response.status))));
  for (auto& [name, value] : response.headers) {
    if (is_connection_header(name) || !is_sendable_header(name, value)) continue;
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    if (name == "content-length") {
      // As in HTTP/1.1: counts for what HEAD leaves out, and for a body in pieces.
      if (length && request_.method != "HEAD") continue;
      length.reset();
    }
    // Request ids are all different: not worth the client's header table.
    const bool once = name.starts_with("x-amz");
    fields.push_back(field(name, value, once ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE));
  }
  if (length && !has_no_body(response.status)) {
    fields.push_back(field("content-length", number(digits, *length), NGHTTP2_NV_FLAG_NO_INDEX));
  }
  fields.push_back(field("date", connection_.connection_->loop.date));
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = read_body;
  int error = nghttp2_submit_response(connection_.session_, id_, fields.data(), fields.size(),
                                      ends ? nullptr : &provider);
  connection_.flush_soon();
  return error == 0;
}

void Http2Stream::queue(Slice piece) {
  if (pending_bytes_ == 0) pace_.restart(connection_.connection_->loop.now_s);
  pending_bytes_ += piece.size();
  connection_.unsent_ += piece.size();
  pending_share_.take(piece.size());
  pending_.push_back(std::move(piece));
  if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(connection_.session_, id_);
  }
}

ssize_t Http2Stream::provide(size_t limit, uint32_t& flags) {
  const size_t given = std::min(limit, pending_bytes_);
  if (given == pending_bytes_ && state_ == State::kDone) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (given == 0) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;  // move_to() follows
  return static_cast<ssize_t>(given);
}

void Http2Stream::move_to(OutputQueue& output, size_t bytes) {
  pace_.add(bytes, connection_.connection_->loop.now_s);
  pending_bytes_ -= bytes;
  connection_.sent(bytes);
  pending_share_.give(bytes);
  while (bytes > 0) {
    Slice& front = pending_.front();
    if (front.size() > bytes) {
      output.append(front.sub(0, bytes));
      front = front.sub(bytes, front.size() - bytes);
      break;
    }
    bytes -= front.size();
    output.append(std::move(front));
    pending_.pop_front();
  }
  if (pending_bytes_ <= kWriteAhead) taken_.notify();
}

void Http2Stream::close() {
  if (std::exchange(closed_, true)) return;
  interrupt(Interrupt::kClosed);
  cut_off_ = pending_bytes_ > 0;
  connection_.sent(pending_bytes_);
  pending_bytes_ = 0;
  pending_.clear();
  pending_share_.clear();
  taken_.notify();
}

ssize_t Http2Stream::read_body(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                               nghttp2_data_source* source, void*) {
  return static_cast<Http2Stream*>(source->ptr)->provide(length, *flags);
}

}  // namespace millstream
