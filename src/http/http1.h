// HTTP/1.1 on one connection: requests one after the other, answered in order.
#pragma once

#include <optional>
#include <string>

#include "http/body_buffer.h"
#include "http/connection.h"
#include "http/http1_parser.h"
#include "http/signal.h"

namespace millstream {

// Life cycle: lives inside Connection::run(). Threads: the connection's loop.
class Http1 final : public Protocol, private ResponseStream {
 public:
  explicit Http1(Connection& connection);

  // Serves until the client or an error ends the connection; the caller closes it.
  awaitable<> run();

  void tick() override {}
  void drain() override;

 private:
  // kNotHttp: another protocol, which an HTTP answer would only confuse.
  enum class Head : uint8_t { kNeedMore, kComplete, kRefused, kNotHttp };
  // What the response has come to.
  enum class State : uint8_t { kNone, kStarted, kDone, kAborted };

  Head parse_head();
  Head refuse(int status, std::string text);
  int checks_of_head(boost::system::error_code error);
  awaitable<> serve();
  // Waits for more of a request. False: the client is gone.
  awaitable<bool> read_more();
  awaitable<bool> read_body();
  awaitable<bool> read_sized_body();
  awaitable<bool> read_chunked_body();
  void move_head_out_of_input();
  bool take_outcome(BodyBuffer::Outcome outcome);
  awaitable<> handle();

  awaitable<Result<>> respond(HttpResponse response) override;
  awaitable<Result<>> start(HttpResponse head) override;
  awaitable<Result<>> write(Slice piece) override;
  awaitable<Result<>> finish() override;
  void abort() override;
  void on_interrupt(std::function<void(Interrupt)> notify) override;
  void interrupt(Interrupt why);
  // Reads while the handler runs, to see the client's end.
  awaitable<> watch();

  // Formats the head of a response; `length`: of its body, or nothing for one in pieces.
  void format_head(const HttpResponse& response, std::optional<uint64_t> length);
  awaitable<Result<>> send(std::span<asio::const_buffer> parts);

  Connection& connection_;
  HttpRequest request_;
  BodyBuffer body_;
  std::optional<Http1RequestParser> parser_;
  std::string_view raw_head_;  // of request_, in the input
  std::string head_copy_;      // of request_, when the input moves under it
  size_t scanned_ = 0;         // bytes of the buffered head without its end
  std::optional<HttpResponse> refusal_;
  std::string head_;  // of the response
  State state_ = State::kNone;
  std::function<void(Interrupt)> on_interrupt_;
  bool watching_ = false;  // watch() reads; nobody else does
  ErrorOf watched_;        // what it came to
  Signal watch_ended_;
  bool keep_alive_ = true;
  bool chunked_ = false;               // the response
  std::optional<uint64_t> remaining_;  // of a response that was started with a content-length
};

}  // namespace millstream
