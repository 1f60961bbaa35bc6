// The HTTP/1.1 client for outgoing calls (S3, Lambda, HTTP endpoints), with kept-alive
// connections, TLS and an address policy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "base/async.h"
#include "base/bytes.h"
#include "base/result.h"

namespace millstream {

struct ClientRequest {
  std::string method = "GET";
  std::string scheme = "http";  // or "https"
  std::string host;             // name or address (IPv6 without brackets)
  uint16_t port = 0;            // 0: the scheme's
  std::string target = "/";     // path and query, encoded
  // "host" (unless given here), "content-length" and "connection" are added. What is signed is
  // the caller's: give "host" here if the signature covers it.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<Slice> body;  // sent one after the other
  // If set, the body of a response with status 200 comes here in pieces, as it arrives and
  // however long it is, and ClientResponse::body stays empty. On the call's executor.
  std::function<void(std::string_view piece)> on_body;
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  Slice body;

  std::string_view header(std::string_view lower_case_name) const;  // empty: there is none
};

struct HttpClientOptions {
  std::chrono::milliseconds connect_timeout{5'000};  // name, TCP and TLS
  std::chrono::milliseconds total_timeout{60'000};   // of a call, from the start
  size_t response_body_bytes = 64 * 1024 * 1024;     // limit; over it: kRemote
  size_t response_header_bytes = 64 * 1024;
  bool verify_tls = true;     // against the system's CAs, and the host's name
  std::string extra_ca_file;  // PEM of further CAs
  // Off: link-local and metadata addresses (169.254.0.0/16, fe80::/10, fd00:ec2::254, also
  // IPv4-mapped) are refused after the name was resolved, so that a configured endpoint can't
  // read the machine's cloud credentials. On: everything is allowed.
  bool allow_link_local = false;
  size_t idle_connections_per_host = 16;  // of one executor; more are closed after use
  std::chrono::seconds idle_timeout{20};  // unused for longer: closed rather than used again
};

// "http://host:port/path" taken apart (target "/" if it has none). Errors: kInvalidArgument.
struct Url {
  std::string scheme;
  std::string host;
  uint16_t port = 0;  // never 0 in a result
  std::string target;
};
Result<Url> parse_url(std::string_view text);

// Whether the policy of HttpClientOptions::allow_link_local refuses `address`.
bool is_link_local_or_metadata(const asio::ip::address& address);

// Life cycle: before the io_contexts it is used on end, no call may be under way and the client
//             must be destroyed (it holds their sockets).
// Threads:    any; a call runs on the caller's executor, which must be single-threaded (a loop)
//             or a strand.
class HttpClient {
 public:
  // Errors: kInvalidArgument if extra_ca_file can't be loaded.
  static Result<std::unique_ptr<HttpClient>> create(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status is a response; an Error means that there is none:
  //   kInvalidArgument  a member of the request is malformed
  //   kForbidden        the address policy
  //   kTimeout          connect_timeout or total_timeout
  //   kUnavailable      not resolved, not connected, TLS refused, connection lost
  //   kRemote           the answer is not HTTP, or over a limit
  // A call on a kept-alive connection that ends before any byte of the response came is repeated
  // once on a new connection. Otherwise the request may have been carried out when kTimeout or
  // kUnavailable are returned.
  awaitable<Result<ClientResponse>> call(ClientRequest request);
  // The same with a total time of its own.
  awaitable<Result<ClientResponse>> call(ClientRequest request,
                                         std::chrono::milliseconds total_timeout);

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millstream
