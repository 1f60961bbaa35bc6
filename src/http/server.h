// The HTTP server: one port for TLS and plain text, HTTP/1.1 and HTTP/2.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_budget.h"
#include "base/http_message.h"
#include "base/result.h"
#include "http/loops.h"
#include "http/tls.h"

namespace millstream {

struct HttpLimits {
  size_t header_bytes = 64 * 1024;       // over it: 431
  size_t body_bytes = 21 * 1024 * 1024;  // over it: 413. 10 MiB in base64 and some JSON fit
  size_t connections = 10'000;           // over it: closed at once
  // Request bodies and unsent response bodies, of all connections together. A request that would
  // go over it is answered by `overloaded`.
  size_t bytes_in_flight = size_t{512} * 1024 * 1024;
  uint32_t concurrent_streams = 256;  // of one HTTP/2 connection
  // Of one HTTP/2 connection: while more waits for the client's windows, its requests wait.
  size_t unsent_bytes = size_t{32} * 1024 * 1024;
  // Times are kept by a walk once a second, so they may last up to a second longer. 4 KiB count
  // as progress of a body or a response, less does not.
  std::chrono::seconds idle_timeout{300};   // between requests
  std::chrono::seconds header_timeout{15};  // from a connection's start or a later request's first
                                            // byte to the end of its head; also the TLS handshake
  std::chrono::seconds body_timeout{30};    // without progress of a body that is not complete
  std::chrono::seconds write_timeout{120};  // without the client taking some of a response
};

struct HttpServerOptions {
  std::vector<std::string> listen{"127.0.0.1:4567"};  // "host:port", "[::1]:port"; port 0: any
  HttpLimits limits;
  TlsContext tls;  // null: TLS connections are closed
  // Counts what limits.bytes_in_flight bounds, together with whoever else holds it; null: one of
  // its own.
  std::shared_ptr<ByteBudget> budget;
  // The answer (503) to a request over limits.bytes_in_flight; the request has no body. Default:
  // a plain one. Called on any loop.
  std::function<HttpResponse(const HttpRequest&)> overloaded;
};

// Figures since the start, for metrics. Any thread.
struct HttpServerStats {
  uint64_t connections = 0;  // open now
  uint64_t connections_accepted = 0;
  uint64_t connections_refused = 0;  // over limits.connections
  uint64_t requests = 0;
  uint64_t requests_overloaded = 0;  // over limits.bytes_in_flight
  uint64_t bytes_in_flight = 0;
};

// Life cycle: start() once; shutdown() once, at the latest by the destructor (grace 0). Loops
//             outlives it and must run until then. `handler` is called on the connections' loops
//             until shutdown() has returned.
// Threads:    start(), shutdown() and the destructor by one owner that is not on a loop; port()
//             and stats() from any thread.
class HttpServer {
 public:
  HttpServer(Loops& loops, HttpServerOptions options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens. Errors: kInvalidArgument (an address that is none), kInUse (taken by another
  // process), kIo.
  Result<> start();
  // The port of listen[i], after start().
  uint16_t port(size_t i = 0) const;

  // Stops accepting, tells clients to go (HTTP/2: GOAWAY; HTTP/1.1: "connection: close"),
  // answers what was accepted, and closes. Returns when all connections are closed, after
  // `grace` at the latest: then what is left is cut, handlers that still run get kCancelled from
  // their ResponseStream, and shutdown() waits another 5 s for them. A handler that takes even
  // longer is reported in the log; its coroutine ends with the Loops.
  void shutdown(std::chrono::milliseconds grace);

  HttpServerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millstream
