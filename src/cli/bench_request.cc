#include "cli/bench_request.h"

#include <chrono>
#include <random>

#include "auth/signer.h"
#include "base/base64.h"
#include "wire/cbor_encode.h"

namespace millstream::cli {
namespace {

struct RandomRecord {
  std::string data;
  std::string key;
};
RandomRecord random_record(size_t data_size, std::mt19937_64& random) {
  RandomRecord record{std::string(data_size, '\0'), {}};
  for (char& byte : record.data) byte = static_cast<char>(random());
  record.key = std::to_string(random() % 1'000'000'007);
  return record;
}

// The members of a record, without what is around them.
void append_members(BenchProtocol protocol, const RandomRecord& record, std::string& body) {
  if (protocol == BenchProtocol::kJson) {
    fmt::format_to(std::back_inserter(body), R"("Data":"{}","PartitionKey":"{}")",
                   base64_encode(record.data), record.key);
    return;
  }
  wire::append_cbor_text(body, "Data");
  wire::append_cbor_blob(body, record.data);
  wire::append_cbor_text(body, "PartitionKey");
  wire::append_cbor_text(body, record.key);
}

std::string cbor_stream_name(std::string_view stream) {
  std::string member;
  wire::append_cbor_text(member, "StreamName");
  wire::append_cbor_text(member, stream);
  member += wire::kCborEnd;
  return member;
}

}  // namespace

std::string signed_request(const BenchOptions& options, std::string_view operation,
                           std::string_view body, BenchProtocol protocol) {
  const std::string host = fmt::format("{}:{}", options.endpoint.host, options.endpoint.port);
  std::vector<std::pair<std::string, std::string>> headers{
      {"content-type", protocol == BenchProtocol::kJson ? "application/x-amz-json-1.1"
                                                        : "application/x-amz-cbor-1.1"},
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

std::string put_records_body(BenchProtocol protocol, std::string_view stream, int records,
                             size_t data_size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string body;
  if (protocol == BenchProtocol::kJson) {
    body = R"({"Records":[)";
    for (int i = 0; i < records; ++i) {
      body += i == 0 ? "{" : ",{";
      append_members(protocol, random_record(data_size, random), body);
      body += '}';
    }
    return body + fmt::format(R"(],"StreamName":"{}"}})", stream);
  }
  body += wire::kCborStructure;
  wire::append_cbor_text(body, "Records");
  wire::append_cbor_array(body, static_cast<size_t>(records));
  for (int i = 0; i < records; ++i) {
    body += wire::kCborStructure;
    append_members(protocol, random_record(data_size, random), body);
    body += wire::kCborEnd;
  }
  return body + cbor_stream_name(stream);
}

std::string put_record_body(BenchProtocol protocol, std::string_view stream, size_t data_size,
                            uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string body(1, protocol == BenchProtocol::kJson ? '{' : wire::kCborStructure);
  append_members(protocol, random_record(data_size, random), body);
  return body + (protocol == BenchProtocol::kJson ? fmt::format(R"(,"StreamName":"{}"}})", stream)
                                                  : cbor_stream_name(stream));
}

std::string_view sign_of_success(BenchProtocol protocol, bool batch) {
  if (!batch) {
    return protocol == BenchProtocol::kJson ? R"("SequenceNumber":")" : "SequenceNumber";
  }
  using namespace std::string_view_literals;
  return protocol == BenchProtocol::kJson ? R"("FailedRecordCount":0)"sv : "FailedRecordCount\0"sv;
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
