// From an HTTP request to an operation's handler and back: who calls, what for, in which
// spelling the answer goes out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/thread_pool.hpp>

#include "auth/credentials.h"
#include "auth/origin_rules.h"
#include "auth/sigv4.h"
#include "base/env.h"
#include "base/http_message.h"
#include "base/metrics.h"
#include "log/local/local_log.h"
#include "server/access_part.h"
#include "server/admin.h"
#include "server/faults.h"
#include "server/slow_requests.h"
#include "wire/operation.h"

namespace millstream::server {

// What a gateway needs; all members outlive it.
struct GatewayParts {
  const wire::OperationTable& table;
  const CredentialStore& credentials;
  const OriginRules& origins;
  Clock& wall_clock;                          // signatures are compared with it
  Clock& clock;                               // measures calls
  asio::thread_pool& cpu_pool;                // hashes bodies above 1 MiB
  MetricRegistry& metrics;                    // of calls
  std::function<std::string()> metrics_text;  // GET /metrics
  const ResourcePolicies& resource_policies;
  // GET /health: nothing while all is well, else what is wrong.
  std::function<std::vector<std::string>()> problems;
  std::function<DiskUse()> disk;  // of the records
  Admin& admin;
  Faults& faults;
  std::chrono::milliseconds slow_request;  // SlowRequests' limit
};

// Threads: handle() on any loop; constant.
class Gateway {
 public:
  explicit Gateway(GatewayParts parts);

  // The HttpHandler of the server.
  awaitable<> handle(HttpRequest& request, ResponseStream& stream);

  // The answer to a request for which there is no memory left (HttpServerOptions::overloaded).
  static HttpResponse overloaded(const HttpRequest& request);

 private:
  struct OperationMetrics {
    MetricCounter* good;
    MetricCounter* caller_errors;
    MetricCounter* server_errors;
    MetricHistogram* seconds;
  };

  // Nothing if the operation has written its response itself.
  awaitable<std::optional<HttpResponse>> answer(HttpRequest& request, std::string_view request_id,
                                                ResponseStream& stream);
  awaitable<std::optional<HttpResponse>> call_operation(HttpRequest& request,
                                                        std::string_view request_id,
                                                        ResponseStream& stream);
  // Nothing if it was answered by a stream of events.
  awaitable<Result<std::optional<Slice>>> run(const wire::OperationTable::Entry& entry,
                                              HttpRequest& request, wire::RequestContext& context,
                                              ResponseStream& stream);
  HttpResponse health() const;
  // Where keys are configured, everything below /_millstream/ is for administrators.
  Result<> check_administration(const HttpRequest& request) const;

  GatewayParts parts_;
  SlowRequests slow_requests_;
  std::unordered_map<const wire::OperationTable::Entry*, OperationMetrics> operation_metrics_;
};

}  // namespace millstream::server
