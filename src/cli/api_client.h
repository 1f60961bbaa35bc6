// Calls to the Kinesis API of any server, signed, as AWS's own clients make them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "auth/credentials.h"
#include "base/async.h"
#include "base/env.h"
#include "base/result.h"
#include "http/client.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"
#include "wire/operation.h"

namespace millstream::cli {

inline constexpr std::string_view kDefaultEndpoint = "http://127.0.0.1:4567";

// What the command line says; empty members come from the environment, else from defaults.
struct ConnectionFlags {
  std::string endpoint;
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string ca_file;
};

struct Connection {
  std::string endpoint;  // as given, for messages
  Url url;
  std::string region;
  Credentials credentials;
  std::string ca_file;
};

// The variables are those of AWS's own tools: AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL,
// AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
// AWS_CA_BUNDLE. Without keys: test/test. Errors: kInvalidArgument.
Result<Connection> connection_from(const ConnectionFlags& flags,
                                   const std::function<const char*(const char*)>& environment);

// The error of an answer that is not 200, e.g. "ResourceNotFoundException: Stream clicks …".
// Codes: kThroughputExceeded and kThrottled (both: try again), kNotFound, kExpiredIterator,
// kRemote.
Error api_error(int status, std::string_view body);

// What the signature covers and the server sees: "127.0.0.1:4567", "[::1]:4567".
std::string host_header(const Url& url);
// Addresses the request to the connection's server and signs it: method, target, headers and
// `payload` as they are.
void sign_request(const Connection& connection, ClientRequest& request, std::string_view payload,
                  std::string_view service, TimeMs now_ms);

// Threads: one loop.
class ApiClient {
 public:
  // Errors: kInvalidArgument (the CA file).
  static Result<ApiClient> create(Connection connection, Clock& clock);

  // Errors: those of api_error(); kUnavailable and kTimeout when nothing answers.
  template <class Op>
  awaitable<Result<typename Op::Output>> call(typename Op::Input input) {
    const std::string body = wire::to_json(input);
    auto answer = co_await send(Op::descriptor(), Slice::copy_of(body));
    if (!answer) co_return std::unexpected(std::move(answer).error());
    co_return wire::from_json<typename Op::Output>(answer->view());
  }

  // GET of a page of this server's own, such as /_millstream/applications/NAME.
  awaitable<Result<Slice>> get(std::string target);

  const Connection& connection() const { return connection_; }

 private:
  ApiClient(Connection connection, Clock& clock, std::unique_ptr<HttpClient> http)
      : connection_(std::move(connection)), clock_(&clock), http_(std::move(http)) {}
  awaitable<Result<Slice>> send(const wire::Operation& operation, Slice body);
  awaitable<Result<Slice>> call_signed(ClientRequest request, std::string_view payload,
                                       std::string_view service);

  Connection connection_;
  Clock* clock_;
  std::unique_ptr<HttpClient> http_;
};

}  // namespace millstream::cli
