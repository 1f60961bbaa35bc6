// The canonical form of a request, which AWS's signature version 4 signs, and the keys that sign
// it. Shared by verification and signing.
//
// Source: "AWS Signature Version 4 for API requests", IAM user guide; where S3 differs: "Signature
// Calculations for the Authorization Header", S3 API reference.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/http_message.h"

namespace millstream {

inline constexpr std::string_view kSigningAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kScopeTerminator = "aws4_request";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
// What clients may sign over HTTP/2 in place of "host": its value is in the header of that name.
inline constexpr std::string_view kAuthority = ":authority";

struct CanonicalInput {
  std::string_view method;
  std::string_view path;   // as sent
  std::string_view query;  // as sent; X-Amz-Signature is left out of the canonical form
  std::span<const HttpHeader> headers;
  std::string_view signed_headers;  // names, separated by ';', in any case
  std::string_view payload_hash;    // hexadecimal, or a word such as UNSIGNED-PAYLOAD
  // S3: the path is encoded once and never normalised. Other services: dots and double slashes
  // are resolved, and what is sent encoded gets encoded again.
  bool is_s3 = false;
};

// Appends the canonical request to `out`. Allocates nothing for a request without query and
// with path "/", once `out` has its size.
void append_canonical_request(const CanonicalInput& input, std::string& out);

// What is signed about a request beside its canonical form.
struct SigningScope {
  std::string_view time;  // yyyyMMddTHHmmssZ; the first 8 characters are the scope's day
  std::string_view region;
  std::string_view service;
};

// The signature, in lower-case hexadecimal.
std::string signature_of(std::string_view canonical_request, const SigningScope& scope,
                         std::string_view secret_key);

// The key of one day, region and service; kept in a small cache of the calling thread.
Sha256 signing_key(std::string_view secret_key, std::string_view day, std::string_view region,
                   std::string_view service);

}  // namespace millstream
