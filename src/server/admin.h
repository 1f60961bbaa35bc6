// What the server offers beside the AWS APIs, below /_millstream/.
//
//   GET  /_millstream/applications/NAME  how an application's run is
//   POST /_millstream/sql                a continuous query; writes its rows as they come
// With --ephemeral or --test-mode, else refused; the gateway wants a signature only where access
// keys are configured, so that a test's curl is enough:
//   POST /_millstream/reset              deletes everything
//   GET, POST, DELETE /_millstream/faults    failures on purpose (faults.h)
//   POST /_millstream/truncate           {"stream": NAME or ARN}: its records are gone
//   GET, POST /_millstream/clock         {"advance_ms": N}; needs --clock manual
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "base/env.h"
#include "base/http_message.h"
#include "base/manual_clock.h"
#include "server/faults.h"

namespace millstream::server {

// All members outlive the admin interface.
struct AdminParts {
  const CredentialStore& credentials;
  Clock& wall_clock;  // signatures are compared with it
  std::function<awaitable<>(const Caller&, HttpRequest&, ResponseStream&)> query;
  std::function<Result<std::string>(const Caller&, const std::string& name)> application_run;
  bool test_mode = false;
  std::function<awaitable<Result<>>()> reset;
  std::function<awaitable<Result<>>(const std::string& stream)> truncate;  // name or ARN
  Faults& faults;
  ManualClock* clock = nullptr;  // nullptr: the machine's clock
};

// Threads: any loop; constant.
class Admin {
 public:
  static constexpr std::string_view kPrefix = "/_millstream/";

  explicit Admin(AdminParts parts) : parts_(std::move(parts)) {}

  // A request whose path starts with kPrefix. Nothing if the response has been written already.
  awaitable<std::optional<HttpResponse>> handle(HttpRequest& request, ResponseStream& stream);

 private:
  awaitable<HttpResponse> test_mode(HttpRequest& request);
  awaitable<HttpResponse> truncate(HttpRequest& request);
  HttpResponse faults(HttpRequest& request);
  HttpResponse clock(HttpRequest& request);

  AdminParts parts_;
};

// `text` in quotes, for the small answers of health and admin.
void append_json_text(std::string& json, std::string_view text);

}  // namespace millstream::server
