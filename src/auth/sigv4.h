// Verifies AWS's signature version 4 and says who calls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "auth/credentials.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/http_message.h"
#include "base/result.h"

namespace millstream {

// What the signature says about the body.
enum class SignedPayload : uint8_t {
  kVerified,  // its hash is part of the signature
  kUnsigned,  // anything: S3 with UNSIGNED-PAYLOAD, and when any credentials are accepted
  // S3's aws-chunked bodies (STREAMING-…). Only the head is verified: whoever reads the body
  // verifies its chunks, or refuses it.
  kChunkedUnsigned,
  kChunkedSigned,
};

struct Caller {
  std::string account;  // 12 digits
  std::string region;   // of the credential scope
  std::string service;
  std::string access_key;
  SignedPayload payload = SignedPayload::kVerified;
  // nullptr: the account itself, with everything allowed.
  std::shared_ptr<const Identity> identity{};
  bool is_verified = false;  // false where any credentials are accepted
};

struct VerifyOptions {
  // The service that the request is for ("kinesis"): the scope must name it. Empty: any.
  std::string_view service;
  // SHA-256 of the body if it was computed elsewhere (bodies above 1 MiB: in the CPU pool);
  // otherwise it is computed here. Not needed when verify_needs_body() is false.
  const Sha256* body_hash = nullptr;
};

// AWS's limit of the clock difference between client and server.
inline constexpr TimeMs kClockSkewMs = 15 * 60 * 1'000;

// Takes the header and the presigned form. With a store that accepts any credentials, access
// key and scope are read and must be well-formed, but times and signature are not compared.
//
// Threads: any; no locks, and no allocation beside the result once a thread is warm.
// Errors, each with AWS's text and in AWS's order of checking: kMissingAuthenticationToken,
// kIncompleteSignature, kInvalidSignature (also: expired, not yet current, wrong scope),
// kUnrecognizedClient, kExpiredToken. Stricter than AWS in one place: an X-Amz-Target that is not
// signed is refused, as another operation could be put in its place on the way.
Result<Caller> verify(const HttpRequest& request, const CredentialStore& store, TimeMs now,
                      const VerifyOptions& options = {});

// Whether verify() would hash the body: false when any credentials are accepted.
bool verify_needs_body(const CredentialStore& store);

}  // namespace millstream
