#include "http/http2_callbacks.h"

#include <algorithm>

#include "http/http2.h"

namespace millstream {
namespace {

constexpr size_t kLargestData = size_t{64} * 1024;
constexpr size_t kSettings = 32;  // entries of a SETTINGS frame

}  // namespace

struct Http2Callbacks {
  static Http2& self(void* user) { return *static_cast<Http2*>(user); }
  static Http2Stream* stream(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    if (!self(user).accept_frame(*head)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (head->type == NGHTTP2_HEADERS) self(user).check_stream_id(head->stream_id);
    return 0;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    return self(user).on_begin_headers(frame->hd.stream_id);
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Stream* on = stream(session, frame->hd.stream_id);
    return on ? self(user).on_header(*on, name, value) : 0;
  }

  static int frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Stream* on = stream(session, frame->hd.stream_id);
    if (!on) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      self(user).on_head(*on);
    }
    const bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (has_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
      self(user).on_request_complete(*on);
    }
    return 0;
  }

  static int data_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes,
                        size_t size, void* user) {
    Http2Stream* on = stream(session, id);
    return on ? self(user).on_data(*on, {reinterpret_cast<const char*>(bytes), size}) : 0;
  }

  static int frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    Http2Stream* on = stream(session, frame->hd.stream_id);
    if (on) self(user).on_response_sent(*on);
    return 0;
  }

  static int stream_close(nghttp2_session* session, int32_t id, uint32_t error, void* user) {
    Http2Stream* on = stream(session, id);
    if (on) self(user).on_stream_close(*on, error);
    return 0;
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                       nghttp2_data_source* source, void* user) {
    OutputQueue& output = self(user).output_;
    output.append({reinterpret_cast<const char*>(head), 9});  // RFC 9113, 4.1: a frame's head
    static_cast<Http2Stream*>(source->ptr)->move_to(output, length);
    return 0;
  }

  static ssize_t data_length(nghttp2_session*, uint8_t, int32_t, int32_t session_window,
                             int32_t stream_window, uint32_t max_frame, void*) {
    return std::min({static_cast<ssize_t>(session_window), static_cast<ssize_t>(stream_window),
                     static_cast<ssize_t>(max_frame), static_cast<ssize_t>(kLargestData)});
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    MS_ASSERT(nghttp2_session_callbacks_new(&all) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(all, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_close);
    nghttp2_session_callbacks_set_send_data_callback(all, send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(all, data_length);
    return all;
  }

  static nghttp2_option* options() {
    nghttp2_option* all = nullptr;
    MS_ASSERT(nghttp2_option_new(&all) == 0);
    nghttp2_option_set_max_settings(all, kSettings);
    // Most fields of a response differ from the last one's, and many sessions have a single
    // response: filling a table costs more than its fields save.
    nghttp2_option_set_max_deflate_dynamic_table_size(all, 0);
    // Http2 counts resets itself, and names the reason.
    nghttp2_option_set_stream_reset_rate_limit(all, 1 << 20, 1 << 20);
    return all;
  }
};

nghttp2_session_callbacks* http2_callbacks() {
  static nghttp2_session_callbacks* const callbacks = Http2Callbacks::make();
  return callbacks;
}

nghttp2_option* http2_options() {
  static nghttp2_option* const options = Http2Callbacks::options();
  return options;
}

}  // namespace millstream
