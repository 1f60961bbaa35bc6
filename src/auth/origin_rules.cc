#include "auth/origin_rules.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "base/text.h"

namespace millstream {
namespace {

// Without port, brackets and final dot.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  // More than one colon: an IPv6 address without brackets.
  if (const size_t colon = authority.find(':');
      colon != std::string_view::npos && colon == authority.rfind(':')) {
    authority = authority.substr(0, colon);
  }
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return authority;
}

// "https://host:port" without its scheme; empty if it is no such origin ("null").
std::string_view authority_of_origin(std::string_view origin) {
  const size_t end = origin.find("://");
  return end == std::string_view::npos ? std::string_view() : origin.substr(end + 3);
}

}  // namespace

bool is_loopback_authority(std::string_view authority) {
  const std::string host = to_lower(host_of(authority));
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

Result<OriginRules> OriginRules::create(OriginSettings settings) {
  OriginRules rules(std::move(settings));
  if (rules.verifies()) return rules;
  const auto open = std::ranges::find_if_not(rules.settings_.listen, is_loopback_authority);
  if (open == rules.settings_.listen.end()) return rules;
  if (!rules.settings_.any_credentials_allowed) {
    return fail(ErrorCode::kInvalidArgument,
                "listening on {} would let other machines in, and there are no access keys. Add "
                "keys to the configuration file:\n"
                "  access_keys:\n"
                "    - {{access_key: AKIAEXAMPLE, secret_key: choose-a-long-one}}\n"
                "or listen on 127.0.0.1:4567, or set MILLSTREAM_AUTH=any to accept any "
                "credentials from everybody who reaches the port",
                *open);
  }
  rules.loopback_only_ = false;
  rules.warning_ = fmt::format(
      "listening on {} with MILLSTREAM_AUTH=any: everybody who reaches the port can read, write "
      "and delete",
      *open);
  return rules;
}

OriginRules::OriginRules(OriginSettings settings) : settings_(std::move(settings)) {}

bool OriginRules::is_own_name(std::string_view authority) const {
  if (is_loopback_authority(authority)) return true;
  const std::string_view host = host_of(authority);
  return std::ranges::any_of(settings_.host_names, [host](std::string_view name) {
    return equals_ignore_case(name, host);
  });
}

bool OriginRules::is_cors_origin(std::string_view origin) const {
  return std::ranges::any_of(settings_.cors_origins, [origin](std::string_view allowed) {
    return allowed == "*" || equals_ignore_case(allowed, origin);
  });
}

Result<> OriginRules::check(const HttpRequest& request) const {
  if (verifies()) return {};
  if (loopback_only_ && !is_own_name(request.authority)) {
    return fail(ErrorCode::kForbidden,
                "Host '{}' is refused: without access keys this server answers to localhost and "
                "loopback addresses only. Add the name to host_names in the configuration "
                "(--host-name), or configure access_keys",
                request.authority);
  }
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return {};
  const std::string_view from = authority_of_origin(origin);
  const bool is_same = equals_ignore_case(from, request.authority) && is_own_name(from);
  if (is_same || is_cors_origin(origin)) return {};
  return fail(ErrorCode::kForbidden,
              "Origin '{}' is refused: pages of other origins may not call this server. Add it to "
              "cors_origins in the configuration (--cors-origin)",
              origin);
}

bool OriginRules::is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && request.has_header("origin") &&
         request.has_header("access-control-request-method");
}

std::vector<std::pair<std::string, std::string>> OriginRules::cors_headers(
    const HttpRequest& request) const {
  std::vector<std::pair<std::string, std::string>> headers;
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_cors_origin(origin)) return headers;
  headers.emplace_back("access-control-allow-origin", origin);
  headers.emplace_back("vary", "origin");
  if (!is_preflight(request)) {
    // The names that AWS exposes.
    headers.emplace_back("access-control-expose-headers",
                         "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,"
                         "x-amzn-ErrorMessage,Date");
    return headers;
  }
  headers.emplace_back("access-control-allow-methods",
                       request.header("access-control-request-method"));
  if (const auto names = request.header("access-control-request-headers"); !names.empty()) {
    headers.emplace_back("access-control-allow-headers", names);
  }
  headers.emplace_back("access-control-max-age", "172800");  // as AWS answers
  return headers;
}

}  // namespace millstream
