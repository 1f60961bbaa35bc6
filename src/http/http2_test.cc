#include <sys/socket.h>

#include <thread>

#include <gtest/gtest.h>

#include "http/test_support.h"

namespace millstream {
namespace {

using Stream = Http2TestClient::Stream;

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string bytes;
  bytes += static_cast<char>(payload.size() >> 16);
  bytes += static_cast<char>(payload.size() >> 8);
  bytes += static_cast<char>(payload.size());
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes.append(payload);
}

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

TEST(Http2, PriorKnowledgeInPlainText) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  Stream& stream = client.get("/describe?q=1");
  EXPECT_EQ(stream.status, 200);
  EXPECT_EQ(stream.headers["x-test"], "yes");
  EXPECT_FALSE(stream.headers["date"].empty());
  EXPECT_EQ(stream.body, "GET\n/describe?q=1\n/describe\nq=1\nlocalhost\nhost: localhost\n");
  EXPECT_EQ(stream.headers["content-length"], std::to_string(stream.body.size()));
}

TEST(Http2, PrefaceByteByByte) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const int32_t id = client.request("POST", "/echo", "body");
  while (true) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(client.session(), &bytes);
    if (size <= 0) break;
    for (ssize_t i = 0; i < size; ++i) socket.send({reinterpret_cast<const char*>(bytes + i), 1});
  }
  EXPECT_EQ(client.await(id).body, "body");
}

TEST(Http2, SettingsAndTheFirstResponseComeTogether) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const int32_t id = client.request("GET", "/whole?100");
  client.flush();
  // Once all is there, one read takes it: nothing was sent in between that needed an answer.
  std::string first = socket.receive();
  nghttp2_session_mem_recv(client.session(), reinterpret_cast<const uint8_t*>(first.data()),
                           first.size());
  EXPECT_TRUE(client.streams[id].closed);
  EXPECT_EQ(client.streams[id].body, pattern(100));
}

TEST(Http2, ClientThatWaitsForSettingsGetsThem) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  EXPECT_TRUE(client.run([&] {
    return nghttp2_session_get_remote_settings(client.session(),
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) == 256;
  }));
}

TEST(Http2, StreamsRunAtTheSameTime) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const int32_t held = client.request("GET", "/hold");
  std::vector<int32_t> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(client.request("POST", "/echo", fmt::format("body {}", i)));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.await(ids[static_cast<size_t>(i)]).body, fmt::format("body {}", i));
  }
  EXPECT_FALSE(client.streams[held].closed);
  server.gate.open();
  EXPECT_EQ(client.await(held).body, "held");
}

TEST(Http2, BigBodiesGoBothWays) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const std::string body = pattern(20'000'000);
  std::vector<int32_t> ids;
  ids.push_back(client.request("POST", "/echo", body));
  ids.push_back(
      client.request("POST", "/echo", body, {{"content-length", std::to_string(body.size())}}));
  for (int32_t id : ids) EXPECT_TRUE(client.await(id).body == body);
  EXPECT_TRUE(client.get("/pieces?5000000").body == pattern(5'000'000));
  EXPECT_EQ(client.get("/pieces?0").status, 200);
}

