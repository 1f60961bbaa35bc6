#include "cli/bench_connection.h"

#include <algorithm>
#include <charconv>

#include "base/http_message.h"

namespace millstream::cli {

std::optional<BenchResponse> parse_response(std::string_view text) {
  const size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos || text.size() < 12) return std::nullopt;
  BenchResponse response;
  std::from_chars(text.data() + 9, text.data() + 12, response.status);
  const size_t body_start = head_end + 4;
  size_t line_start = text.find("\r\n") + 2;
  while (line_start < body_start - 2) {
    const size_t line_end = text.find("\r\n", line_start);
    const auto line = text.substr(line_start, line_end - line_start);
    const size_t colon = line.find(':');
    const auto name = line.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (equals_ignore_case(name, "content-length")) {
      size_t length = 0;
      std::from_chars(value.data(), value.data() + value.size(), length);
      if (text.size() - body_start < length) return std::nullopt;
      response.body = text.substr(body_start, length);
      response.size = body_start + length;
      return response;
    }
    if (equals_ignore_case(name, "transfer-encoding")) {
      const size_t end = text.find("0\r\n\r\n", body_start);
      if (end == std::string_view::npos) return std::nullopt;
      response.body = text.substr(body_start, end - body_start);
      response.size = end + 5;
      return response;
    }
    line_start = line_end + 2;
  }
  response.size = body_start;
  return response;
}

Result<> send_all(BenchSocket& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = socket.send(bytes);
    if (n < 0) return fail(ErrorCode::kUnavailable, "send: {}", socket.reason());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<BlockingConnection> BlockingConnection::open(const Endpoint& endpoint) {
  TRY_ASSIGN(auto socket, BenchSocket::open(endpoint));
  return BlockingConnection(std::move(socket));
}

Result<BlockingConnection::Answer> BlockingConnection::call(std::string_view request) {
  constexpr size_t kRoom = size_t{1} << 16;
  TRY(send_all(socket_, request));
  size_t received = 0;
  while (true) {
    if (buffer_.size() - received < kRoom) {
      buffer_.resize(std::max<size_t>(buffer_.size() * 2, 4 * kRoom));
    }
    const ssize_t n = socket_.receive(std::span(buffer_).subspan(received));
    if (n < 0) return fail(ErrorCode::kUnavailable, "receive: {}", socket_.reason());
    received += static_cast<size_t>(n);
    if (auto response = parse_response(std::string_view(buffer_).substr(0, received))) {
      return Answer{response->status, response->body};
    }
  }
}

}  // namespace millstream::cli
