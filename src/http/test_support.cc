#include "http/test_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <thread>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "http/message.h"

namespace millstream {
namespace {

constexpr int kPatienceMs = 20'000;

size_t number_of(std::string_view text) {
  size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

awaitable<> Gate::pass() {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor);
  timer->expires_at(std::chrono::steady_clock::time_point::max());
  {
    std::lock_guard lock(mutex_);
    ++came_;
    changed_.notify_all();
    if (open_) co_return;
    waiting_.push_back(timer);
  }
  boost::system::error_code ignored;
  // open() cancels on this loop, so never between the lock above and this wait.
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Gate::wait_for_waiters(size_t n) {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(
      changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [&] { return came_ >= n; }));
}

void Gate::open() {
  std::lock_guard lock(mutex_);
  open_ = true;
  for (auto& timer : waiting_) {
    asio::post(timer->get_executor(), [timer] { timer->cancel(); });
  }
  waiting_.clear();
}

std::string pattern(size_t bytes) {
  std::string text(bytes, ' ');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('!' + (i * 7 + i / 251) % 90);
  return text;
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

bool TestServer::frees_all() {
  return eventually([this] { return server_->stats().bytes_in_flight == 0; });
}

TestServer::TestServer(HttpServerOptions options) {
  options.listen = {"127.0.0.1:0"};
  loops_.start();
  server_ = std::make_unique<HttpServer>(
      loops_, std::move(options),
      [this](HttpRequest& request, ResponseStream& stream) { return handle(request, stream); });
  auto started = server_->start();
  if (!started) ADD_FAILURE() << started.error().message;
}

TestServer::~TestServer() {
  gate.open();
  server_->shutdown(std::chrono::seconds(0));
}

awaitable<> TestServer::events(HttpRequest& request, ResponseStream& stream) {
  using Interrupt = ResponseStream::Interrupt;
  asio::steady_timer never(co_await asio::this_coro::executor,
                           std::chrono::steady_clock::time_point::max());
  std::optional<Interrupt> why;
  stream.on_interrupt([&](Interrupt came) {
    why = came;
    never.cancel();
  });
  auto sent = co_await stream.start(HttpResponse());
  if (sent) sent = co_await stream.write(Slice::of_static("first"));
  boost::system::error_code ignored;
  if (!why) co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  sent = co_await stream.write(Slice::copy_of(request.path));
  if (why == Interrupt::kClosed) {
    EXPECT_FALSE(sent);
    if (!sent) EXPECT_EQ(sent.error().code, ErrorCode::kCancelled);
    ++gone;
    co_return;
  }
  co_await stream.finish();
}

awaitable<> TestServer::handle(HttpRequest& request, ResponseStream& stream) {
  HttpResponse response;
  response.headers.emplace_back("X-Test", "yes");
  if (request.path == "/echo") {
    response.body = request.body;
  } else if (request.path == "/describe") {
    std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n", request.method, request.target,
                                   request.path, request.query, request.authority);
    for (const auto& header : request.headers) {
      text += fmt::format("{}: {}\n", header.name, header.value);
    }
    response.body = Slice::copy_of(text);
  } else if (request.path == "/whole") {
    response.body = Slice::copy_of(pattern(number_of(request.query)));
  } else if (request.path == "/pieces") {
    const Slice all = Slice::copy_of(pattern(number_of(request.query)));
    auto sent = co_await stream.start(std::move(response));
    for (size_t at = 0; sent && at < all.size(); at += 10'000) {
      sent = co_await stream.write(all.sub(at, std::min<size_t>(10'000, all.size() - at)));
    }
    if (sent) co_await stream.finish();
    co_return;
  } else if (request.path == "/hold") {
    co_await gate.pass();
    response.body = Slice::of_static("held");
  } else if (request.path == "/events") {
    co_await events(request, stream);
    co_return;
  } else if (request.path == "/watched") {
    stream.on_interrupt([](ResponseStream::Interrupt) {});
    co_await gate.pass();
    response.body = Slice::copy_of(request.path);
  } else if (request.path == "/nothing") {
    co_return;
  } else if (request.path == "/throws") {
    throw std::runtime_error("as the test wants");
  } else if (request.path == "/half") {
    co_await stream.start(std::move(response));
    co_await stream.write(Slice::of_static("half"));
    co_return;
  } else if (request.path == "/sized") {
    response.headers.emplace_back("Content-Length", "10");
    co_await stream.start(std::move(response));
    co_await stream.write(Slice::of_static("0123456789"));
    co_await stream.finish();
    co_return;
  } else {
    response = plain_response(404, "not here");
  }
  co_await stream.respond(std::move(response));
}

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "ms-http-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TestSocket::TestSocket(uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  open_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  timeval patience{kPatienceMs / 1000, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

TestSocket::TestSocket(uint16_t port, const std::string& ca_file, std::string_view alpn,
                       TestSocket* resumes)
    : TestSocket(port) {
  context_ = SSL_CTX_new(TLS_client_method());
  EXPECT_EQ(SSL_CTX_load_verify_locations(context_, ca_file.c_str(), nullptr), 1);
  ssl_ = SSL_new(context_);
  SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
  SSL_set1_host(ssl_, "localhost");
  if (!alpn.empty()) {
    std::string wire;
    wire += static_cast<char>(alpn.size());
    wire += alpn;
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
  }
  if (resumes) {
    SSL_SESSION* session = SSL_get1_session(resumes->ssl_);
    SSL_set_session(ssl_, session);
    SSL_SESSION_free(session);
  }
  SSL_set_fd(ssl_, fd_);
  open_ = SSL_connect(ssl_) == 1;
}

TestSocket::~TestSocket() {
  if (ssl_) SSL_free(ssl_);
  if (context_) SSL_CTX_free(context_);
  ::close(fd_);
}

std::string TestSocket::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool TestSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                        : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string TestSocket::receive() {
  if (!received_.empty()) return std::exchange(received_, {});
  std::string bytes(size_t{256} * 1024, '\0');
  ssize_t got = ssl_ ? SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                     : ::recv(fd_, bytes.data(), bytes.size(), 0);
  const bool timed_out = ssl_ ? SSL_get_error(ssl_, static_cast<int>(got)) == SSL_ERROR_WANT_READ
                              : got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  EXPECT_FALSE(timed_out) << "nothing came for 20 s";
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

void TestSocket::end_sending() { ::shutdown(fd_, SHUT_WR); }

std::string TestSocket::receive_all() {
  std::string all;
  while (true) {
    std::string some = receive();
    if (some.empty()) return all;
    all += some;
  }
}

bool TestSocket::fill() {
  std::string before = std::exchange(received_, {});
  std::string some = receive();
  received_ = before + some;
  return !some.empty();
}

TestSocket::Reply TestSocket::reply(bool to_head) {
  Reply reply;
  size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  std::string head = received_.substr(0, end + 2);
  received_.erase(0, end + 4);
  reply.status = static_cast<int>(number_of(std::string_view(head).substr(9, 3)));
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t line_end = head.find("\r\n", at);
    const size_t colon = head.find(": ", at);
    reply.headers[head.substr(at, colon - at)] = head.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  if (to_head || reply.status < 200 || reply.status == 204) return reply;
  if (reply.headers.contains("transfer-encoding")) {
    while (true) {
      size_t line = 0;
      while ((line = received_.find("\r\n")) == std::string::npos) {
        if (!fill()) return {};
      }
      size_t size = std::stoul(received_.substr(0, line), nullptr, 16);
      while (received_.size() < line + 2 + size + 2) {
        if (!fill()) return {};
      }
      reply.body += received_.substr(line + 2, size);
      received_.erase(0, line + 2 + size + 2);
      if (size == 0) return reply;
    }
  }
  if (!reply.headers.contains("content-length")) {
    reply.body = receive_all();
    return reply;
  }
  const size_t size = number_of(reply.headers["content-length"]);
  while (received_.size() < size) {
    if (!fill()) return {};
  }
  reply.body = received_.substr(0, size);
  received_.erase(0, size);
  return reply;
}

TestSocket::Reply TestSocket::get(std::string_view path) {
  send(fmt::format("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", path));
  return reply();
}

struct Http2TestCallbacks {
  static Http2TestClient& self(void* user) { return *static_cast<Http2TestClient*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* user) {
    auto& stream = self(user).streams[frame->hd.stream_id];
    std::string key(reinterpret_cast<const char*>(name), name_size);
    std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") stream.status = static_cast<int>(number_of(text));
    stream.headers[key] = text;
    return 0;
  }
  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                  void* user) {
    self(user).streams[id].body.append(reinterpret_cast<const char*>(bytes), size);
    if (self(user).options_.takes_data) nghttp2_session_consume(session, id, size);
    return 0;
  }
  static int close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    self(user).streams[id].closed = true;
    self(user).streams[id].error = error;
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ++self(user).goaways;
      self(user).goaway_error = frame->goaway.error_code;
      self(user).goaway_last_id = frame->goaway.last_stream_id;
    }
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, int32_t id, uint8_t* into, size_t length,
                           uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& body = self(user).bodies_[id];
    if (body.bytes == Http2TestClient::kNeverSent) return NGHTTP2_ERR_DEFERRED;
    const size_t count = std::min(length, body.bytes.size() - body.sent);
    std::copy_n(body.bytes.data() + body.sent, count, into);
    body.sent += count;
    if (body.sent == body.bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

Http2TestClient::Http2TestClient(TestSocket& socket, Options options)
    : socket_(socket), options_(options) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Http2TestCallbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2TestCallbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Http2TestCallbacks::close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2TestCallbacks::frame);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                static_cast<uint32_t>(options.window)};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

Http2TestClient::~Http2TestClient() { nghttp2_session_del(session_); }

int32_t Http2TestClient::request(std::string_view method, std::string_view path, std::string body,
                                 std::vector<std::pair<std::string, std::string>> headers) {
  std::vector<std::pair<std::string, std::string>> fields = {{":method", std::string(method)},
                                                             {":scheme", "http"},
                                                             {":path", std::string(path)},
                                                             {":authority", "localhost"}};
  fields.insert(fields.end(), headers.begin(), headers.end());
  std::vector<nghttp2_nv> all;
  for (auto& [name, value] : fields) {
    all.push_back({reinterpret_cast<uint8_t*>(name.data()),
                   reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(),
                   NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider provider{};
  provider.read_callback = Http2TestCallbacks::read_body;
  const bool has_body = !body.empty();
  const int32_t id = nghttp2_submit_request(session_, nullptr, all.data(), all.size(),
                                            has_body ? &provider : nullptr, nullptr);
  bodies_[id] = {std::move(body), 0};
  return id;
}

void Http2TestClient::reset(int32_t id, uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, error);
}

void Http2TestClient::give_window(int32_t id, int32_t bytes) {
  nghttp2_session_consume(session_, id, static_cast<size_t>(bytes));
}

bool Http2TestClient::flush() {
  // In one send, so that the server can take it in one read.
  std::string all;
  while (true) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return false;
    if (size == 0) break;
    all.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  if (socket_.send(all)) return true;
  ended = true;
  return false;
}

bool Http2TestClient::run(const std::function<bool()>& done) {
  while (true) {
    flush();
    if (done()) return true;
    if (ended) return false;
    std::string some = socket_.receive();
    if (some.empty()) {
      ended = true;
      return done();
    }
    ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(some.data()),
                                            some.size());
    EXPECT_GE(used, 0) << nghttp2_strerror(static_cast<int>(used));
    if (used < 0) ended = true;
  }
}

Http2TestClient::Stream& Http2TestClient::await(int32_t id) {
  run([&] { return streams[id].closed; });
  return streams[id];
}

}  // namespace millstream
