#include "server/cloudwatch_request.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace millstream::server {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<Slice> uncompressed(std::string_view body, std::string_view encoding) {
  HttpRequest request;
  if (!encoding.empty()) request.headers.push_back({"Content-Encoding", encoding});
  request.body = Slice::copy_of(body);
  return uncompressed_body(request);
}

TEST(CloudWatchRequest, GzipIsTakenOff) {
  const std::string text(100'000, 'm');
  auto body = uncompressed(gzip(text), "gzip");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->view(), text);
}

TEST(CloudWatchRequest, PlainBodiesStayAsTheyAre) {
  EXPECT_EQ(uncompressed("text", "")->view(), "text");
  EXPECT_EQ(uncompressed("text", "identity")->view(), "text");
}

TEST(CloudWatchRequest, BrokenDataIsRefused) {
  const std::string good = gzip("some text that is long enough to be cut somewhere");
  for (size_t size = 0; size < good.size(); ++size) {
    const auto body = uncompressed(good.substr(0, size), "gzip");
    ASSERT_FALSE(body) << size;
    EXPECT_EQ(body.error().code, ErrorCode::kSerialization);
  }
  EXPECT_EQ(uncompressed("text", "gzip").error().code, ErrorCode::kSerialization);
  EXPECT_EQ(uncompressed("text", "br").error().code, ErrorCode::kSerialization);
}

TEST(CloudWatchRequest, ABombStopsAtTheLimit) {
  const std::string small = gzip(std::string(kMaxUncompressedBytes + 1, '\0'));
  EXPECT_EQ(uncompressed(small, "gzip").error().code, ErrorCode::kRequestTooLarge);
  EXPECT_TRUE(uncompressed(gzip(std::string(kMaxUncompressedBytes, '\0')), "gzip"));
}

TEST(CloudWatchRequest, TheOperationOfRpcV2StandsInThePath) {
  HttpRequest request;
  request.path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
  EXPECT_EQ(rpc_v2_target(request), std::nullopt);
  request.headers.push_back({"smithy-protocol", "rpc-v2-cbor"});
  EXPECT_EQ(rpc_v2_target(request), "GraniteServiceVersion20100801.PutMetricData");
  request.path = "/";
  EXPECT_EQ(rpc_v2_target(request), std::nullopt);
}

}  // namespace
}  // namespace millstream::server
