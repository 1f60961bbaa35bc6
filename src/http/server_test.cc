#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "http/test_support.h"
#include "http/tls.h"

namespace millstream {
namespace {

using namespace std::chrono_literals;

// OpenSSL writes without MSG_NOSIGNAL in the tests' client.
const auto kNoSigpipe = std::signal(SIGPIPE, SIG_IGN);

TEST(HttpServer, SaysWhatIsWrongWithAnAddress) {
  Loops loops(1);
  for (const char* address : {"", "127.0.0.1", "no-such:80", "127.0.0.1:x", "127.0.0.1:99999"}) {
    HttpServerOptions options;
    options.listen = {address};
    HttpServer server(loops, std::move(options), {});
    auto started = server.start();
    ASSERT_FALSE(started) << address;
    EXPECT_EQ(started.error().code, ErrorCode::kInvalidArgument) << address;
  }
  TestServer other;
  HttpServerOptions options;
  options.listen = {fmt::format("127.0.0.1:{}", other.port())};
  HttpServer server(loops, std::move(options), {});
  auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kInUse);
}

TEST(HttpServer, ConnectionsSpreadOverTheLoops) {
  TestServer server;
  std::vector<std::unique_ptr<TestSocket>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<TestSocket>(server.port()));
    EXPECT_EQ(clients.back()->get("/whole?1").status, 200);
  }
  EXPECT_EQ(server.loops().connections(0), 5U);
  EXPECT_EQ(server.loops().connections(1), 5U);
}

TEST(HttpServer, ConnectionsOverTheLimitAreClosed) {
  HttpServerOptions options;
  options.limits.connections = 2;
  TestServer server(std::move(options));
  TestSocket first(server.port());
  TestSocket second(server.port());
  EXPECT_EQ(first.get("/whole?1").status, 200);
  EXPECT_EQ(second.get("/whole?1").status, 200);
  TestSocket third(server.port());
  EXPECT_EQ(third.receive_all(), "");
  EXPECT_EQ(server.server().stats().connections_refused, 1U);
  EXPECT_EQ(first.get("/whole?1").status, 200);
}

