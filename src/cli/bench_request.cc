#include "cli/bench_request.h"

#include <chrono>
#include <random>

#include "auth/signer.h"
#include "base/base64.h"

namespace millstream::cli {
namespace {

void append_record(std::string& body, size_t data_size, std::mt19937_64& random) {
  std::string data(data_size, '\0');
  for (char& byte : data) byte = static_cast<char>(random());
  fmt::format_to(std::back_inserter(body), R"("Data":"{}","PartitionKey":"{}")",
                 base64_encode(data), random() % 1'000'000'007);
}

}  // namespace

std::string signed_request(const BenchOptions& options, std::string_view operation,
                           std::string_view body) {
  const std::string host = fmt::format("{}:{}", options.endpoint.host, options.endpoint.port);
  std::vector<std::pair<std::string, std::string>> headers{
      {"content-type", "application/x-amz-json-1.1"},
      {"x-amz-target", fmt::format("Kinesis_20131202.{}", operation)}};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const std::string hash = payload_hash(body);
  Credentials credentials;
  credentials.access_key = options.access_key;
  credentials.secret_key = options.secret_key;
  for (auto& header : sign({.host = host,
                            .headers = headers,
                            .payload_hash = hash,
                            .region = options.region,
                            .service = "kinesis"},
                           credentials, now)) {
    headers.push_back(std::move(header));
  }
  std::string request = "POST / HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) {
    fmt::format_to(std::back_inserter(request), "{}: {}\r\n", name, value);
  }
  fmt::format_to(std::back_inserter(request), "content-length: {}\r\n\r\n", body.size());
  request += body;
  return request;
}

std::string put_records_body(std::string_view stream, int records, size_t data_size,
                             uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string body = R"({"Records":[)";
  for (int i = 0; i < records; ++i) {
    body += i == 0 ? "{" : ",{";
    append_record(body, data_size, random);
    body += '}';
  }
  return body + fmt::format(R"(],"StreamName":"{}"}})", stream);
}

std::string put_record_body(std::string_view stream, size_t data_size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string body = "{";
  append_record(body, data_size, random);
  return body + fmt::format(R"(,"StreamName":"{}"}})", stream);
}

std::string_view next_json_text(std::string_view body, std::string_view name, size_t& position) {
  const std::string mark = fmt::format(R"("{}":")", name);
  const size_t start = body.find(mark, position);
  if (start == std::string_view::npos) return {};
  const size_t text = start + mark.size();
  const size_t end = body.find('"', text);
  if (end == std::string_view::npos) return {};
  position = end + 1;
  return body.substr(text, end - text);
}

}  // namespace millstream::cli
