#include "cli/api_client.h"

#include <initializer_list>

#include <simdjson.h>

#include "auth/signer.h"
#include "base/text.h"

namespace millstream::cli {
namespace {

std::string first_of(std::string_view flag,
                     const std::function<const char*(const char*)>& environment,
                     std::initializer_list<const char*> variables, std::string_view otherwise) {
  if (!flag.empty()) return std::string(flag);
  for (const char* variable : variables) {
    if (const char* value = environment(variable); value && *value) return value;
  }
  return std::string(otherwise);
}

struct NamedCode {
  std::string_view name;
  ErrorCode code;
};
constexpr NamedCode kCodes[] = {
    {"ResourceNotFoundException", ErrorCode::kNotFound},
    {"ExpiredIteratorException", ErrorCode::kExpiredIterator},
    {"ProvisionedThroughputExceededException", ErrorCode::kThroughputExceeded},
    {"ThrottlingException", ErrorCode::kThroughputExceeded},
    {"LimitExceededException", ErrorCode::kThroughputExceeded},
    {"KMSThrottlingException", ErrorCode::kThroughputExceeded}};

}  // namespace

Result<Connection> connection_from(const ConnectionFlags& flags,
                                   const std::function<const char*(const char*)>& environment) {
  Connection connection;
  connection.endpoint =
      first_of(flags.endpoint, environment, {"AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"},
               kDefaultEndpoint);
  const std::string text = connection.endpoint.find("://") == std::string::npos
                               ? "http://" + connection.endpoint
                               : connection.endpoint;
  const auto url = parse_url(text);
  if (!url) {
    return fail(ErrorCode::kInvalidArgument, "the endpoint '{}' is no URL; write it like {} ({})",
                connection.endpoint, kDefaultEndpoint, url.error().message);
  }
  connection.url = *url;
  connection.region =
      first_of(flags.region, environment, {"AWS_REGION", "AWS_DEFAULT_REGION"}, "us-east-1");
  Credentials& key = connection.credentials;
  if (flags.access_key.empty() != flags.secret_key.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--access-key and --secret-key need each other");
  }
  key.access_key = first_of(flags.access_key, environment, {"AWS_ACCESS_KEY_ID"}, "");
  key.secret_key = first_of(flags.secret_key, environment, {"AWS_SECRET_ACCESS_KEY"}, "");
  if (key.access_key.empty() != key.secret_key.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other; one of them is not "
                "set");
  }
  if (key.access_key.empty()) key.access_key = key.secret_key = "test";
  const std::string token = first_of("", environment, {"AWS_SESSION_TOKEN"}, "");
  if (flags.access_key.empty() && !token.empty()) key.session_token = token;
  connection.ca_file = first_of(flags.ca_file, environment, {"AWS_CA_BUNDLE"}, "");
  return connection;
}

Error api_error(int status, std::string_view body) {
  std::string type;
  std::string message;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::padded_string padded(body);
  if (parser.parse(padded).get(document) == simdjson::SUCCESS) {
    std::string_view text;
    if (document["__type"].get(text) == simdjson::SUCCESS) type = text.substr(text.find('#') + 1);
    for (const char* name : {"message", "Message"}) {
      if (document[name].get(text) == simdjson::SUCCESS) message = text;
    }
  }
  if (type.empty()) {
    message = body.substr(0, 300);
    type = fmt::format("HTTP {}", status);
  }
  ErrorCode code = status >= 500 ? ErrorCode::kThrottled : ErrorCode::kRemote;
  for (const NamedCode& named : kCodes) {
    if (type == named.name) code = named.code;
  }
  return {code, message.empty() ? type : fmt::format("{}: {}", type, message)};
}

std::string host_header(const Url& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", is_v6 ? '[' + url.host + ']' : url.host, url.port);
}

void sign_request(const Connection& connection, ClientRequest& request, std::string_view payload,
                  std::string_view service, TimeMs now_ms) {
  const Url& url = connection.url;
  request.scheme = url.scheme;
  request.host = url.host;
  request.port = url.port;
  const std::string hash = payload_hash(payload);
  const std::string host = host_header(url);
  const std::string_view target = request.target;
  const size_t mark = target.find('?');
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  for (auto& header : sign({.method = request.method,
                            .host = host,
                            .path = target.substr(0, mark),
                            .query = query,
                            .headers = request.headers,
                            .payload_hash = hash,
                            .region = connection.region,
                            .service = service},
                           connection.credentials, now_ms)) {
    request.headers.push_back(std::move(header));
  }
}

Result<ApiClient> ApiClient::create(Connection connection, Clock& clock) {
  HttpClientOptions options;
  options.extra_ca_file = connection.ca_file;
  options.allow_link_local = true;  // the user names the endpoint
  TRY_ASSIGN(auto http, HttpClient::create(options));
  return ApiClient(std::move(connection), clock, std::move(http));
}

awaitable<Result<Slice>> ApiClient::send(const wire::Operation& operation, Slice body) {
  ClientRequest request;
  request.method = "POST";
  request.target = connection_.url.target;
  request.headers = {
      {"content-type", "application/x-amz-json-1.1"},
      {"x-amz-target", fmt::format("{}.{}", operation.target_prefix, operation.name)}};
  // Both versions of the API sign with the first one's name.
  const std::string_view service =
      operation.service == "kinesisanalyticsv2" ? "kinesisanalytics" : operation.service;
  request.body.push_back(body);
  co_return co_await call_signed(std::move(request), body.view(), service);
}

awaitable<Result<Slice>> ApiClient::get(std::string target) {
  ClientRequest request;
  request.method = "GET";
  request.target = std::move(target);
  co_return co_await call_signed(std::move(request), "", "kinesisanalytics");
}

awaitable<Result<Slice>> ApiClient::call_signed(ClientRequest request, std::string_view payload,
                                                std::string_view service) {
  sign_request(connection_, request, payload, service, clock_->now_ms());
  auto response = co_await http_->call(std::move(request));
  if (!response) {
    Error error = std::move(response).error();
    if (error.code == ErrorCode::kUnavailable) {
      error.message = fmt::format(
          "{} does not answer: {}. Is it the right --endpoint, and is the "
          "server running?",
          connection_.endpoint, error.message);
    }
    co_return std::unexpected(std::move(error));
  }
  if (response->status != 200) {
    co_return std::unexpected(api_error(response->status, response->body.view()));
  }
  co_return response->body;
}

}  // namespace millstream::cli
