// Who may reach a server that has no access keys: the Host and Origin rules, and the rule at
// start. See "Security by default" in docs/architecture.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http_message.h"
#include "base/result.h"

namespace millstream {

// Whether a "host:port" or host stands for this machine alone: localhost, a name below
// .localhost, or a loopback address.
bool is_loopback_authority(std::string_view authority);

struct OriginSettings {
  std::vector<std::string> listen;  // "host:port"
  bool has_keys = false;
  bool any_credentials_allowed = false;   // MILLSTREAM_AUTH=any: keys count as none
  std::vector<std::string> host_names;    // further names that this server is called by
  std::vector<std::string> cors_origins;  // "https://app.example.com"; "*": every origin
};

// Threads: any; constant.
class OriginRules {
 public:
  // Error kInvalidArgument: a listen address other than loopback, without keys, and without
  // any_credentials_allowed; the message holds the lines to add.
  static Result<OriginRules> create(OriginSettings settings);

  // For the log at start; empty: nothing to warn of.
  const std::string& warning() const { return warning_; }

  // Error kForbidden. Without keys:
  //   Host    must be this machine or a configured name, if the server listens on loopback only:
  //           a page of another name that resolves to 127.0.0.1 (DNS rebinding) is kept out.
  //   Origin  (sent by browsers) must be the server itself or a CORS origin.
  // With keys a page can't sign, so everything passes.
  Result<> check(const HttpRequest& request) const;

  // A preflight of a browser: answer it with 200, cors_headers() and no body, before check().
  static bool is_preflight(const HttpRequest& request);
  // The headers that let a page of a CORS origin read the answer; none for other origins.
  std::vector<std::pair<std::string, std::string>> cors_headers(const HttpRequest& request) const;

 private:
  explicit OriginRules(OriginSettings settings);
  bool verifies() const { return settings_.has_keys && !settings_.any_credentials_allowed; }
  bool is_own_name(std::string_view authority) const;
  bool is_cors_origin(std::string_view origin) const;

  OriginSettings settings_;
  bool loopback_only_ = true;
  std::string warning_;
};

}  // namespace millstream
