#include "auth/signer.h"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>

#include "auth/canonical_request.h"
#include "base/hash.h"
#include "base/text.h"

namespace millstream {
namespace {

// What proxies and HTTP libraries add, change or drop on the way, and so is never signed.
constexpr std::string_view kNotSigned[] = {
    "authorization", "connection",        "content-length", "expect",     "keep-alive",     "te",
    "trailer",       "transfer-encoding", "upgrade",        "user-agent", "x-amzn-trace-id"};

bool is_to_be_signed(std::string_view name) {
  return std::ranges::none_of(
      kNotSigned, [name](std::string_view other) { return equals_ignore_case(name, other); });
}

std::string signed_names(std::span<const HttpHeader> headers) {
  std::vector<std::string> names;
  for (const HttpHeader& header : headers) names.push_back(to_lower(header.name));
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return fmt::format("{}", fmt::join(names, ";"));
}

std::vector<HttpHeader> headers_to_sign(const SigningInput& input) {
  std::vector<HttpHeader> headers{{"host", input.host}};
  for (const auto& [name, value] : input.headers) {
    if (is_to_be_signed(name)) headers.push_back({name, value});
  }
  return headers;
}

std::string signature_for(const SigningInput& input, std::string_view query,
                          std::span<const HttpHeader> headers, std::string_view names,
                          std::string_view hash, std::string_view time,
                          const Credentials& credentials) {
  std::string canonical;
  append_canonical_request({.method = input.method,
                            .path = input.path,
                            .query = query,
                            .headers = headers,
                            .signed_headers = names,
                            .payload_hash = hash,
                            .is_s3 = input.service == "s3"},
                           canonical);
  return signature_of(canonical, {time, input.region, input.service}, credentials.secret_key);
}

std::string scope_of(const SigningInput& input, std::string_view time) {
  return fmt::format("{}/{}/{}/{}", time.substr(0, 8), input.region, input.service,
                     kScopeTerminator);
}

}  // namespace

std::string payload_hash(std::string_view body) { return to_hex(sha256(body)); }

std::string payload_hash(std::span<const Slice> body) {
  if (body.size() == 1) return payload_hash(body.front().view());
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  Sha256 digest;
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const Slice& piece : body) {
    good = good && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  }
  good = good && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  MS_ASSERT(good);
  return to_hex(digest);
}

std::vector<std::pair<std::string, std::string>> sign(const SigningInput& input,
                                                      const Credentials& credentials, TimeMs now) {
  const std::string time = format_basic_time(now);
  std::vector<std::pair<std::string, std::string>> added{{"host", std::string(input.host)},
                                                         {"x-amz-date", time}};
  if (credentials.session_token) {
    added.emplace_back("x-amz-security-token", *credentials.session_token);
  }
  if (input.service == "s3") {
    added.emplace_back("x-amz-content-sha256", std::string(input.payload_hash));
  }
  std::vector<HttpHeader> headers = headers_to_sign(input);
  for (size_t i = 1; i < added.size(); ++i) headers.push_back({added[i].first, added[i].second});
  const std::string names = signed_names(headers);
  const std::string signature =
      signature_for(input, input.query, headers, names, input.payload_hash, time, credentials);
  added.emplace_back(
      "authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kSigningAlgorithm,
                  credentials.access_key, scope_of(input, time), names, signature));
  return added;
}

std::string presigned_query(const SigningInput& input, const Credentials& credentials, TimeMs now,
                            int64_t expires_s) {
  const std::string time = format_basic_time(now);
  const std::vector<HttpHeader> headers = headers_to_sign(input);
  const std::string names = signed_names(headers);
  const std::string scope = scope_of(input, time);
  std::string query(input.query);
  if (!query.empty()) query += '&';
  query += fmt::format(
      "X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders={"
      "}",
      kSigningAlgorithm, percent_encode(fmt::format("{}/{}", credentials.access_key, scope)), time,
      expires_s, percent_encode(names));
  if (credentials.session_token) {
    query += "&X-Amz-Security-Token=" + percent_encode(*credentials.session_token);
  }
  const std::string_view hash = input.service == "s3" ? kUnsignedPayload : input.payload_hash;
  const std::string signature =
      signature_for(input, query, headers, names, hash, time, credentials);
  return query + "&X-Amz-Signature=" + signature;
}

}  // namespace millstream