TEST(Http2, SlowReaderHoldsTheHandlerBack) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket, {.window = 50'000, .takes_data = false});
  const int32_t id = client.request("GET", "/pieces?1000000");
  EXPECT_TRUE(client.run([&] { return client.streams[id].body.size() == 50'000; }));
  // The handler may run ahead by a bounded number of bytes only.
  EXPECT_LT(server.server().stats().bytes_in_flight, 200'000U);
  // Another stream is not held up.
  EXPECT_EQ(client.get("/whole?1000").body, pattern(1000));
  size_t given = 0;
  while (!client.streams[id].closed) {
    const size_t now = client.streams[id].body.size();
    client.give_window(id, static_cast<int32_t>(now - given));
    given = now;
    if (!client.run(
            [&] { return client.streams[id].closed || client.streams[id].body.size() > now; })) {
      break;
    }
  }
  EXPECT_TRUE(client.streams[id].body == pattern(1'000'000));
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2, WholeResponseRespectsTheWindowToo) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket, {.window = 10'000, .takes_data = true});
  EXPECT_TRUE(client.get("/whole?1000000").body == pattern(1'000'000));
}

TEST(Http2, ResetInTheMiddleOfAResponseFreesIt) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket, {.window = 50'000, .takes_data = false});
  for (const char* path : {"/pieces?1000000", "/whole?1000000"}) {
    const int32_t id = client.request("GET", path);
    EXPECT_TRUE(client.run([&] { return client.streams[id].body.size() == 50'000; }));
    client.reset(id);
    EXPECT_EQ(client.get("/whole?10").body, pattern(10));
    EXPECT_TRUE(server.frees_all());
  }
}

TEST(Http2, ResetInTheMiddleOfARequestFreesIt) {
  TestServer server;
  TestSocket socket(server.port());
  socket.send(kPreface + frame(4, 0, 0, ""));
  // POST /echo by HPACK's static table (3: POST, 6: http) and literals; then DATA without end.
  const std::string head = "\x83\x86\x04\x05/echo\x01\x01h";
  socket.send(frame(1, 4, 1, head) + frame(0, 0, 1, std::string(10'000, 'x')));
  socket.send(frame(3, 0, 1, std::string("\0\0\0\x08", 4)));
  socket.send(frame(6, 0, 0, "pingpong"));
  std::string all;
  while (all.find("pingpong") == std::string::npos) {
    std::string some = socket.receive();
    ASSERT_FALSE(some.empty());
    all += some;
  }
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2, LostConnectionEndsItsHandlers) {
  TestServer server;
  {
    TestSocket socket(server.port());
    Http2TestClient client(socket, {.window = 50'000, .takes_data = false});
    const int32_t id = client.request("GET", "/pieces?1000000");
    EXPECT_TRUE(client.run([&] { return client.streams[id].body.size() == 50'000; }));
  }
  EXPECT_TRUE(eventually([&] { return server.server().stats().connections == 0; }));
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2, HandlerThatWaitsLearnsThatItsClientIsGone) {
  TestServer server;
  {
    TestSocket socket(server.port());
    Http2TestClient client(socket);
    const int32_t reset = client.request("GET", "/events");
    const int32_t lost = client.request("GET", "/events");
    EXPECT_TRUE(client.run([&] {
      return client.streams[reset].body == "first" && client.streams[lost].body == "first";
    }));
    client.reset(reset);
    client.flush();
    EXPECT_TRUE(eventually([&] { return server.gone == 1; }));
    EXPECT_FALSE(client.streams[lost].closed);
  }
  EXPECT_TRUE(eventually([&] { return server.gone == 2; }));
}

TEST(Http2, ShutdownEndsLongResponses) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const int32_t id = client.request("GET", "/events");
  EXPECT_TRUE(client.run([&] { return client.streams[id].body == "first"; }));
  const auto start = std::chrono::steady_clock::now();
  std::thread stopping([&] { server.stop(std::chrono::seconds(20)); });
  EXPECT_EQ(client.await(id).body, "first/events");
  stopping.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(server.gone, 0);
}

TEST(Http2, HandlerThatDoesNotAnswerGives500AndHalfAnAnswerAReset) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  EXPECT_EQ(client.get("/nothing").status, 500);
  EXPECT_EQ(client.get("/throws").status, 500);
  Stream& half = client.get("/half");
  EXPECT_EQ(half.error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_EQ(client.get("/whole?1").status, 200);
}

TEST(Http2, HeadHasTheHeadersOfGetAndNoBody) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  Stream& stream = client.await(client.request("HEAD", "/whole?10"));
  EXPECT_EQ(stream.headers["content-length"], "10");
  EXPECT_EQ(stream.body, "");
  EXPECT_EQ(client.await(client.request("HEAD", "/pieces?10")).body, "");
  EXPECT_EQ(client.get("/sized").headers["content-length"], "10");
}

TEST(Http2, TooLargeRequestsAreRefusedAndTheConnectionGoesOn) {
  HttpServerOptions options;
  options.limits.header_bytes = 4096;
  options.limits.body_bytes = 100'000;
  TestServer server(std::move(options));
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  const std::string body = pattern(1'000'000);
  EXPECT_EQ(client
                .await(client.request("POST", "/echo", body,
                                      {{"content-length", std::to_string(body.size())}}))
                .status,
            413);
  EXPECT_EQ(client.await(client.request("POST", "/echo", body)).status, 413);
  EXPECT_EQ(
      client.await(client.request("GET", "/echo", "", {{"x", std::string(5000, 'x')}})).status,
      431);
  EXPECT_EQ(client.get("/whole?1").status, 200);
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2, ExpectContinueIsAnswered) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  Stream& stream =
      client.await(client.request("POST", "/echo", "body", {{"expect", "100-continue"}}));
  EXPECT_EQ(stream.body, "body");
}

TEST(Http2, RapidResetsEndTheSession) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  client.get("/whole?1");
  for (int i = 0; i < 2'000 && !client.ended; ++i) {
    const int32_t id = client.request("GET", "/hold");
    if (id < 0) break;
    client.flush();
    client.reset(id);
    client.flush();
  }
  EXPECT_TRUE(client.run([&] { return client.goaways > 0; }));
  EXPECT_EQ(client.goaway_error, static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  // The handlers of what was reset are bounded, and the server lives.
  TestSocket other(server.port());
  EXPECT_EQ(other.get("/whole?1").status, 200);
}

TEST(Http2, PingFloodByAClientThatDoesNotReadIsNotGathered) {
  TestServer server;
  TestSocket socket(server.port());
  socket.send(kPreface + frame(4, 0, 0, ""));
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += frame(6, 0, 0, "pingpong");
  // 34 MB of answers fill any socket buffer. The server must stop reading or end the session.
  const timeval patience{1, 0};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  bool stopped = false;
  for (int i = 0; i < 200 && !stopped; ++i) stopped = !socket.send(pings);
  if (!stopped) {
    const std::string all = socket.receive_all();
    EXPECT_NE(all.find(frame(7, 0, 0, std::string("\0\0\0\0\0\0\0\x0b", 8))), std::string::npos);
  }
  TestSocket other(server.port());
  EXPECT_EQ(other.get("/whole?1").status, 200);
}

TEST(Http2, MalformedFramesNeverHurtOtherConnections) {
  TestServer server;
  TestSocket recorder(server.port());
  const std::string head = "\x83\x86\x04\x05/echo\x01\x01h";
  const std::string good = frame(4, 0, 0, "") + frame(1, 4, 1, head) + frame(0, 1, 1, "body") +
                           frame(8, 0, 0, std::string("\0\1\0\0", 4)) + frame(1, 4, 3, head) +
                           frame(0, 0, 3, "bo") + frame(0, 1, 3, "dy") +
                           frame(6, 0, 0, "pingpong") +
                           frame(3, 0, 1, std::string("\0\0\0\x08", 4));
  uint32_t random = 4711;
  auto next = [&random](size_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  for (int round = 0; round < 500; ++round) {
    std::string bad = good;
    for (size_t i = 0; i <= next(4); ++i) bad[next(bad.size())] = static_cast<char>(next(256));
    if (next(4) == 0) bad.resize(next(bad.size()));
    TestSocket socket(server.port());
    socket.send(kPreface + bad);
    socket.end_sending();
    socket.receive_all();
  }
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  EXPECT_EQ(client.get("/whole?5").body, pattern(5));
}

TEST(Http2, SkippedStreamNumberIsAProtocolError) {
  TestServer server;
  TestSocket socket(server.port());
  const std::string head = "\x82\x86\x04\x08/whole?1\x01\x01h";
  socket.send(kPreface + frame(4, 0, 0, "") + frame(1, 5, 5, head) + frame(1, 5, 3, head));
  const std::string all = socket.receive_all();
  // GOAWAY with the last stream 5 (its answer came before) and PROTOCOL_ERROR.
  EXPECT_NE(all.find(frame(7, 0, 0, std::string("\0\0\0\5\0\0\0\1", 8))), std::string::npos);
}

}  // namespace
}  // namespace millstream
