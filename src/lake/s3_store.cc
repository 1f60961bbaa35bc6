#include "lake/s3_store.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "auth/signer.h"
#include "base/text.h"
#include "lake/lake_path.h"
#include "lake/s3_xml.h"

namespace millstream {
namespace {

constexpr size_t kMaxListed = 1000;  // S3's limit of ListObjectsV2

// A slow line still gets its object through: a minute, and a second for each 256 KiB.
std::chrono::milliseconds time_for(size_t bytes) {
  return std::chrono::milliseconds(60'000 + bytes / 256);
}

bool is_default_port(const Url& url) { return url.port == (url.scheme == "https" ? 443 : 80); }

ErrorCode code_of(int status, std::string_view s3_code) {
  if (s3_code == "SlowDown" || s3_code == "Throttling" || status == 429) {
    return ErrorCode::kThrottled;
  }
  if (s3_code == "RequestTimeout" || status == 408) return ErrorCode::kTimeout;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 401 || status == 403) return ErrorCode::kAccessDenied;
  if (status >= 500) return ErrorCode::kUnavailable;
  return ErrorCode::kRemote;
}

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::create(S3Endpoint endpoint, HttpClient& client,
                                                 Clock& clock) {
  TRY_ASSIGN(Url url, parse_url(endpoint.url));
  if (url.target.contains('?')) {
    return fail(ErrorCode::kInvalidArgument, "the S3 endpoint {} must not have a query",
                endpoint.url);
  }
  while (url.target.ends_with('/')) url.target.pop_back();
  return std::unique_ptr<S3Store>(new S3Store(std::move(endpoint), std::move(url), client, clock));
}

awaitable<Result<>> S3Store::put(std::string bucket, std::string key, std::vector<Slice> parts,
                                 PutOptions options) {
  Call call{"PUT", std::move(bucket), std::move(key), {}, {}, std::move(parts)};
  call.headers.emplace_back("content-type", options.content_type.empty()
                                                ? "application/octet-stream"
                                                : options.content_type);
  if (!options.content_encoding.empty()) {
    call.headers.emplace_back("content-encoding", options.content_encoding);
  }
  CO_TRY(co_await send(std::move(call)));
  co_return Result<>{};
}

awaitable<Result<Slice>> S3Store::get(std::string bucket, std::string key) {
  CO_TRY_ASSIGN(const ClientResponse response,
                co_await send({"GET", std::move(bucket), std::move(key), {}, {}, {}}));
  co_return response.body;
}

awaitable<Result<ObjectInfo>> S3Store::head(std::string bucket, std::string key) {
  ObjectInfo info;
  info.key = key;
  CO_TRY_ASSIGN(const ClientResponse response,
                co_await send({"HEAD", std::move(bucket), std::move(key), {}, {}, {}}));
  info.size = parse_integer<uint64_t>(response.header("content-length")).value_or(0);
  info.etag = response.header("etag");
  co_return info;
}

awaitable<Result<ObjectPage>> S3Store::list(std::string bucket, std::string prefix,
                                            std::string start_after, size_t limit) {
  // In the order of names: the signature is over the sorted query.
  std::string query = fmt::format("encoding-type=url&list-type=2&max-keys={}&prefix={}",
                                  std::min(limit, kMaxListed), percent_encode(prefix));
  if (!start_after.empty()) query += "&start-after=" + percent_encode(start_after);
  CO_TRY_ASSIGN(const ClientResponse response,
                co_await send({"GET", std::move(bucket), {}, std::move(query), {}, {}}));
  co_return parse_s3_list(response.body.view());
}

awaitable<Result<>> S3Store::remove(std::string bucket, std::string key) {
  const Result<ClientResponse> response =
      co_await send({"DELETE", std::move(bucket), std::move(key), {}, {}, {}});
  if (response || response.error().code == ErrorCode::kNotFound) co_return Result<>{};
  co_return std::unexpected(response.error());
}

awaitable<Result<>> S3Store::make_bucket(std::string bucket) {
  Call call{"PUT", std::move(bucket), {}, {}, {}, {}};
  // AWS: the default region must not be named, any other must be.
  if (endpoint_.region != "us-east-1") {
    call.body.push_back(Slice::copy_of(
        fmt::format("<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                    "<LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
                    endpoint_.region)));
  }
  const Result<ClientResponse> response = co_await send(std::move(call));
  // Ours already is as good as made now.
  if (response || response.error().message.contains("BucketAlreadyOwnedByYou")) {
    co_return Result<>{};
  }
  co_return std::unexpected(response.error());
}

awaitable<Result<ClientResponse>> S3Store::send(Call call) {
  CO_TRY(check_bucket_name(call.bucket));
  std::string path = url_.target + "/" + call.bucket;
  if (!call.key.empty()) path += "/" + percent_encode(call.key, Slash::kKeep);
  const std::string plain_host =
      url_.host.contains(':') ? fmt::format("[{}]", url_.host) : url_.host;
  const std::string host =
      is_default_port(url_) ? plain_host : fmt::format("{}:{}", plain_host, url_.port);
  const std::string hash = payload_hash(std::span<const Slice>(call.body));

  SigningInput input;
  input.method = call.method;
  input.host = host;
  input.path = path;
  input.query = call.query;
  input.headers = call.headers;
  input.payload_hash = hash;
  input.region = endpoint_.region;
  input.service = "s3";

  ClientRequest request;
  request.method = call.method;
  request.scheme = url_.scheme;
  request.host = url_.host;
  request.port = url_.port;
  request.target = call.query.empty() ? path : path + "?" + call.query;
  request.headers = call.headers;
  for (auto& header : sign(input, endpoint_.credentials, clock_.now_ms())) {
    request.headers.push_back(std::move(header));
  }
  request.body = call.body;
  size_t bytes = 0;
  for (const Slice& part : call.body) bytes += part.size();
  CO_TRY_ASSIGN(ClientResponse response,
                co_await client_.call(std::move(request), time_for(bytes)));
  if (response.status >= 200 && response.status < 300) co_return response;
  co_return std::unexpected(error_of(call, response));
}

Error S3Store::error_of(const Call& call, const ClientResponse& response) const {
  const S3Error s3 = parse_s3_error(response.body.view());
  std::string reason = fmt::format("HTTP {}", response.status);
  if (!s3.code.empty()) reason += fmt::format(" {}: {}", s3.code, s3.message);
  return Error{code_of(response.status, s3.code),
               fmt::format("S3 at {} refused {} {}{}{}: {}", endpoint_.url, call.method,
                           call.bucket, call.key.empty() ? "" : "/", call.key, reason)};
}

}  // namespace millstream
