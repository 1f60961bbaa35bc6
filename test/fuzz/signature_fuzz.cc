// libFuzzer: any text as the head and body of a signed request, with checked and with unchecked
// credentials. What our own signer signs must verify, in the header and in a presigned URL.
// The first byte picks the service; then lines as in HTTP/1.1: "GET /path?query", headers, an
// empty line, the body.
#include <deque>

#include "auth/canonical_request.h"
#include "auth/signer.h"
#include "auth/sigv4.h"
#include "fuzz/fuzz_input.h"

namespace {

using namespace millstream;

constexpr TimeMs kNow = 1'764'000'000'000;
const Credentials kKey{.access_key = "AKIAEXAMPLE",
                       .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                       .account = "111111111111"};

void set_target(HttpRequest& request, std::string_view target) {
  request.target = target;
  request.path = target.substr(0, target.find('?'));
  request.query = request.path.size() == target.size() ? std::string_view()
                                                       : target.substr(request.path.size() + 1);
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Names as HTTP/1.1 lets them through (RFC 9110, 5.6.2).
bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
  });
}

HttpRequest read_request(fuzz::FuzzInput& input) {
  HttpRequest request;
  request.method = input.until(" ");
  set_target(request, input.until("\n"));
  while (!input.ended()) {
    const std::string_view line = input.until("\n");
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) continue;
    request.headers.push_back({line.substr(0, colon), without_blanks(line.substr(colon + 1))});
  }
  request.authority = request.header("host");
  request.body = Slice::copy_of(input.rest());
  return request;
}

bool is_of_signature(const HttpHeader& header) {
  constexpr std::string_view kNames[] = {"host",
                                         "date",
                                         "x-amz-date",
                                         "authorization",
                                         "x-amz-security-token",
                                         "x-amz-content-sha256"};
  return std::ranges::any_of(
      kNames, [&](std::string_view name) { return equals_ignore_case(name, header.name); });
}

// Signs the request anew; what was signed must verify, and another body must not.
void sign_and_verify(HttpRequest request, const CredentialStore& store, std::string_view service) {
  if (request.path.empty() || request.path.front() != '/') return;
  if (request.query.contains("X-Amz-")) return;
  std::erase_if(request.headers, is_of_signature);
  std::vector<std::pair<std::string, std::string>> headers;
  for (const HttpHeader& header : request.headers) headers.emplace_back(header.name, header.value);
  const std::string hash = payload_hash(request.body.view());
  const SigningInput input{.method = request.method,
                           .host = "localhost:4567",
                           .path = request.path,
                           .query = request.query,
                           .headers = headers,
                           .payload_hash = hash,
                           .region = "eu-west-1",
                           .service = service};
  const auto added = sign(input, kKey, kNow);
  for (const auto& [name, value] : added) request.headers.push_back({name, value});
  const VerifyOptions options{.service = service};
  const auto caller = verify(request, store, kNow, options);
  MS_ASSERT(caller && caller->account == kKey.account && caller->region == "eu-west-1");

  HttpRequest changed = request;
  changed.body = Slice::copy_of(std::string(request.body.view()) + "x");
  MS_ASSERT(!verify(changed, store, kNow, options));
  MS_ASSERT(!verify(request, store, kNow + kClockSkewMs + 1'000, options));
}

void presign_and_verify(HttpRequest request, const CredentialStore& store,
                        std::string_view service) {
  if (request.path.empty() || request.path.front() != '/') return;
  if (request.query.contains("X-Amz-") || request.has_header("x-amz-target")) return;
  const std::string hash = payload_hash(request.body.view());
  const std::string query = presigned_query({.method = request.method,
                                             .host = "localhost:4567",
                                             .path = request.path,
                                             .query = request.query,
                                             .headers = {},
                                             .payload_hash = hash,
                                             .region = "eu-west-1",
                                             .service = service},
                                            kKey, kNow, 60);
  const std::string target = std::string(request.path) + "?" + query;
  set_target(request, target);
  request.headers = {{"host", "localhost:4567"}};
  const auto caller = verify(request, store, kNow, {.service = service});
  MS_ASSERT(caller && caller->region == "eu-west-1");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CredentialStore checked({kKey});
  static const CredentialStore unchecked;
  fuzz::FuzzInput input(data, size);
  const std::string_view service = input.byte() % 2 == 0 ? "kinesis" : "s3";
  const HttpRequest request = read_request(input);
  for (const CredentialStore* store : {&checked, &unchecked}) {
    (void)verify(request, *store, kNow, {.service = service});
  }
  for (const bool is_s3 : {false, true}) {
    std::string canonical;
    append_canonical_request({.method = request.method,
                              .path = request.path,
                              .query = request.query,
                              .headers = request.headers,
                              .signed_headers = request.header("x-signed"),
                              .payload_hash = "hash",
                              .is_s3 = is_s3},
                             canonical);
  }
  sign_and_verify(request, checked, service);
  presign_and_verify(request, checked, service);
  return 0;
}
