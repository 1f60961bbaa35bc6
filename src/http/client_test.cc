#include "http/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "http/test_support.h"

namespace millstream {
namespace {

using namespace std::chrono_literals;

// A loop for the client, and calls that wait for the answer.
class ClientTest : public testing::Test {
 protected:
  ClientTest() { loops_.start(); }
  ~ClientTest() override {
    loops_.stop();
    loops_.join();
  }

  void make(HttpClientOptions options) {
    auto made = HttpClient::create(std::move(options));
    ASSERT_TRUE(made) << made.error().message;
    client_ = std::move(*made);
  }

  Result<ClientResponse> call(ClientRequest request) {
    if (!client_) make({});
    return asio::co_spawn(loops_.executor(0), client_->call(std::move(request)), asio::use_future)
        .get();
  }

  static ClientRequest request(uint16_t port, std::string target) {
    ClientRequest made;
    made.host = "localhost";
    made.port = port;
    made.target = std::move(target);
    return made;
  }

  Loops loops_{1};
  std::unique_ptr<HttpClient> client_;
};

// A server that plays a script: for each connection, reads until the text holds the first
// member, then sends the second and goes on with the next; then closes.
class ScriptedServer {
 public:
  using Steps = std::vector<std::pair<std::string, std::string>>;
  explicit ScriptedServer(std::vector<Steps> connections)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
        thread_([this, all = std::move(connections)] {
          for (const Steps& steps : all) play(steps);
        }) {}
  ~ScriptedServer() { thread_.join(); }
  uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void play(const Steps& steps) {
    asio::ip::tcp::socket socket(context_);
    acceptor_.accept(socket);
    std::string received;
    for (const auto& [awaited, answer] : steps) {
      while (received.find(awaited) == std::string::npos) {
        char bytes[4096];
        boost::system::error_code error;
        size_t got = socket.read_some(asio::buffer(bytes), error);
        if (error) return;
        received.append(bytes, got);
      }
      received.clear();
      asio::write(socket, asio::buffer(answer));
    }
  }

  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST_F(ClientTest, BodyOfManyPartsComesBack) {
  TestServer server;
  ClientRequest post = request(server.port(), "/echo");
  post.method = "POST";
  std::string whole;
  for (int i = 0; i < 300; ++i) {
    post.body.push_back(Slice::copy_of(pattern(static_cast<size_t>(i) * 100)));
    whole += post.body.back().view();
  }
  auto response = call(std::move(post));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("x-test"), "yes");
  EXPECT_TRUE(response->body.view() == whole);
  auto chunked = call(request(server.port(), "/pieces?3000000"));
  ASSERT_TRUE(chunked) << chunked.error().message;
  EXPECT_TRUE(chunked->body.view() == pattern(3'000'000));
}

TEST_F(ClientTest, BodyGoesToTheTakerPieceByPieceBeyondTheLimit) {
  TestServer server;
  HttpClientOptions options;
  options.response_body_bytes = 1000;
  make(std::move(options));
  std::string taken;
  size_t pieces = 0;
  ClientRequest made = request(server.port(), "/pieces?3000000");
  made.on_body = [&](std::string_view piece) {
    taken += piece;
    ++pieces;
  };
  const auto response = call(std::move(made));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body.view().empty());
  EXPECT_TRUE(taken == pattern(3'000'000));
  EXPECT_GT(pieces, 1U);
  EXPECT_FALSE(call(request(server.port(), "/pieces?3000000")));
}

TEST_F(ClientTest, ConnectionsAreKeptAndUsedAgain) {
  TestServer server;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(call(request(server.port(), "/whole?10")));
  ClientRequest head = request(server.port(), "/whole?10");
  head.method = "HEAD";
  auto response = call(head);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header("content-length"), "10");
  EXPECT_TRUE(response->body.empty());
  EXPECT_TRUE(call(request(server.port(), "/whole?10")));
  EXPECT_EQ(server.server().stats().connections_accepted, 1U);
}

