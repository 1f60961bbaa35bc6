#include "http/tls_stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bio.h>

#include "http/test_support.h"
#include "http/tls.h"

namespace millstream {
namespace {

using Outcome = TlsStream::Outcome;

// The server's stream on one end of a pair of sockets; on the other a client whose bytes the test
// hands over as it likes.
class TlsStreamTest : public testing::Test {
 protected:
  TlsStreamTest() : context_(*generated_tls_context(folder_.path())) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_.data()), 0);
    client_context_ = SSL_CTX_new(TLS_client_method());
    client_ = SSL_new(client_context_);
    SSL_set_bio(client_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client_);
  }
  ~TlsStreamTest() override {
    SSL_free(client_);
    SSL_CTX_free(client_context_);
    for (const int socket : sockets_) {
      if (socket >= 0) ::close(socket);
    }
  }

  // What the client has to send, at most `most` bytes of it.
  std::string client_output(size_t most) {
    std::string bytes(most, '\0');
    const int got = BIO_read(SSL_get_wbio(client_), bytes.data(), static_cast<int>(most));
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }
  void send_to_server(size_t most) {
    const std::string bytes = client_output(most);
    ASSERT_EQ(::write(sockets_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void receive_from_server() {
    std::array<char, 4096> bytes{};
    for (ssize_t got = 0; (got = ::read(sockets_[1], bytes.data(), bytes.size())) > 0;) {
      BIO_write(SSL_get_rbio(client_), bytes.data(), static_cast<int>(got));
    }
  }
  std::string client_read() {
    std::string text;
    std::array<char, 4096> bytes{};
    for (int got = 0;
         (got = SSL_read(client_, bytes.data(), static_cast<int>(bytes.size()))) > 0;) {
      text.append(bytes.data(), static_cast<size_t>(got));
    }
    return text;
  }

  // To the end of the handshake, `step` bytes at a time, of which `first` are given to the stream.
  void shake_hands(size_t first, size_t step) {
    SSL_do_handshake(client_);
    stream_.emplace(*context_->native_handle(), sockets_[0], client_output(first));
    Outcome outcome = stream_->handshake();
    for (int i = 0; outcome == Outcome::kReadable && i < 10'000; ++i) {
      receive_from_server();
      SSL_do_handshake(client_);
      send_to_server(step);
      outcome = stream_->handshake();
    }
    ASSERT_EQ(outcome, Outcome::kDone);
    receive_from_server();
    ASSERT_EQ(SSL_do_handshake(client_), 1);
  }

  TestFolder folder_;
  TlsContext context_;
  std::array<int, 2> sockets_{-1, -1};
  SSL_CTX* client_context_ = nullptr;
  SSL* client_ = nullptr;
  std::optional<TlsStream> stream_;
};

TEST_F(TlsStreamTest, TakesAHandshakeAndRecordsInAnyPieces) {
  shake_hands(/*first=*/3, /*step=*/1);
  std::string sent(40'000, 'a');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  ASSERT_EQ(SSL_write(client_, sent.data(), static_cast<int>(sent.size())), 40'000);
  std::string received;
  std::vector<char> room(7'000);
  for (int i = 0; received.size() < sent.size() && i < 1'000; ++i) {
    size_t bytes = 0;
    const Outcome outcome = stream_->read(room, bytes);
    if (outcome == Outcome::kReadable) {
      ASSERT_EQ(bytes, 0U);
      send_to_server(997);
      continue;
    }
    ASSERT_EQ(outcome, Outcome::kDone);
    received.append(room.data(), bytes);
  }
  EXPECT_EQ(received, sent);
}

TEST_F(TlsStreamTest, FillsWhatItIsGivenFromSeveralRecords) {
  shake_hands(/*first=*/1'000, /*step=*/10'000);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(SSL_write(client_, "0123456789", 10), 10);
  send_to_server(100'000);
  std::vector<char> room(95);
  size_t bytes = 0;
  ASSERT_EQ(stream_->read(room, bytes), Outcome::kDone);
  EXPECT_EQ(bytes, 95U);
  ASSERT_EQ(stream_->read(room, bytes), Outcome::kDone);
  EXPECT_EQ(bytes, 5U);
  EXPECT_EQ(stream_->read(room, bytes), Outcome::kReadable);
}

TEST_F(TlsStreamTest, GoesOnWhereTheSocketWasFull) {
  const int small = 4'096;
  ASSERT_EQ(::setsockopt(sockets_[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  shake_hands(/*first=*/1'000, /*step=*/10'000);
  const std::string head = "head";
  const std::string body(300'000, 'b');
  const std::string tail = "tail";
  std::array<asio::const_buffer, 3> all{asio::buffer(head), asio::buffer(body), asio::buffer(tail)};
  std::span<asio::const_buffer> parts = all;
  std::string received;
  int waits = 0;
  while (!parts.empty() && waits < 10'000) {
    size_t bytes = 0;
    const Outcome outcome = stream_->write(parts, bytes);
    if (outcome == Outcome::kWritable) {
      ASSERT_EQ(bytes, 0U);
      ++waits;
      receive_from_server();
      received += client_read();
      continue;
    }
    ASSERT_EQ(outcome, Outcome::kDone);
    while (!parts.empty() && bytes >= parts.front().size()) {
      bytes -= parts.front().size();
      parts = parts.subspan(1);
    }
    if (!parts.empty()) parts.front() += bytes;
  }
  receive_from_server();
  received += client_read();
  EXPECT_GT(waits, 0);
  EXPECT_EQ(received, head + body + tail);
}

TEST_F(TlsStreamTest, TellsAnEndFromACut) {
  shake_hands(/*first=*/1'000, /*step=*/10'000);
  std::vector<char> room(100);
  size_t bytes = 0;
  ASSERT_EQ(SSL_write(client_, "last", 4), 4);
  SSL_shutdown(client_);
  send_to_server(10'000);
  ASSERT_EQ(stream_->read(room, bytes), Outcome::kDone);
  EXPECT_EQ(bytes, 4U);
  EXPECT_EQ(stream_->read(room, bytes), Outcome::kEnd);
  ASSERT_EQ(stream_->end(), Outcome::kDone);
  receive_from_server();
  client_read();
  EXPECT_TRUE(SSL_get_shutdown(client_) & SSL_RECEIVED_SHUTDOWN);
}

TEST_F(TlsStreamTest, AConnectionThatIsCutFails) {
  shake_hands(/*first=*/1'000, /*step=*/10'000);
  ::close(std::exchange(sockets_[1], -1));
  std::vector<char> room(100);
  size_t bytes = 0;
  EXPECT_EQ(stream_->read(room, bytes), Outcome::kFailed);
  std::array<asio::const_buffer, 1> parts{asio::buffer("x", 1)};
  EXPECT_EQ(stream_->write(parts, bytes), Outcome::kFailed);
}

}  // namespace
}  // namespace millstream
