#include "auth/sigv4.h"

#include <algorithm>
#include <utility>

#include "auth/authorization.h"
#include "auth/canonical_request.h"
#include "base/text.h"

namespace millstream {
namespace {

constexpr TimeMs kMinuteMs = 60 * 1'000;
constexpr int64_t kLongestExpiryS = 7 * 24 * 3600;  // AWS limit: 604800
constexpr std::string_view kBadToken = "The security token included in the request is invalid";

Result<> check_time(const Authorization& authorization, TimeMs now) {
  const auto signed_at = parse_basic_time(authorization.time);
  if (!signed_at) {
    return fail(ErrorCode::kIncompleteSignature,
                "Date must be in ISO-8601 'basic format'. Got '{}'. See "
                "http://en.wikipedia.org/wiki/ISO_8601",
                authorization.time);
  }
  TimeMs valid_ms = kClockSkewMs;
  if (!authorization.expires.empty()) {
    const auto expires_s = parse_integer<int64_t>(authorization.expires);
    if (!expires_s || *expires_s < 0 || *expires_s > kLongestExpiryS) {
      return fail(ErrorCode::kIncompleteSignature,
                  "X-Amz-Expires must be a number of seconds from 0 to {}, got '{}'",
                  kLongestExpiryS, authorization.expires);
    }
    valid_ms = *expires_s * 1'000;
  }
  // Signatures have whole seconds, so the limits are those of whole seconds too.
  const TimeMs now_s = now / 1'000 * 1'000;
  if (*signed_at < now_s - valid_ms) {
    return fail(ErrorCode::kInvalidSignature,
                "Signature expired: {} is now earlier than {} ({} - {} min.)", authorization.time,
                format_basic_time(now_s - valid_ms), format_basic_time(now_s),
                valid_ms / kMinuteMs);
  }
  if (*signed_at > now_s + kClockSkewMs) {
    return fail(ErrorCode::kInvalidSignature,
                "Signature not yet current: {} is still later than {} ({} + {} min.)",
                authorization.time, format_basic_time(now_s + kClockSkewMs),
                format_basic_time(now_s), kClockSkewMs / kMinuteMs);
  }
  return {};
}

Result<> check_signed_headers(const HttpRequest& request, const Authorization& authorization) {
  if (!is_signed(authorization, "host") && !is_signed(authorization, kAuthority)) {
    return fail(ErrorCode::kInvalidSignature,
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  if (request.has_header("x-amz-target") && !is_signed(authorization, "x-amz-target")) {
    return fail(ErrorCode::kInvalidSignature,
                "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
  }
  return {};
}

// Regions become part of names and ARNs, so their form is checked; any region exists here.
bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<> check_scope(const Authorization& authorization, std::string_view service, bool check_day) {
  std::string wrong;
  if (!is_region(authorization.region)) {
    wrong += fmt::format("Credential should be scoped to a valid region, not '{}'. ",
                         authorization.region);
  }
  if (!service.empty() && authorization.service != service) {
    wrong += fmt::format("Credential should be scoped to correct service: '{}'. ", service);
  }
  if (authorization.terminator != kScopeTerminator) {
    wrong += fmt::format("Credential should be scoped with a valid terminator: '{}', not '{}'. ",
                         kScopeTerminator, authorization.terminator);
  }
  if (check_day && authorization.day != authorization.time.substr(0, 8)) {
    wrong += fmt::format(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '{}' != '{}', from '{}'.",
        authorization.day, authorization.time.substr(0, 8), authorization.time);
  }
  if (wrong.empty()) return {};
  return fail(ErrorCode::kInvalidSignature, "{}", wrong);
}

Result<> check_session(const Authorization& authorization, const Credentials& credentials,
                       TimeMs now) {
  std::string_view expected;  // none: AWS refuses a token beside a permanent key, too
  if (credentials.session_token) expected = *credentials.session_token;
  if (!equals_constant_time(authorization.session_token, expected)) {
    return fail(ErrorCode::kUnrecognizedClient, "{}", kBadToken);
  }
  if (credentials.expires_at && now >= *credentials.expires_at) {
    return fail(ErrorCode::kExpiredToken, "The security token included in the request is expired");
  }
  return {};
}

// S3 takes words in place of the body's hash, other services never do: with them, what a header
// claims counts only if the signature was made with the true hash.
SignedPayload s3_payload(const Authorization& authorization) {
  const std::string_view word = authorization.content_hash;
  if (word == kUnsignedPayload || (word.empty() && authorization.presigned)) {
    return SignedPayload::kUnsigned;
  }
  if (word.starts_with("STREAMING-UNSIGNED-PAYLOAD")) return SignedPayload::kChunkedUnsigned;
  if (word.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")) return SignedPayload::kChunkedSigned;
  return SignedPayload::kVerified;
}

Result<> check_signature(const HttpRequest& request, const Authorization& authorization,
                         const Credentials& credentials, const Sha256* body_hash,
                         SignedPayload payload) {
  std::string body_hex;
  std::string_view payload_hash =
      authorization.content_hash.empty() ? kUnsignedPayload : authorization.content_hash;
  if (payload == SignedPayload::kVerified) {
    body_hex = to_hex(body_hash ? *body_hash : sha256(request.body.view()));
    payload_hash = body_hex;
  }
  thread_local std::string canonical;
  canonical.clear();
  append_canonical_request({.method = request.method,
                            .path = request.path,
                            .query = request.query,
                            .headers = request.headers,
                            .signed_headers = authorization.signed_headers,
                            .payload_hash = payload_hash,
                            .is_s3 = authorization.service == "s3"},
                           canonical);
  const std::string expected =
      signature_of(canonical, {authorization.time, authorization.region, authorization.service},
                   credentials.secret_key);
  if (!equals_constant_time(expected, authorization.signature)) {
    return fail(ErrorCode::kInvalidSignature,
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details.");
  }
  return {};
}

}  // namespace

Result<Caller> verify(const HttpRequest& request, const CredentialStore& store, TimeMs now,
                      const VerifyOptions& options) {
  const CredentialSnapshot& keys = store.snapshot();
  const bool compare = !keys.accepts_any();
  Authorization authorization;
  TRY(read_authorization(request, authorization));
  if (compare) {
    TRY(check_time(authorization, now));
    TRY(check_signed_headers(request, authorization));
  }
  if (authorization.algorithm != kSigningAlgorithm) {
    return fail(ErrorCode::kIncompleteSignature,
                "Unsupported AWS 'algorithm': '{}' (only {} for now). ", authorization.algorithm,
                kSigningAlgorithm);
  }
  TRY(split_credential(authorization));
  TRY(check_scope(authorization, options.service, compare));

  const Credentials* credentials = keys.find(authorization.access_key);
  SignedPayload payload =
      authorization.service == "s3" ? s3_payload(authorization) : SignedPayload::kVerified;
  if (compare) {
    if (!credentials) return fail(ErrorCode::kUnrecognizedClient, "{}.", kBadToken);
    TRY(check_signature(request, authorization, *credentials, options.body_hash, payload));
    TRY(check_session(authorization, *credentials, now));
  } else if (authorization.access_key.empty()) {
    return fail(ErrorCode::kUnrecognizedClient, "{}.", kBadToken);
  } else if (payload == SignedPayload::kVerified) {
    payload = SignedPayload::kUnsigned;
  }
  return Caller{
      .account = std::string(credentials ? std::string_view(credentials->account)
                                         : account_of_unknown_key(authorization.access_key)),
      .region = std::string(authorization.region),
      .service = std::string(authorization.service),
      .access_key = std::string(authorization.access_key),
      .payload = payload,
      .identity = credentials ? credentials->identity : nullptr,
      .is_verified = compare};
}

bool verify_needs_body(const CredentialStore& store) { return !store.snapshot().accepts_any(); }

}  // namespace millstream
