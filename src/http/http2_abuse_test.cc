// Peers that mean harm, or are as slow as if they did.
#include <sys/socket.h>

#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "http/test_support.h"

namespace millstream {
namespace {

using namespace std::chrono_literals;

const std::string kOpening =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
// POST /echo by HPACK's static table (3: POST, 6: http) and literals.
const std::string kHead = "\x83\x86\x04\x05/echo\x01\x01h";

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string bytes;
  for (int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes.append(payload);
}

// The error of the GOAWAY among these frames; nothing if there is none.
std::optional<uint32_t> goaway_error(std::string_view frames) {
  auto number = [&](size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(frames[at + i]);
    return value;
  };
  while (frames.size() >= 9) {
    const size_t size = number(0, 3);
    if (frames.size() < 9 + size) break;
    if (frames[3] == NGHTTP2_GOAWAY) return number(13, 4);
    frames.remove_prefix(9 + size);
  }
  return std::nullopt;
}

struct Flood {
  const char* name;
  std::string before;  // sent once
  std::string frames;  // sent again and again
};

class Http2Flood : public testing::TestWithParam<Flood> {};

TEST_P(Http2Flood, EndsTheSessionAlsoIfAnswersAreRead) {
  TestServer server;
  TestSocket socket(server.port());
  std::string answers;
  std::thread reader([&] { answers = socket.receive_all(); });
  bool taken = socket.send(kOpening + GetParam().before);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += GetParam().frames;
  // In 40,000 frames at the latest.
  for (int i = 0; i < 40 && taken; ++i) taken = socket.send(many);
  socket.end_sending();
  reader.join();
  EXPECT_EQ(goaway_error(answers), std::optional<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  TestSocket other(server.port());
  EXPECT_EQ(other.get("/whole?1").status, 200);
  EXPECT_TRUE(server.frees_all());
}

INSTANTIATE_TEST_SUITE_P(
    Frames, Http2Flood,
    testing::Values(
        Flood{"Settings", "", frame(NGHTTP2_SETTINGS, 0, 0, "")},
        Flood{"Ping", "", frame(NGHTTP2_PING, 0, 0, "pingpong")},
        Flood{"PingAck", "", frame(NGHTTP2_PING, 1, 0, "pingpong")},
        Flood{"EmptyData", frame(NGHTTP2_HEADERS, 4, 1, kHead), frame(NGHTTP2_DATA, 0, 1, "")},
        Flood{"Priority", "", frame(NGHTTP2_PRIORITY, 0, 3, std::string("\0\0\0\0\1", 5))},
        Flood{"WindowUpdate", "", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\0\0\0\1", 4))},
        Flood{"Continuation", frame(NGHTTP2_HEADERS, 0, 1, kHead),
              frame(NGHTTP2_CONTINUATION, 0, 1, "")}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Http2Abuse, ResetsWithoutAnErrorCountToo) {
  TestServer server;
  TestSocket socket(server.port());
  Http2TestClient client(socket);
  for (int i = 0; i < 2'000 && !client.ended; ++i) {
    const int32_t id = client.request("GET", "/hold");
    if (id < 0) break;
    client.flush();
    client.reset(id, NGHTTP2_NO_ERROR);
    client.flush();
  }
  EXPECT_TRUE(client.run([&] { return client.goaways > 0; }));
  EXPECT_EQ(client.goaway_error, static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_LE(server.server().stats().requests, 1'000U);
}

TEST(Http2Abuse, ReaderOfAByteNowAndThenIsReset) {
  HttpServerOptions options;
  options.limits.write_timeout = 1s;
  TestServer server(std::move(options));
  TestSocket socket(server.port());
  Http2TestClient client(socket, {.window = 1'000, .takes_data = false});
  const int32_t id = client.request("GET", "/whole?1000000");
  const int32_t pieces = client.request("GET", "/pieces?1000000");
  client.run(
      [&] { return client.streams[id].body.size() + client.streams[pieces].body.size() == 2'000; });
  const auto end = std::chrono::steady_clock::now() + 15s;
  const auto both = [&] { return client.streams[id].closed && client.streams[pieces].closed; };
  while (!both() && std::chrono::steady_clock::now() < end) {
    for (int32_t slow : {id, pieces}) {
      nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, slow, 1);
    }
    client.flush();
    const std::string some = socket.receive();
    nghttp2_session_mem_recv(client.session(), reinterpret_cast<const uint8_t*>(some.data()),
                             some.size());
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(client.streams[id].error, static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_TRUE(client.streams[pieces].closed);
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2Abuse, SenderOfAByteNowAndThenIsCutOff) {
  HttpServerOptions options;
  options.limits.body_timeout = 1s;
  TestServer server(std::move(options));
  TestSocket http1(server.port());
  http1.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n");
  TestSocket http2(server.port());
  http2.send(kOpening + frame(NGHTTP2_HEADERS, 4, 1, kHead));
  const auto end = std::chrono::steady_clock::now() + 15s;
  bool open = true;
  while ((open || server.server().stats().bytes_in_flight > 0) &&
         std::chrono::steady_clock::now() < end) {
    open = open && http1.send("x");
    http2.send(frame(NGHTTP2_DATA, 0, 1, "x"));
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_FALSE(open);
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2Abuse, RequestsWaitWhileTheClientTakesNoAnswers) {
  HttpServerOptions options;
  options.limits.unsent_bytes = 100'000;
  TestServer server(std::move(options));
  TestSocket socket(server.port());
  Http2TestClient client(socket, {.window = 0, .takes_data = false});
  std::vector<int32_t> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(client.request("GET", "/whole?60000"));
    // Each is there before the next: else all start at once.
    const std::string& status = client.streams[ids.back()].headers["x-test"];
    if (i < 2) client.run([&] { return !status.empty(); });
  }
  client.flush();
  // The answer to PING shows that all requests were read.
  nghttp2_submit_ping(client.session(), NGHTTP2_FLAG_NONE,
                      reinterpret_cast<const uint8_t*>("pingpong"));
  client.flush();
  std::string answers;
  while (answers.find("pingpong") == std::string::npos) {
    const std::string some = socket.receive();
    ASSERT_FALSE(some.empty());
    nghttp2_session_mem_recv(client.session(), reinterpret_cast<const uint8_t*>(some.data()),
                             some.size());
    answers += some;
  }
  EXPECT_EQ(server.server().stats().requests, 2U);
  EXPECT_LT(server.server().stats().bytes_in_flight, 200'000U);
  for (int32_t id : ids) {
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 65'536);
  }
  for (int32_t id : ids) EXPECT_TRUE(client.await(id).body == pattern(60'000));
  EXPECT_TRUE(server.frees_all());
}

TEST(Http2Abuse, ThousandsOfStreamsOfFewConnections) {
  TestServer server;
  constexpr size_t kConnections = 4;
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kConnections; ++i) {
    clients.emplace_back([&server] {
      TestSocket socket(server.port());
      Http2TestClient client(socket);
      std::vector<int32_t> ids;
      for (int n = 0; n < 2'000; ++n) ids.push_back(client.request("POST", "/echo", "body"));
      for (int32_t id : ids) EXPECT_EQ(client.await(id).body, "body");
      EXPECT_EQ(client.goaways, 0);
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(server.server().stats().requests, 2'000 * kConnections);
}

}  // namespace
}  // namespace millstream
