// What the tests of this folder share: a server with handlers for them, blocking sockets, and
// clients that can misbehave.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "http/server.h"

namespace millstream {

// Holds handlers back until open(). Threads: any.
class Gate {
 public:
  awaitable<> pass();               // waits for open()
  void wait_for_waiters(size_t n);  // until so many have come
  void open();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t came_ = 0;
  bool open_ = false;
  std::vector<std::shared_ptr<asio::steady_timer>> waiting_;
};

// A server on a free port with two loops. Paths:
//   /echo      the body
//   /describe  method, target, path, query, authority, then the headers, a line each
//   /pieces?N  N bytes in pieces of 10,000, whose content is pattern()
//   /whole?N   the same at once
//   /hold      "held" once `gate` is open
//   /watched   the path once `gate` is open; looks out for the client's end
//   /nothing   the handler answers nothing; /throws: throws; /half: starts, then ends
//   /events    "first", then nothing until the client is gone (counted in `gone`) or the server
//              stops; then the path, from the request
//   /sized     start() with content-length 10, and 10 bytes
class TestServer {
 public:
  explicit TestServer(HttpServerOptions options = {});
  ~TestServer();

  uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }
  void stop(std::chrono::milliseconds grace) { server_->shutdown(grace); }
  Loops& loops() { return loops_; }
  bool frees_all();  // no bytes are in flight, after a while

  Gate gate;
  std::atomic<int> gone = 0;

 private:
  awaitable<> events(HttpRequest& request, ResponseStream& stream);
  awaitable<> handle(HttpRequest& request, ResponseStream& stream);
  Loops loops_{2};
  std::unique_ptr<HttpServer> server_;
};

std::string pattern(size_t bytes);

// Whether `condition` comes true within 20 s: for what a server does after a client has seen its
// answer.
bool eventually(const std::function<bool()>& condition);

// A folder that is removed at the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

// A blocking connection to a port of this machine. Waits at most 20 s for anything, then the
// test fails and the connection counts as closed.
class TestSocket {
 public:
  explicit TestSocket(uint16_t port);
  // TLS with the server's name "localhost", verified against the CA.
  TestSocket(uint16_t port, const std::string& ca_file, std::string_view alpn,
             TestSocket* resumes = nullptr);
  ~TestSocket();
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  bool is_open() const { return open_; }  // after the handshake
  std::string alpn() const;
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  int fd() const { return fd_; }
  bool send(std::string_view bytes);  // false: the peer has closed
  std::string receive();              // some bytes; empty: the peer has closed
  void end_sending();
  // All up to the end of the connection.
  std::string receive_all();

  struct Reply {
    int status = 0;  // 0: the peer closed before a whole reply
    std::map<std::string, std::string> headers;
    std::string body;
  };
  Reply reply(bool to_head = false);  // the next HTTP/1.1 response
  Reply get(std::string_view path);

 private:
  bool fill();
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool open_ = false;
  std::string received_;
};

// An HTTP/2 client on a TestSocket.
class Http2TestClient {
 public:
  struct Stream {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string body;
    bool closed = false;
    uint32_t error = 0;
  };
  struct Options {
    int32_t window = (1 << 30);  // of each stream, for responses
    bool takes_data = true;      // gives window back for what was received
  };

  static constexpr const char* kNeverSent = "(a body that never comes)";

  explicit Http2TestClient(TestSocket& socket) : Http2TestClient(socket, Options()) {}
  Http2TestClient(TestSocket& socket, Options options);
  ~Http2TestClient();

  // Submits a request; goes out with the next run().
  int32_t request(std::string_view method, std::string_view path, std::string body = {},
                  std::vector<std::pair<std::string, std::string>> headers = {});
  void reset(int32_t id, uint32_t error = NGHTTP2_CANCEL);
  void give_window(int32_t id, int32_t bytes);
  bool flush();
  // Sends and receives until `done`, or the connection ends. Whether `done`.
  bool run(const std::function<bool()>& done);
  Stream& await(int32_t id);  // until closed
  Stream& get(std::string_view path) { return await(request("GET", path)); }

  nghttp2_session* session() { return session_; }
  std::map<int32_t, Stream> streams;
  int goaways = 0;
  uint32_t goaway_error = 0;
  int32_t goaway_last_id = 0;
  bool ended = false;

 private:
  friend struct Http2TestCallbacks;
  TestSocket& socket_;
  Options options_;
  nghttp2_session* session_ = nullptr;
  struct Body {
    std::string bytes;
    size_t sent = 0;
  };
  std::map<int32_t, Body> bodies_;
};

}  // namespace millstream
