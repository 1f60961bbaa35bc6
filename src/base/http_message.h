// What a handler sees of HTTP: the request, and the stream its response goes to. Made by
// http/, independent of HTTP/1.1, HTTP/2 and TLS.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "base/async.h"
#include "base/bytes.h"

namespace millstream {

enum class HttpVersion : uint8_t { kHttp11, kHttp2 };

struct HttpHeader {
  std::string_view name;   // as sent; HTTP/2 names are lower case
  std::string_view value;  // surrounding white space removed
};

// A whole request. Views point into the connection's buffers and stay valid until the
// handler's coroutine has ended.
struct HttpRequest {
  std::string_view method;
  std::string_view target;          // as sent: path and query, undecoded
  std::string_view path;            // of target, undecoded
  std::string_view query;           // of target, undecoded, without '?'
  std::string_view authority;       // Host header, or :authority
  std::vector<HttpHeader> headers;  // in order, pseudo-headers left out; HTTP/2's :authority
                                    // appears as "host"
  Slice body;                       // contiguous; kBufferPadding readable bytes follow it
  HttpVersion version = HttpVersion::kHttp11;
  bool tls = false;
  asio::ip::address peer;

  // The first header of that name, in any case; empty if there is none.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // names in any case
  Slice body;
};

// Where a response goes. Used by one coroutine, on the connection's loop. Either respond()
// once, or start(), write()s and finish(). When the handler ends without either, the client
// gets a 500.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // The whole response, with content-length. Completes when it is handed to the connection's
  // bounded output; kCancelled if the client is gone.
  virtual awaitable<Result<>> respond(HttpResponse response) = 0;
  // A response whose body comes in pieces (HTTP/1.1: chunked). start() ignores response.body.
  virtual awaitable<Result<>> start(HttpResponse head) = 0;
  // Completes when the client's flow-control window and the output buffer have taken it.
  virtual awaitable<Result<>> write(Slice piece) = 0;
  virtual awaitable<Result<>> finish() = 0;
  // Cuts the response off (HTTP/2: RST_STREAM; HTTP/1.1: connection closed).
  virtual void abort() = 0;

  // Why a handler that waits for something else than this stream should wait no longer.
  enum class Interrupt : uint8_t {
    kClosed,    // the client is gone: all that follows gives kCancelled
    kDraining,  // the server stops: finish() now, within its grace (then the client is cut off)
  };
  // Has `notify` called on the connection's loop, once for each interrupt that comes before the
  // response is finished and the handler ends; inside this call if it has come already. `notify`
  // may be called inside other work of the connection: it only wakes somebody, and does not use
  // the stream. Another call, or an empty function, replaces the one before.
  // HTTP/1.1: the end of the client's sending counts as its disappearance from here on, and can
  // be seen unless the client has sent another request already.
  virtual void on_interrupt(std::function<void(Interrupt)> notify) = 0;
};

// Runs on the connection's loop. Both references outlive the coroutine. Must not throw.
using HttpHandler = std::function<awaitable<>(HttpRequest&, ResponseStream&)>;

// ASCII case-insensitive comparison, for header names.
bool equals_ignore_case(std::string_view a, std::string_view b);

}  // namespace millstream