TEST(HttpServer, BytesInFlightAreLimitedOverAllConnections) {
  HttpServerOptions options;
  options.limits.bytes_in_flight = 1'000'000;
  options.overloaded = [](const HttpRequest& request) {
    HttpResponse response;
    response.status = 503;
    response.body = Slice::copy_of(fmt::format("busy: {}", request.path));
    return response;
  };
  TestServer server(std::move(options));
  TestSocket holder(server.port());
  holder.send(fmt::format("POST /hold HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n{}",
                          pattern(900'000)));
  server.gate.wait_for_waiters(1);
  const std::string body = pattern(150'000);
  {
    TestSocket client(server.port());
    client.send(fmt::format("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{}",
                            body.size(), body));
    auto reply = client.reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.body, "busy: /echo");
  }
  {
    TestSocket socket(server.port());
    Http2TestClient client(socket);
    auto& stream = client.await(client.request("POST", "/echo", body));
    EXPECT_EQ(stream.status, 503);
    EXPECT_EQ(stream.body, "busy: /echo");
    EXPECT_EQ(client.await(client.request("POST", "/echo", "small")).body, "small");
  }
  EXPECT_EQ(server.server().stats().requests_overloaded, 2U);
  server.gate.open();
  EXPECT_EQ(holder.reply().body, "held");
  EXPECT_EQ(holder.get("/whole?1").status, 200);
  EXPECT_TRUE(server.frees_all());
}

TEST(HttpServer, AnnouncedBodyTakesNoMemoryBeforeItComes) {
  TestServer server;
  TestSocket client(server.port());
  client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 20000000\r\n\r\nx");
  EXPECT_TRUE(eventually([&] { return server.server().stats().bytes_in_flight > 0; }));
  EXPECT_LE(server.server().stats().bytes_in_flight, 256U * 1024);
}

HttpServerOptions impatient() {
  HttpServerOptions options;
  options.limits.header_timeout = 1s;
  options.limits.body_timeout = 1s;
  options.limits.idle_timeout = 1s;
  options.limits.write_timeout = 1s;
  return options;
}

TEST(HttpServer, SlowClientsAreCutOff) {
  TestServer server(impatient());
  TestSocket silent(server.port());
  TestSocket slow_head(server.port());
  slow_head.send("GET / HTTP/1.1\r\nhost:");
  TestSocket slow_body(server.port());
  slow_body.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab");
  TestSocket slow_chunks(server.port());
  slow_chunks.send("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nab");
  TestSocket slow_preface(server.port());
  slow_preface.send("PRI * HTTP/2.0");
  // A head that never ends (no END_HEADERS), and a body that doesn't.
  TestSocket slow_fields(server.port());
  slow_fields.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                   std::string("\0\0\0\4\0\0\0\0\0\0\0\1\1\0\0\0\0\1\x82", 19));
  TestSocket slow_stream(server.port());
  Http2TestClient http2(slow_stream);
  const int32_t id = http2.request("POST", "/echo", Http2TestClient::kNeverSent);
  http2.flush();
  TestSocket idle(server.port());
  EXPECT_EQ(idle.get("/whole?1").status, 200);
  for (TestSocket* each : {&silent, &slow_head, &slow_body, &slow_chunks, &slow_preface, &idle}) {
    EXPECT_EQ(each->receive_all(), "");
  }
  slow_fields.receive_all();  // ends
  EXPECT_EQ(http2.await(id).error, static_cast<uint32_t>(NGHTTP2_CANCEL));
}

TEST(HttpServer, ClientThatReadsNothingIsCutOff) {
  TestServer server(impatient());
  TestSocket client(server.port());
  client.send("GET /whole?20000000 HTTP/1.1\r\nhost: a\r\n\r\n");
  TestSocket socket(server.port());
  Http2TestClient http2(socket, {.window = 1000, .takes_data = false});
  auto& stream = http2.get("/whole?100000");
  EXPECT_EQ(stream.error, static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_TRUE(eventually([&] { return server.server().stats().connections == 1; }));
  EXPECT_LT(client.receive_all().size(), 20'000'000U);
  EXPECT_TRUE(server.frees_all());
}

TEST(HttpServer, IdleHttp2SessionGetsAGoaway) {
  TestServer server(impatient());
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  client.get("/whole?1");
  EXPECT_FALSE(client.run([] { return false; }));
  EXPECT_EQ(client.goaways, 1);
  EXPECT_EQ(client.goaway_error, 0U);
}

TEST(HttpServer, WorkingHandlerIsNotHurried) {
  TestServer server(impatient());
  TestSocket client(server.port());
  TestSocket socket(server.port());
  Http2TestClient http2(socket);
  client.send("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  const int32_t id = http2.request("GET", "/hold");
  http2.flush();
  server.gate.wait_for_waiters(2);
  TestSocket idle(server.port());  // is closed after more than the limits
  EXPECT_EQ(idle.receive_all(), "");
  server.gate.open();
  EXPECT_EQ(client.reply().body, "held");
  EXPECT_EQ(http2.await(id).body, "held");
}

TEST(HttpServer, ShutdownFinishesWhatItAccepted) {
  TestServer server;
  TestSocket idle(server.port());
  EXPECT_EQ(idle.get("/whole?1").status, 200);
  TestSocket client(server.port());
  client.send("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  TestSocket socket(server.port());
  Http2TestClient http2(socket);
  const int32_t first = http2.request("GET", "/hold");
  const int32_t second = http2.request("GET", "/hold");
  http2.flush();
  TestSocket idle_socket(server.port());
  Http2TestClient idle_http2(idle_socket);
  idle_http2.get("/whole?1");
  server.gate.wait_for_waiters(3);

  std::thread stopping([&] { server.stop(20s); });
  // The idle ones end while the others are held.
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_FALSE(idle_http2.run([] { return false; }));
  EXPECT_EQ(idle_http2.goaways, 1);
  EXPECT_TRUE(http2.run([&] { return http2.goaways > 0; }));
  EXPECT_EQ(http2.goaway_error, 0U);
  server.gate.open();
  auto reply = client.reply();
  EXPECT_EQ(reply.body, "held");
  EXPECT_EQ(reply.headers["connection"], "close");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(http2.await(first).body, "held");
  EXPECT_EQ(http2.await(second).body, "held");
  EXPECT_FALSE(http2.run([] { return false; }));
  stopping.join();
  EXPECT_EQ(server.server().stats().connections, 0U);
  EXPECT_FALSE(TestSocket(server.port()).is_open());
}

TEST(HttpServer, ShutdownCutsWhatTakesLongerThanTheGrace) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient http2(socket, {.window = 1000, .takes_data = false});
  const int32_t id = http2.request("GET", "/pieces?1000000");
  EXPECT_TRUE(http2.run([&] { return http2.streams[id].body.size() == 1000; }));
  TestSocket half(server.port());
  half.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab");
  EXPECT_TRUE(eventually([&] { return server.server().stats().bytes_in_flight >= 4; }));
  server.stop(10ms);
  EXPECT_EQ(half.receive_all(), "");
  EXPECT_EQ(server.server().stats().connections, 0U);
}

TEST(HttpServerTls, SamePortSpeaksTlsAndPlainText) {
  TestFolder folder;
  HttpServerOptions options;
  auto tls = generated_tls_context(folder.path());
  ASSERT_TRUE(tls) << tls.error().message;
  options.tls = *tls;
  TestServer server(std::move(options));
  const std::string ca = folder.path() + "/ca.pem";
  TestSocket plain(server.port());
  EXPECT_EQ(plain.get("/whole?9").body, pattern(9));
  TestSocket http1(server.port(), ca, "http/1.1");
  ASSERT_TRUE(http1.is_open());
  EXPECT_EQ(http1.alpn(), "http/1.1");
  EXPECT_EQ(http1.get("/whole?9").body, pattern(9));
  EXPECT_TRUE(http1.get("/pieces?3000000").body == pattern(3'000'000));
  TestSocket bare(server.port(), ca, "");
  EXPECT_EQ(bare.get("/whole?9").body, pattern(9));
  TestSocket socket(server.port(), ca, "h2");
  EXPECT_EQ(socket.alpn(), "h2");
  Http2TestClient http2(socket);
  EXPECT_EQ(http2.get("/whole?9").body, pattern(9));
  const std::string body = pattern(5'000'000);
  EXPECT_TRUE(http2.await(http2.request("POST", "/echo", body)).body == body);
  // Prior knowledge inside TLS, without ALPN.
  TestSocket prior(server.port(), ca, "");
  Http2TestClient known(prior);
  EXPECT_EQ(known.get("/whole?9").body, pattern(9));
}

TEST(HttpServerTls, ConnectionCloseEndsTlsProperly) {
  TestFolder folder;
  HttpServerOptions options;
  options.tls = *generated_tls_context(folder.path());
  TestServer server(std::move(options));
  TestSocket client(server.port(), folder.path() + "/ca.pem", "");
  client.send("GET /whole?9 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(client.reply().body, pattern(9));
  EXPECT_EQ(client.receive_all(), "");
}

TEST(HttpServerTls, LongResponsesEndWithTheirClientAndWithTheServer) {
  TestFolder folder;
  HttpServerOptions options;
  options.tls = *generated_tls_context(folder.path());
  TestServer server(std::move(options));
  const std::string ca = folder.path() + "/ca.pem";
  {
    TestSocket client(server.port(), ca, "");
    client.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
    EXPECT_EQ(client.reply(true).status, 200);
  }
  EXPECT_TRUE(eventually([&] { return server.gone == 1; }));
  TestSocket client(server.port(), ca, "");
  client.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(client.reply(true).status, 200);
  std::thread stopping([&] { server.stop(20s); });
  EXPECT_EQ(client.receive_all(), "5\r\nfirst\r\n7\r\n/events\r\n0\r\n\r\n");
  stopping.join();
  EXPECT_EQ(server.gone, 1);
}

TEST(HttpServerTls, SessionsAreResumed) {
  TestFolder folder;
  HttpServerOptions options;
  options.tls = *generated_tls_context(folder.path());
  TestServer server(std::move(options));
  const std::string ca = folder.path() + "/ca.pem";
  TestSocket first(server.port(), ca, "http/1.1");
  EXPECT_EQ(first.get("/whole?9").body, pattern(9));
  EXPECT_FALSE(first.resumed());
  TestSocket second(server.port(), ca, "http/1.1", &first);
  EXPECT_EQ(second.get("/whole?9").body, pattern(9));
  EXPECT_TRUE(second.resumed());
}

TEST(HttpServerTls, WithoutACertificateTlsIsClosed) {
  TestServer server;
  TestFolder folder;
  ASSERT_TRUE(generated_ca_pem(folder.path()));
  TestSocket client(server.port(), folder.path() + "/ca.pem", "");
  EXPECT_FALSE(client.is_open());
  TestSocket other(server.port());
  EXPECT_EQ(other.get("/whole?1").status, 200);
}

}  // namespace
}  // namespace millstream
