#include "server/gateway.h"

#include <array>
#include <exception>

#include <boost/asio/steady_timer.hpp>

#include "auth/sigv4.h"
#include "base/base64.h"
#include "base/logging.h"
#include "base/random.h"
#include "server/cloudwatch_request.h"
#include "wire/errors.h"
#include "wire/query_decode.h"
#include "wire/query_encode.h"
#include "wire/service.h"

namespace millstream::server {
namespace {

constexpr size_t kHashElsewhere = size_t{1} << 20;  // bodies above it don't hold up their loop

std::string_view prefix_of(std::string_view target) { return target.substr(0, target.find('.')); }

const wire::Service* service_of(std::string_view target) {
  for (const auto* service : wire::all_services()) {
    if (!service->target_prefix.empty() && service->target_prefix == prefix_of(target)) {
      return service;
    }
  }
  return nullptr;
}

wire::Protocol protocol_of(const HttpRequest& request) {
  const std::string_view type = request.header("content-type");
  if (type.starts_with("application/x-amz-cbor-1.1")) return wire::Protocol::kCbor11;
  return type.starts_with("application/x-amz-json-1.0") ? wire::Protocol::kJson10
                                                        : wire::Protocol::kJson11;
}

HttpResponse json_response(int status, std::string body) {
  return {status, {{"content-type", "application/json"}}, Slice::copy_of(body)};
}

// The Query protocol, of SDKs for STS and CloudWatch.
bool is_query_form(const HttpRequest& request) {
  return request.header("content-type").starts_with("application/x-www-form-urlencoded");
}

// `"full_in_seconds":null`: it does not fill.
std::string disk_json(const DiskUse& disk) {
  return fmt::format(
      R"({{"alarm":"{}","used_bytes":{},"budget_bytes":{},"free_bytes":{},"full_in_seconds":{}}})",
      to_string(disk.alarm), disk.used_bytes,
      disk.budget_bytes == 0 ? "null" : fmt::format("{}", disk.budget_bytes), disk.free_bytes,
      disk.full_in ? fmt::format("{}", disk.full_in->count()) : "null");
}

// x-amz-id-2: AWS's second request id. Opaque; clients print it.
std::string extended_request_id() {
  std::array<unsigned char, 48> bytes;
  fill_random(bytes);
  return base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Adds to every answer what the gateway has to say beside the operation's own.
class StreamWithHeaders final : public ResponseStream {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  StreamWithHeaders(ResponseStream& stream, Headers headers)
      : stream_(stream), headers_(std::move(headers)) {}

  awaitable<Result<>> respond(HttpResponse response) override {
    add_to(response);
    return stream_.respond(std::move(response));
  }
  awaitable<Result<>> start(HttpResponse head) override {
    add_to(head);
    return stream_.start(std::move(head));
  }
  awaitable<Result<>> write(Slice piece) override { return stream_.write(std::move(piece)); }
  awaitable<Result<>> finish() override { return stream_.finish(); }
  void abort() override { stream_.abort(); }
  void on_interrupt(std::function<void(Interrupt)> notify) override {
    stream_.on_interrupt(std::move(notify));
  }

 private:
  void add_to(HttpResponse& response) {
    response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
  }

  ResponseStream& stream_;
  const Headers headers_;
};

}  // namespace

Gateway::Gateway(GatewayParts parts)
    : parts_(std::move(parts)), slow_requests_(parts_.clock, parts_.slow_request) {
  for (const auto* entry : parts_.table.entries()) {
    const auto calls = [&](std::string_view result) {
      return &parts_.metrics.counter("millstream_requests_total", "Answered API calls",
                                     {{"service", std::string(entry->operation->service)},
                                      {"operation", std::string(entry->operation->name)},
                                      {"result", std::string(result)}});
    };
    operation_metrics_[entry] = {
        calls("ok"), calls("caller_error"), calls("server_error"),
        &parts_.metrics.histogram("millstream_request_seconds", "Time from request to answer",
                                  latency_bounds_s(),
                                  {{"service", std::string(entry->operation->service)},
                                   {"operation", std::string(entry->operation->name)}})};
  }
}

awaitable<> Gateway::handle(HttpRequest& request, ResponseStream& stream) {
  const std::string request_id = uuid_v4();
  const auto allowed = parts_.origins.check(request);
  const bool is_preflight = OriginRules::is_preflight(request);
  StreamWithHeaders::Headers headers;
  if (allowed || is_preflight) headers = parts_.origins.cors_headers(request);
  headers.emplace_back("x-amzn-RequestId", request_id);
  headers.emplace_back("x-amz-id-2", extended_request_id());
  StreamWithHeaders out(stream, std::move(headers));
  HttpResponse response;
  if (!is_preflight) {
    if (allowed) {
      auto answered = co_await answer(request, request_id, out);
      if (!answered) co_return;
      response = *std::move(answered);
    } else {
      response = wire::encode_error("", protocol_of(request), allowed.error());
    }
  }
  // An error means that the client has gone: nobody is left to tell.
  (void)co_await out.respond(std::move(response));
}

awaitable<std::optional<HttpResponse>> Gateway::answer(HttpRequest& request,
                                                       std::string_view request_id,
                                                       ResponseStream& stream) {
  if (request.method == "GET") {
    if (request.path == "/health" || request.path == "/health/live" ||
        request.path == "/health/ready") {
      co_return health();
    }
    if (request.path == "/metrics") {
      co_return HttpResponse{200,
                             {{"content-type", "text/plain; version=0.0.4"}},
                             Slice::copy_of(parts_.metrics_text())};
    }
  }
  if (request.path.starts_with(Admin::kPrefix)) {
    if (auto allowed = check_administration(request); !allowed) {
      co_return wire::encode_error("", wire::Protocol::kJson11, allowed.error());
    }
    co_return co_await parts_.admin.handle(request, stream);
  }
  co_return co_await call_operation(request, request_id, stream);
}

Result<> Gateway::check_administration(const HttpRequest& request) const {
  if (parts_.credentials.snapshot().accepts_any()) return {};
  const TimeMs now = parts_.wall_clock.now_ms();
  // Signed like any call of the API, for any service.
  TRY_ASSIGN(const Caller caller, verify(request, parts_.credentials, now));
  return check_administrator(caller, request, now);
}

awaitable<std::optional<HttpResponse>> Gateway::call_operation(HttpRequest& request,
                                                               std::string_view request_id,
                                                               ResponseStream& stream) {
  const auto start = parts_.clock.monotonic();
  std::string target(request.header("x-amz-target"));
  const auto* service = service_of(target);
  wire::Protocol protocol = protocol_of(request);
  auto body = uncompressed_body(request);
  if (auto rpc_target = rpc_v2_target(request)) {
    protocol = wire::Protocol::kRpcV2Cbor;
    target = *std::move(rpc_target);
    service = service_of(target);
  } else if (body && target.empty() && is_query_form(request)) {
    protocol = wire::Protocol::kQuery;
    if (const auto* operation = wire::find_query_operation(body->view())) {
      service = wire::find_service(operation->service);
      target = fmt::format("{}.{}", operation->target_prefix, operation->name);
    }
  }
  const auto error_response = [&](const Error& error) {
    return protocol == wire::Protocol::kQuery
               ? wire::encode_query_error(service, error, request_id)
               : wire::encode_error(service ? service->name : "", protocol, error);
  };

  Sha256 body_hash;
  const bool hash_elsewhere =
      request.body.size() > kHashElsewhere && verify_needs_body(parts_.credentials);
  if (hash_elsewhere) {
    body_hash =
        co_await run_on(parts_.cpu_pool, [body = request.body] { return sha256(body.view()); });
  }
  auto caller = verify(request, parts_.credentials, parts_.wall_clock.now_ms(),
                       {.service = service ? service->signing_name : "",
                        .body_hash = hash_elsewhere ? &body_hash : nullptr});
  if (!caller) co_return error_response(caller.error());
  if (!body) co_return error_response(body.error());
  request.body = *std::move(body);

  const auto* entry = parts_.table.find(target);
  if (!entry || request.method != "POST") {
    co_return error_response({ErrorCode::kUnknownOperation, ""});
  }
  // Before the caller's names move on.
  auto access = access_of(*caller, request, parts_.wall_clock.now_ms(), parts_.resource_policies);
  wire::RequestContext context{.account = std::move(caller->account),
                               .region = std::move(caller->region),
                               .access_key = std::move(caller->access_key),
                               .request_id = std::string(request_id),
                               .protocol = protocol,
                               .http = &request,
                               .access = std::move(access)};
  auto output = co_await run(*entry, request, context, stream);

  HttpResponse response;
  if (output && *output && protocol == wire::Protocol::kQuery) {
    response = wire::query_answer(*entry->operation, (*output)->view(), request_id);
  } else if (output) {
    if (*output) response.body = **std::move(output);
    response.headers.emplace_back("content-type", wire::content_type(protocol));
    if (protocol == wire::Protocol::kRpcV2Cbor) {
      response.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
    }
  } else {
    response = error_response(output.error());
    if (response.status >= 500) {
      log_error("server", "{} {}: {}", target, request_id, output.error().message);
    }
  }
  const auto& metrics = operation_metrics_.at(entry);
  (response.status < 400   ? metrics.good
   : response.status < 500 ? metrics.caller_errors
                           : metrics.server_errors)
      ->add();
  const auto time = parts_.clock.monotonic() - start;
  metrics.seconds->observe(std::chrono::duration<double>(time).count());
  if (output && !*output) co_return std::nullopt;
  slow_requests_.note({.target = target,
                       .request_id = request_id,
                       .account = context.account,
                       .request_bytes = request.body.size(),
                       .response_bytes = response.body.size(),
                       .status = response.status,
                       .time = time});
  co_return response;
}

awaitable<Result<std::optional<Slice>>> Gateway::run(const wire::OperationTable::Entry& entry,
                                                     HttpRequest& request,
                                                     wire::RequestContext& context,
                                                     ResponseStream& stream) {
  try {
    const Faults::Draw fault = parts_.faults.next(entry.operation->name);
    if (fault.latency.count() > 0) {
      asio::steady_timer timer(co_await asio::this_coro::executor, fault.latency);
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (fault.error) co_return std::unexpected(*fault.error);
    if (entry.stream_handler) {
      CO_TRY(co_await entry.stream_handler(context, request.body, stream));
      co_return std::nullopt;
    }
    CO_TRY_ASSIGN(Slice body, co_await entry.handler(context, request.body));
    co_return std::optional(std::move(body));
  } catch (const std::exception& error) {
    // Results carry our errors; what is thrown came out of a library.
    co_return fail(ErrorCode::kInternal, "{} failed: {}", entry.operation->name, error.what());
  }
}

HttpResponse Gateway::health() const {
  const auto problems = parts_.problems();
  std::string body = fmt::format(R"({{"live":true,"ready":{},"problems":[)", problems.empty());
  for (size_t i = 0; i < problems.size(); ++i) {
    if (i > 0) body += ',';
    append_json_text(body, problems[i]);
  }
  body += fmt::format("],\"disk\":{}}}\n", disk_json(parts_.disk()));
  return json_response(problems.empty() ? 200 : 503, std::move(body));
}

HttpResponse Gateway::overloaded(const HttpRequest& request) {
  const auto* service = service_of(request.header("x-amz-target"));
  auto response = wire::encode_error(
      service ? service->name : "", protocol_of(request),
      {ErrorCode::kUnavailable,
       "The server holds as many bytes of requests as its configuration allows; try again."});
  response.headers.emplace_back("x-amzn-RequestId", uuid_v4());
  return response;
}

}  // namespace millstream::server
