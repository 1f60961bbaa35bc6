#include <thread>

#include <gtest/gtest.h>

#include "http/test_support.h"

namespace millstream {
namespace {

using Reply = TestSocket::Reply;

TEST(Http1, ConnectionStaysOpenForTheNextRequest) {
  TestServer server;
  TestSocket client(server.port());
  for (int i = 0; i < 5; ++i) {
    Reply reply = client.get("/whole?100");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, pattern(100));
    EXPECT_FALSE(reply.headers.contains("connection"));
    EXPECT_FALSE(reply.headers["date"].empty());
  }
  EXPECT_EQ(server.server().stats().connections_accepted, 1U);
}

TEST(Http1, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server;
  TestSocket client(server.port());
  std::string requests;
  for (int i = 1; i <= 100; ++i) {
    requests += fmt::format("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{}", i,
                            std::string(static_cast<size_t>(i), 'x'));
  }
  client.send(requests);
  for (size_t i = 1; i <= 100; ++i) EXPECT_EQ(client.reply().body, std::string(i, 'x'));
}

TEST(Http1, PipelinedRequestsBehindAChunkedOneKeepTheirHeads) {
  TestServer server;
  TestSocket client(server.port());
  const std::string big = pattern(100'000);
  client.send("POST /echo?long HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" +
              fmt::format("{:x}\r\n{}\r\n3;name=value\r\nabc\r\n0\r\ntrailer: ignored\r\n\r\n",
                          big.size(), big) +
              "GET /describe?q=1 HTTP/1.1\r\nhost: b\r\nx-one: 1\r\n\r\n");
  EXPECT_EQ(client.reply().body, big + "abc");
  EXPECT_EQ(client.reply().body, "GET\n/describe?q=1\n/describe\nq=1\nb\nhost: b\nx-one: 1\n");
}

TEST(Http1, HandlerSeesTheRequestAsSentWhateverItsBody) {
  TestServer server;
  const std::string head = "PUT /describe?a=%20b HTTP/1.1\r\nHost:  here:1 \r\nX-A:\t1\t\r\n";
  const std::string seen =
      "PUT\n/describe?a=%20b\n/describe\na=%20b\nhere:1\nHost: here:1\nX-A: 1\n";
  TestSocket client(server.port());
  client.send(head + "\r\n");
  EXPECT_EQ(client.reply().body, seen);
  client.send(head + "Content-Length: 5\r\n\r\n12345");
  EXPECT_EQ(client.reply().body, seen + "Content-Length: 5\n");
  client.send(head + "Transfer-Encoding: chunked\r\n\r\n5\r\n12");
  client.send("345\r\n0\r\n\r\n");
  EXPECT_EQ(client.reply().body, seen + "Transfer-Encoding: chunked\n");
}

TEST(Http1, AbsoluteTargetNamesTheAuthority) {
  TestServer server;
  TestSocket client(server.port());
  client.send("GET http://there:9/describe?x HTTP/1.1\r\nhost: here\r\n\r\n");
  EXPECT_EQ(client.reply().body, "GET\n/describe?x\n/describe\nx\nthere:9\nhost: here\n");
}

TEST(Http1, ByteByByteSenderIsServed) {
  TestServer server;
  TestSocket client(server.port());
  for (const char* request : {"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody",
                              "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
                              "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"}) {
    for (const char* at = request; *at; ++at) client.send({at, 1});
    EXPECT_EQ(client.reply().body, "body");
  }
}

TEST(Http1, BigBodiesGoBothWays) {
  TestServer server;
  TestSocket client(server.port());
  const std::string body = pattern(20'000'000);
  std::thread sender([&] {
    client.send(
        fmt::format("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.size()));
    client.send(body);
  });
  EXPECT_TRUE(client.reply().body == body);
  sender.join();
  EXPECT_TRUE(client.get("/pieces?5000000").body == pattern(5'000'000));
}

TEST(Http1, ExpectContinueIsAnsweredBeforeTheBody) {
  TestServer server;
  TestSocket client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  client.send("body");
  EXPECT_EQ(client.reply().body, "body");
  // The body came along: an interim answer would only cost time.
  client.send(
      "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody");
  EXPECT_EQ(client.reply().status, 200);
}

TEST(Http1, ExpectContinueOfATooBigBodyIsRefusedAtOnce) {
  HttpServerOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(std::move(options));
  TestSocket client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1001\r\n\r\n");
  EXPECT_EQ(client.reply().status, 413);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Http1, HeadHasTheHeadersOfGetAndNoBody) {
  TestServer server;
  TestSocket client(server.port());
  for (const char* path : {"/whole?10", "/sized"}) {
    client.send(fmt::format("HEAD {} HTTP/1.1\r\nhost: a\r\n\r\n", path));
    Reply reply = client.reply(true);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers["content-length"], "10");
  }
  client.send("HEAD /pieces?10 HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(client.reply(true).headers["transfer-encoding"], "chunked");
  EXPECT_EQ(client.get("/whole?3").body, pattern(3));
}

TEST(Http1, StreamOfKnownLengthIsNotChunked) {
  TestServer server;
  TestSocket client(server.port());
  Reply reply = client.get("/sized");
  EXPECT_EQ(reply.headers["content-length"], "10");
  EXPECT_FALSE(reply.headers.contains("transfer-encoding"));
  EXPECT_EQ(reply.body, "0123456789");
}

TEST(Http1, VersionOneDotZeroIsServedAndClosed) {
  TestServer server;
  {
    TestSocket client(server.port());
    client.send("GET /pieces?25000 HTTP/1.0\r\n\r\n");
    Reply reply = client.reply();
    EXPECT_FALSE(reply.headers.contains("transfer-encoding"));
    EXPECT_EQ(reply.body, pattern(25'000));
  }
  TestSocket client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET /whole?5 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    Reply reply = client.reply();
    EXPECT_EQ(reply.body, pattern(5));
    EXPECT_EQ(reply.headers["connection"], "keep-alive");
  }
}

TEST(Http1, ConnectionCloseIsObeyed) {
  TestServer server;
  TestSocket client(server.port());
  client.send("GET /whole?5 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  Reply reply = client.reply();
  EXPECT_EQ(reply.body, pattern(5));
  EXPECT_EQ(reply.headers["connection"], "close");
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Http1, HandlerThatDoesNotAnswerGives500AndTheConnectionGoesOn) {
  TestServer server;
  TestSocket client(server.port());
  EXPECT_EQ(client.get("/nothing").status, 500);
  EXPECT_EQ(client.get("/throws").status, 500);
  EXPECT_EQ(client.get("/whole?1").status, 200);
}

TEST(Http1, HalfAResponseCutsTheConnection) {
  TestServer server;
  TestSocket client(server.port());
  EXPECT_EQ(client.get("/half").status, 0);
}

struct BadRequest {
  const char* name;
  std::string text;
  int status;
};

TEST(Http1, BadRequestsAreRefusedAndTheConnectionCloses) {
  HttpServerOptions options;
  options.limits.header_bytes = 4096;
  options.limits.body_bytes = 1000;
  TestServer server(std::move(options));
  const std::string start = "POST /echo HTTP/1.1\r\nhost: a\r\n";
  const std::vector<BadRequest> all = {
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400},
      {"space before colon", start + "x : 1\r\n\r\n", 400},
      {"folded header", start + "x: 1\r\n 2\r\n\r\n", 400},
      {"no colon", start + "x\r\n\r\n", 400},
      {"control in value", start + "x: \x01\r\n\r\n", 400},
      {"bare line feed", "GET / HTTP/1.1\nhost: a\n\n", 400},
      {"bad length", start + "content-length: 5x\r\n\r\n", 400},
      {"negative length", start + "content-length: -5\r\n\r\n", 400},
      {"two lengths", start + "content-length: 5\r\ncontent-length: 6\r\n\r\n", 400},
      {"length and chunked", start + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
       400},
      {"chunked twice", start + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
       400},
      {"unknown coding", start + "transfer-encoding: gzip\r\n\r\n", 501},
      {"bad chunk size", start + "transfer-encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"chunk without end", start + "transfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n", 400},
      {"endless chunk head",
       start + "transfer-encoding: chunked\r\n\r\n1;" + std::string(5000, 'x'), 400},
      {"body over the limit", start + "content-length: 1001\r\n\r\n", 413},
      {"chunks over the limit",
       start + "transfer-encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n", 413},
      {"head over the limit", start + "x: " + std::string(5000, 'x') + "\r\n\r\n", 431},
      {"endless head", start + "x: " + std::string(5000, 'x'), 431},
  };
  for (const auto& [name, text, status] : all) {
    TestSocket client(server.port());
    client.send(text);
    EXPECT_EQ(client.reply().status, status) << name;
    client.end_sending();
    EXPECT_EQ(client.receive_all(), "") << name;
  }
  // What is no HTTP at all gets no HTTP answer.
  TestSocket client(server.port());
  client.send("HELO there\r\n\r\n");
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Http1, RefusalReachesAClientThatStillSends) {
  HttpServerOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(std::move(options));
  TestSocket client(server.port());
  const std::string body = pattern(8'000'000);
  client.send(
      fmt::format("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.size()));
  EXPECT_TRUE(client.send(body));
  EXPECT_EQ(client.reply().status, 413);
}

TEST(Http1, RandomBytesNeverHurtOtherConnections) {
  HttpServerOptions options;
  options.limits.body_bytes = 10'000;
  TestServer server(std::move(options));
  const std::string good =
      "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody"
      "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
  uint32_t random = 12345;
  auto next = [&random](size_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    for (size_t i = 0; i <= next(4); ++i) bad[next(bad.size())] = static_cast<char>(next(256));
    TestSocket client(server.port());
    client.send(bad);
    client.end_sending();
    client.receive_all();
  }
  TestSocket client(server.port());
  EXPECT_EQ(client.get("/whole?5").body, pattern(5));
}

TEST(Http1, HandlerThatWaitsLearnsThatItsClientIsGone) {
  TestServer server;
  {
    TestSocket socket(server.port());
    socket.send("GET /events HTTP/1.1\r\nhost: h\r\n\r\n");
    EXPECT_EQ(socket.reply(true).status, 200);
    // A chunked request's views have moved once already.
    TestSocket chunked(server.port());
    chunked.send("POST /events HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    EXPECT_EQ(chunked.reply(true).status, 200);
    EXPECT_EQ(server.gone, 0);
  }
  EXPECT_TRUE(eventually([&] { return server.gone == 2; }));
  EXPECT_TRUE(eventually([&] { return server.server().stats().connections == 0; }));
}

TEST(Http1, ShutdownEndsLongResponses) {
  TestServer server;
  TestSocket socket(server.port());
  socket.send("GET /events HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_EQ(socket.reply(true).status, 200);
  const auto start = std::chrono::steady_clock::now();
  std::thread stopping([&] { server.stop(std::chrono::seconds(20)); });
  EXPECT_EQ(socket.receive_all().substr(0, 10), "5\r\nfirst\r\n");
  stopping.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(server.gone, 0);
}

TEST(Http1, RequestsAreServedAfterAHandlerThatWatchedForTheEnd) {
  TestServer server;
  TestSocket socket(server.port());
  // The next requests: while the response is under way, at once with it, and after it.
  for (int round = 0; round < 3; ++round) {
    socket.send("GET /watched HTTP/1.1\r\nhost: h\r\n\r\n");
    if (round == 1) socket.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo");
    if (round == 0) server.gate.wait_for_waiters(1);
    if (round == 0) socket.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo");
    server.gate.open();
    EXPECT_EQ(socket.reply().body, "/watched");
    if (round == 2) socket.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo");
    socket.send("dy");
    EXPECT_EQ(socket.reply().body, "body");
  }
}

}  // namespace
}  // namespace millstream
