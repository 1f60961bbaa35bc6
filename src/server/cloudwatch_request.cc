#include "server/cloudwatch_request.h"

#include <algorithm>
#include <array>
#include <memory>

#include <zlib.h>

namespace millstream::server {
namespace {

constexpr std::string_view kService = "/service/";
constexpr std::string_view kOperation = "/operation/";
constexpr int kGzipOnly = 15 + 16;  // window bits; 16: with a gzip header

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

}  // namespace

std::optional<std::string> rpc_v2_target(const HttpRequest& request) {
  if (request.header("smithy-protocol") != "rpc-v2-cbor") return std::nullopt;
  if (!request.path.starts_with(kService)) return std::nullopt;
  const std::string_view rest = request.path.substr(kService.size());
  const size_t middle = rest.find(kOperation);
  if (middle == std::string_view::npos) return std::nullopt;
  return fmt::format("{}.{}", rest.substr(0, middle), rest.substr(middle + kOperation.size()));
}

Result<Slice> uncompressed_body(const HttpRequest& request) {
  const std::string_view encoding = request.header("content-encoding");
  if (encoding.empty() || encoding == "identity") return request.body;
  if (encoding != "gzip") {
    return fail(ErrorCode::kSerialization, "The content encoding {} is not supported.", encoding);
  }
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return fail(ErrorCode::kInternal, "zlib has no memory");
  }
  const std::unique_ptr<z_stream, InflateEnd> end(&stream);
  // zlib's type has no const, but it does not write there. A body has at most 4 GiB.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(request.body.data()));
  stream.avail_in = static_cast<uInt>(request.body.size());
  std::string body;
  std::array<char, 16'384> piece;
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    status = inflate(&stream, Z_NO_FLUSH);
    body.append(piece.data(), piece.size() - stream.avail_out);
    if (body.size() > kMaxUncompressedBytes) {
      return fail(ErrorCode::kRequestTooLarge, "The body has more than {} bytes uncompressed.",
                  kMaxUncompressedBytes);
    }
  }
  // What is cut off ends with Z_BUF_ERROR: no more input, and no end of the data.
  if (status != Z_STREAM_END) return fail(ErrorCode::kSerialization, "The body is not gzip data.");
  return Slice::copy_of(body);
}

}  // namespace millstream::server
