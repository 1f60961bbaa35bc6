// Signs requests to AWS services and to servers like this one: for the command, the S3 client
// and tests.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credentials.h"
#include "base/bytes.h"
#include "base/env.h"

namespace millstream {

struct SigningInput {
  std::string_view method = "POST";
  std::string_view host;        // as it will be sent, with ":port" unless it is the scheme's
  std::string_view path = "/";  // as it will be sent: percent-encoded
  std::string_view query;       // as it will be sent, without '?'
  // Those that will be sent and are to be signed: "x-amz-target", "content-type", … without
  // host. Of one name in several headers each counts.
  std::span<const std::pair<std::string, std::string>> headers;
  std::string_view payload_hash;  // of payload_hash(), or UNSIGNED-PAYLOAD (S3 over TLS)
  std::string_view region;
  std::string_view service;  // "kinesis", "firehose", "s3", …
};

// SHA-256 of the body in hexadecimal; the pieces count as one.
std::string payload_hash(std::string_view body);
std::string payload_hash(std::span<const Slice> body);

// The headers to add to the request: host, x-amz-date, authorization, and as needed
// x-amz-security-token and (S3) x-amz-content-sha256. Valid for 15 minutes around `now`.
std::vector<std::pair<std::string, std::string>> sign(const SigningInput& input,
                                                      const Credentials& credentials, TimeMs now);

// The query of a presigned URL that is valid for `expires_s` seconds (at most 604800). S3: the
// payload is unsigned, whatever input.payload_hash says.
std::string presigned_query(const SigningInput& input, const Credentials& credentials, TimeMs now,
                            int64_t expires_s);

}  // namespace millstream
