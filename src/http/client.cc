#include "http/client.h"

#include <map>
#include <mutex>

#include <fmt/format.h>
#include <openssl/ssl.h>

#include "http/client_connection.h"
#include "http/message.h"

namespace millstream {
namespace {

using Clock = ClientConnection::Clock;

// What HTTP does not allow in a request, or nothing.
std::string_view malformed_part(const ClientRequest& request) {
  auto has_controls = [](std::string_view text) {
    for (char c : text) {
      if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return true;
    }
    return false;
  };
  if (request.scheme != "http" && request.scheme != "https") return "the scheme";
  if (request.host.empty() || has_controls(request.host)) return "the host";
  if (request.method.empty() || has_controls(request.method)) return "the method";
  if (!request.target.starts_with('/') || has_controls(request.target)) return "the target";
  for (const auto& [name, value] : request.headers) {
    if (!is_sendable_header(name, value)) return "a header";
  }
  return {};
}

}  // namespace

std::string_view ClientResponse::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

class HttpClient::Impl {
 public:
  using ConnectionRef = std::shared_ptr<ClientConnection>;

  explicit Impl(HttpClientOptions options) { shared.options = std::move(options); }

  awaitable<Result<ClientResponse>> call(ClientRequest request, Clock::time_point deadline);

  ClientShared shared;

 private:
  static std::string key_of(const asio::any_io_executor& executor, const ClientRequest& request) {
    const void* loop = &asio::query(executor, asio::execution::context);
    return fmt::format("{} {} {} {}", loop, request.scheme, request.port, request.host);
  }
  // A kept one that still lives, or none.
  ConnectionRef take(const std::string& key);
  void keep(const std::string& key, ConnectionRef connection);

  std::mutex mutex_;
  std::map<std::string, std::vector<ConnectionRef>> idle_;  // the longest unused first
};

HttpClient::Impl::ConnectionRef HttpClient::Impl::take(const std::string& key) {
  std::vector<ConnectionRef> dropped;  // closed outside of the lock
  std::lock_guard lock(mutex_);
  auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& list = found->second;
  while (!list.empty()) {
    ConnectionRef last = std::move(list.back());
    list.pop_back();
    if (Clock::now() - last->idle_since < shared.options.idle_timeout && last->is_alive()) {
      return last;
    }
    dropped.push_back(std::move(last));
  }
  idle_.erase(found);
  return nullptr;
}

void HttpClient::Impl::keep(const std::string& key, ConnectionRef connection) {
  std::vector<ConnectionRef> dropped;
  const auto now = Clock::now();
  connection->idle_since = now;
  std::lock_guard lock(mutex_);
  // What is unused for too long goes here: no timer runs for idle connections.
  for (auto at = idle_.begin(); at != idle_.end();) {
    auto& list = at->second;
    auto fresh = std::ranges::find_if(list, [&](const ConnectionRef& each) {
      return now - each->idle_since < shared.options.idle_timeout;
    });
    std::move(list.begin(), fresh, std::back_inserter(dropped));
    list.erase(list.begin(), fresh);
    at = list.empty() ? idle_.erase(at) : std::next(at);
  }
  auto& list = idle_[key];
  if (list.size() < shared.options.idle_connections_per_host) {
    list.push_back(std::move(connection));
  } else {
    dropped.push_back(std::move(connection));
  }
}

awaitable<Result<ClientResponse>> HttpClient::Impl::call(ClientRequest request,
                                                         Clock::time_point deadline) {
  if (auto wrong = malformed_part(request); !wrong.empty()) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "{} of a request to {} is empty or has characters that HTTP does not allow",
                   wrong, request.host);
  }
  if (request.port == 0) request.port = request.scheme == "https" ? 443 : 80;
  auto executor = co_await asio::this_coro::executor;
  const std::string key = key_of(executor, request);
  if (ConnectionRef kept = take(key)) {
    auto response = co_await kept->exchange(request, deadline);
    const bool stale =
        !response && response.error().code == ErrorCode::kUnavailable && !kept->received_any();
    if (!stale) {
      if (kept->reusable()) keep(key, std::move(kept));
      co_return response;
    }
  }
  auto fresh = std::make_shared<ClientConnection>(shared, executor);
  const auto connect_deadline = std::min(deadline, Clock::now() + shared.options.connect_timeout);
  CO_TRY(co_await fresh->open(request, connect_deadline));
  auto response = co_await fresh->exchange(request, deadline);
  if (fresh->reusable()) keep(key, std::move(fresh));
  co_return response;
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(HttpClientOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  asio::ssl::context& tls = impl->shared.tls;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  boost::system::error_code error;
  tls.set_default_verify_paths(error);
  const std::string& extra = impl->shared.options.extra_ca_file;
  if (!extra.empty()) {
    tls.load_verify_file(extra, error);
    if (error) {
      return fail(ErrorCode::kInvalidArgument, "{} holds no PEM certificates: {}", extra,
                  error.message());
    }
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

awaitable<Result<ClientResponse>> HttpClient::call(ClientRequest request) {
  return impl_->call(std::move(request), Clock::now() + impl_->shared.options.total_timeout);
}

awaitable<Result<ClientResponse>> HttpClient::call(ClientRequest request,
                                                   std::chrono::milliseconds total_timeout) {
  return impl_->call(std::move(request), Clock::now() + total_timeout);
}

}  // namespace millstream