TEST_F(ClientTest, StaleConnectionIsReplacedOnce) {
  const std::string ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  // The second request on the first connection is read, and the connection closed.
  ScriptedServer server({{{"\r\n\r\n", ok}, {"\r\n\r\n", ""}}, {{"\r\n\r\n", ok}}});
  EXPECT_TRUE(call(request(server.port(), "/")));
  auto again = call(request(server.port(), "/"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->body.view(), "ok");
}

TEST_F(ClientTest, FreshConnectionThatEndsIsAnError) {
  ScriptedServer server({{{"\r\n\r\n", ""}}, {{"\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-le"}}});
  for (int i = 0; i < 2; ++i) {
    auto response = call(request(server.port(), "/"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable) << response.error().message;
  }
}

TEST_F(ClientTest, InterimAnswersAndBodiesThatEndWithTheConnection) {
  ScriptedServer server({{{"\r\n\r\n",
                           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nx: y\r\n\r\n"
                           "HTTP/1.1 201 Created\r\nX-Name: v\r\n\r\nto the end"}}});
  auto response = call(request(server.port(), "/"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->header("x-name"), "v");
  EXPECT_EQ(response->headers.size(), 1U);
  EXPECT_EQ(response->body.view(), "to the end");
}

TEST_F(ClientTest, AnswersThatAreNotHttpOrTooLongAreRefused) {
  make({.response_body_bytes = 10, .response_header_bytes = 1000});
  const std::vector<std::string> bad = {
      "SSH-2.0-OpenSSH\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\nhello world",
      "HTTP/1.1 200 OK\r\nx: " + std::string(2000, 'x'),
  };
  for (const std::string& answer : bad) {
    ScriptedServer server({{{"\r\n\r\n", answer}}});
    auto response = call(request(server.port(), "/"));
    ASSERT_FALSE(response) << answer.substr(0, 60);
    EXPECT_EQ(response.error().code, ErrorCode::kRemote) << response.error().message;
  }
}

TEST_F(ClientTest, TimesOut) {
  TestServer server;
  make({.total_timeout = 200ms});
  auto response = call(request(server.port(), "/hold"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout) << response.error().message;
  server.gate.open();
  EXPECT_TRUE(call(request(server.port(), "/whole?1")));
}

TEST_F(ClientTest, ConnectingToNobodyIsUnavailable) {
  uint16_t port = 0;
  {
    TestServer server;
    port = server.port();
  }
  auto response = call(request(port, "/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable) << response.error().message;
}

TEST_F(ClientTest, AnswerBeforeTheWholeBodyWasSentCounts) {
  HttpServerOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(std::move(options));
  ClientRequest post = request(server.port(), "/echo");
  post.method = "PUT";
  post.body.push_back(Slice::copy_of(pattern(5'000'000)));
  auto response = call(std::move(post));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST_F(ClientTest, LinkLocalAndMetadataAddressesAreRefused) {
  for (const char* host : {"169.254.169.254", "::ffff:169.254.1.1", "fe80::1", "fd00:ec2::254"}) {
    ClientRequest to_it = request(80, "/latest/meta-data");
    to_it.host = host;
    auto response = call(std::move(to_it));
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().code, ErrorCode::kForbidden) << host;
  }
  for (const char* address : {"127.0.0.1", "10.0.0.1", "169.253.0.1", "fd00:ec2::253", "::1"}) {
    EXPECT_FALSE(is_link_local_or_metadata(asio::ip::make_address(address))) << address;
  }
}

TEST_F(ClientTest, MalformedRequestsAreNotSent) {
  const std::vector<std::function<void(ClientRequest&)>> spoils = {
      [](ClientRequest& r) { r.target = "/a b"; },
      [](ClientRequest& r) { r.target = "no-slash"; },
      [](ClientRequest& r) { r.method = "GET\r\nx: y"; },
      [](ClientRequest& r) { r.host = ""; },
      [](ClientRequest& r) { r.scheme = "ftp"; },
      [](ClientRequest& r) { r.headers.emplace_back("x", "a\r\nb: c"); },
  };
  for (const auto& spoil : spoils) {
    ClientRequest bad = request(1, "/");
    spoil(bad);
    auto response = call(std::move(bad));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(ClientTest, TlsIsVerifiedAgainstTheGivenCa) {
  TestFolder folder;
  HttpServerOptions options;
  options.tls = *generated_tls_context(folder.path());
  TestServer server(std::move(options));
  auto get = [&](const char* host) {
    ClientRequest made = request(server.port(), "/pieces?3000000");
    made.scheme = "https";
    made.host = host;
    return call(std::move(made));
  };
  auto unknown = get("localhost");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnavailable);
  make({.extra_ca_file = folder.path() + "/ca.pem"});
  for (const char* host : {"localhost", "127.0.0.1", "localhost"}) {
    auto known = get(host);
    ASSERT_TRUE(known) << known.error().message;
    EXPECT_TRUE(known->body.view() == pattern(3'000'000));
  }
  auto wrong_name = get("127.0.0.2");
  ASSERT_FALSE(wrong_name);
  make({.verify_tls = false});
  EXPECT_TRUE(get("localhost"));
  EXPECT_FALSE(HttpClient::create({.extra_ca_file = folder.path() + "/none.pem"}));
}

TEST(ParseUrl, TakesUrlsApart) {
  auto url = parse_url("https://example.org/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.org");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a/b?c=d");
  url = parse_url("http://[::1]:8080");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->target, "/");
  EXPECT_EQ(parse_url("http://h?x=1")->target, "/?x=1");
  for (const char* bad : {"", "example.org", "ftp://h", "http://", "http://h:0", "http://h:x",
                          "http://h:70000", "http://[::1", "http://u@h", "http://h/a b"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace millstream
