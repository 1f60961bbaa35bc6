// HTTP/1.1 answers as the benchmark reads them, and a blocking connection for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/bench_socket.h"

namespace millstream::cli {

// The response at the start of `text`, once it is whole. Bodies by content-length or chunked (then
// `body` holds the chunks' framing too).
struct BenchResponse {
  int status = 0;
  std::string_view body;
  size_t size = 0;  // head and body
};
std::optional<BenchResponse> parse_response(std::string_view text);

// For set-up calls and paced load. Threads: one.
class BlockingConnection {
 public:
  static Result<BlockingConnection> open(const Endpoint& endpoint);

  struct Answer {
    int status = 0;
    std::string_view body;  // until the next call
  };
  // Errors: kUnavailable when the connection is lost.
  Result<Answer> call(std::string_view request);

 private:
  explicit BlockingConnection(BenchSocket socket) : socket_(std::move(socket)) {}
  BenchSocket socket_;
  std::string buffer_;
};

// Sends all of `bytes`, which waits. Errors: kUnavailable.
Result<> send_all(BenchSocket& socket, std::string_view bytes);

}  // namespace millstream::cli
