// What a request says about its signature: the Authorization header, or the query of a presigned
// URL, taken apart.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_message.h"
#include "base/result.h"

namespace millstream {

// Views point into the request or into `decoded`, so an object stays where it was filled.
struct Authorization {
  bool presigned = false;
  std::string_view algorithm;
  std::string_view credential;      // access key and scope, as sent
  std::string_view signed_headers;  // separated by ';'
  std::string_view signature;
  std::string_view time;           // as sent: X-Amz-Date, else Date
  std::string_view session_token;  // empty: none
  std::string_view expires;        // X-Amz-Expires of a presigned URL; empty: none
  std::string_view content_hash;   // X-Amz-Content-Sha256; empty: none

  // Parts of `credential`, after split_credential().
  std::string_view access_key;
  std::string_view day;
  std::string_view region;
  std::string_view service;
  std::string_view terminator;

  std::array<std::string, 8> decoded;  // values of a presigned URL

  Authorization() = default;
  Authorization(const Authorization&) = delete;
  Authorization& operator=(const Authorization&) = delete;
};

// Fills `out` except for the parts of the credential. Errors, with AWS's texts:
// kMissingAuthenticationToken, kIncompleteSignature (all that is missing in one message),
// kInvalidSignature (both forms at once).
Result<> read_authorization(const HttpRequest& request, Authorization& out);

// Error: kIncompleteSignature unless there are exactly five parts.
Result<> split_credential(Authorization& authorization);

// Whether `name` (lower case) is one of the signed headers.
bool is_signed(const Authorization& authorization, std::string_view name);

}  // namespace millstream
