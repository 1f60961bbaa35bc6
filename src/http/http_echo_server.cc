// A server that answers with what it was sent, for conformance and load tests
// (test/http/conformance.sh). Not installed.
//
//   http_echo_server [ADDRESS:PORT [FOLDER]]
//
// FOLDER holds the generated certificate; without it there is no TLS. Prints "ready PORT".
// GET answers "ok"; "GET /bytes?N" answers N bytes in pieces.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>

#include "http/loops.h"
#include "http/server.h"
#include "http/tls.h"

namespace {

using namespace millstream;

awaitable<> send_pieces(ResponseStream& stream, size_t bytes) {
  static const std::string text(size_t{64} * 1024, 'x');
  auto sent = co_await stream.start(HttpResponse{});
  while (sent && bytes > 0) {
    const size_t piece = std::min(bytes, text.size());
    bytes -= piece;
    sent = co_await stream.write(Slice::of_static(std::string_view(text).substr(0, piece)));
  }
  if (sent) co_await stream.finish();
}

awaitable<> echo(HttpRequest& request, ResponseStream& stream) {
  size_t bytes = 0;
  if (request.path == "/bytes") {
    std::from_chars(request.query.data(), request.query.data() + request.query.size(), bytes);
    co_await send_pieces(stream, bytes);
    co_return;
  }
  HttpResponse response;
  response.headers.emplace_back("content-type", "application/octet-stream");
  response.body = request.body.empty() ? Slice::of_static("ok\n") : request.body;
  co_await stream.respond(std::move(response));
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  HttpServerOptions options;
  options.listen = {argc > 1 ? argv[1] : "127.0.0.1:0"};
  if (argc > 2) {
    auto tls = generated_tls_context(argv[2]);
    if (!tls) {
      std::fprintf(stderr, "%s\n", tls.error().message.c_str());
      return 1;
    }
    options.tls = *tls;
  }
  Loops loops;
  loops.start();
  HttpServer server(loops, options, echo);
  if (auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf("ready %d\n", server.port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server.shutdown(std::chrono::seconds(5));
  return 0;
}
