#include "server/admin.h"

#include <simdjson.h>

#include "wire/errors.h"

namespace millstream::server {
namespace {

constexpr std::string_view kApplications = "/_millstream/applications/";
constexpr TimeMs kMaxAdvanceMs = TimeMs{10} * 366 * 24 * 3'600'000;

HttpResponse json(int status, std::string body) {
  return {status, {{"content-type", "application/json"}}, Slice::copy_of(body + "\n")};
}

HttpResponse refusal(int status, std::string_view message) {
  std::string body = R"({"message":)";
  append_json_text(body, message);
  return json(status, body + "}");
}

HttpResponse error(const Error& error) {
  return wire::encode_error("", wire::Protocol::kJson11, error);
}

bool is_test_path(std::string_view path) {
  return path == "/_millstream/reset" || path == "/_millstream/faults" ||
         path == "/_millstream/truncate" || path == "/_millstream/clock";
}

// A member of a small JSON object.
std::optional<std::string> text_member(const Slice& body, std::string_view name) {
  simdjson::dom::parser parser;
  std::string_view value;
  const std::string_view text = body.view();
  if (parser.parse(text.data(), text.size())[name].get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return std::string(value);
}

std::optional<int64_t> number_member(const Slice& body, std::string_view name) {
  simdjson::dom::parser parser;
  int64_t value = 0;
  const std::string_view text = body.view();
  if (parser.parse(text.data(), text.size())[name].get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

void append_json_text(std::string& json, std::string_view text) {
  json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(json), "\\u{:04x}", c);
    } else {
      json += c;
    }
  }
  json += '"';
}

awaitable<std::optional<HttpResponse>> Admin::handle(HttpRequest& request, ResponseStream& stream) {
  if (is_test_path(request.path)) co_return co_await test_mode(request);
  auto caller = verify(request, parts_.credentials, parts_.wall_clock.now_ms());
  if (!caller) co_return error(caller.error());
  if (request.method == "POST" && request.path == "/_millstream/sql") {
    co_await parts_.query(*caller, request, stream);
    co_return std::nullopt;
  }
  if (request.method == "GET" && request.path.starts_with(kApplications)) {
    const std::string name(request.path.substr(kApplications.size()));
    auto run = parts_.application_run(*caller, name);
    if (!run) co_return error(run.error());
    co_return HttpResponse{200, {{"content-type", "application/json"}}, Slice::copy_of(*run)};
  }
  co_return refusal(404,
                    fmt::format("{} {} is nothing that this server has; see docs/operations.md",
                                request.method, request.path));
}

awaitable<HttpResponse> Admin::test_mode(HttpRequest& request) {
  if (!parts_.test_mode) {
    co_return refusal(403, fmt::format("{} needs --ephemeral or --test-mode",
                                       request.path.substr(kPrefix.size())));
  }
  if (request.path == "/_millstream/faults") co_return faults(request);
  if (request.path == "/_millstream/clock") co_return clock(request);
  if (request.method != "POST") co_return refusal(405, "only POST is possible here");
  if (request.path == "/_millstream/truncate") co_return co_await truncate(request);
  auto done = co_await parts_.reset();
  if (!done) co_return refusal(500, done.error().message);
  parts_.faults.clear();
  co_return json(200, "{}");
}

awaitable<HttpResponse> Admin::truncate(HttpRequest& request) {
  auto stream = text_member(request.body, "stream");
  if (!stream) co_return refusal(400, R"(the body must be like {"stream": "clicks"})");
  auto done = co_await parts_.truncate(*std::move(stream));
  if (!done) co_return error(done.error());
  co_return json(200, "{}");
}

HttpResponse Admin::faults(HttpRequest& request) {
  if (request.method == "DELETE") {
    parts_.faults.clear();
  } else if (request.method == "POST") {
    auto rules = parse_fault_rules(request.body.view());
    if (!rules) return refusal(400, rules.error().message);
    parts_.faults.set(*std::move(rules));
  } else if (request.method != "GET") {
    return refusal(405, "only GET, POST and DELETE are possible here");
  }
  return json(200, fault_rules_json(parts_.faults.rules()));
}

HttpResponse Admin::clock(HttpRequest& request) {
  if (parts_.clock == nullptr)
    return refusal(409, "the clock can be moved with --clock manual only");
  if (request.method == "POST") {
    const auto by = number_member(request.body, "advance_ms");
    if (!by || *by < 0 || *by > kMaxAdvanceMs) {
      return refusal(400, R"(the body must be like {"advance_ms": 60000}, at most ten years)");
    }
    parts_.clock->advance(std::chrono::milliseconds(*by));
  } else if (request.method != "GET") {
    return refusal(405, "only GET and POST are possible here");
  }
  return json(200, fmt::format(R"({{"now_ms":{}}})", parts_.clock->now_ms()));
}

}  // namespace millstream::server
