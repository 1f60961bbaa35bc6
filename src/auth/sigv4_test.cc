#include "auth/sigv4.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "auth/canonical_request.h"
#include "auth/request_builder.h"
#include "auth/signer.h"
#include "base/text.h"

namespace millstream {
namespace {

constexpr TimeMs kNow = 1'795'570'497'250;  // 2026-11-25T01:34:57.25Z
constexpr std::string_view kBody = R"({"StreamName":"clicks"})";
const Credentials kKey{
    .access_key = "AKIAMILLSTREAM000001", .secret_key = "secret/one", .account = "111122223333"};

SigningInput kinesis_input(std::span<const std::pair<std::string, std::string>> headers,
                           std::string_view hash) {
  return {.host = "localhost:4567",
          .headers = headers,
          .payload_hash = hash,
          .region = "eu-west-1",
          .service = "kinesis"};
}

RequestBuilder signed_request(const Credentials& key = kKey, TimeMs at = kNow,
                              std::string_view service = "kinesis",
                              std::string_view body_hash_of = kBody) {
  RequestBuilder request("POST", "/", kBody);
  const std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", "Kinesis_20131202.DescribeStream"}};
  const std::string hash = payload_hash(body_hash_of);
  SigningInput input = kinesis_input(headers, hash);
  input.service = service;
  request.headers(headers).headers(sign(input, key, at));
  return request;
}

RequestBuilder presigned_request(TimeMs at, int64_t expires_s) {
  const std::string hash = payload_hash(kBody);
  RequestBuilder request(
      "POST", "/?" + presigned_query(kinesis_input({}, hash), kKey, at, expires_s), kBody);
  request.header("Host", "localhost:4567");
  return request;
}

std::string text_of(const Result<Caller>& result) {
  return result ? "accepted" : result.error().message;
}

constexpr std::string_view kMismatch =
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details.";

TEST(Verify, SaysWhoCalls) {
  const CredentialStore store({kKey});
  const auto caller = verify(signed_request().get(), store, kNow, {.service = "kinesis"});
  ASSERT_TRUE(caller.has_value()) << caller.error().message;
  EXPECT_EQ(caller->account, "111122223333");
  EXPECT_EQ(caller->region, "eu-west-1");
  EXPECT_EQ(caller->service, "kinesis");
  EXPECT_EQ(caller->access_key, kKey.access_key);
  EXPECT_EQ(caller->payload, SignedPayload::kVerified);
}

TEST(Verify, ABodyHashFromElsewhereTakesTheBodysPlace) {
  const CredentialStore store({kKey});
  const Sha256 right = sha256(kBody);
  const Sha256 wrong = sha256("something else");
  EXPECT_TRUE(verify(signed_request().get(), store, kNow, {.body_hash = &right}).has_value());
  EXPECT_EQ(text_of(verify(signed_request().get(), store, kNow, {.body_hash = &wrong})), kMismatch);
}

TEST(Verify, EveryTamperingIsRefused) {
  const CredentialStore store({kKey});
  const std::string authorization(signed_request().get().header("authorization"));
  const std::pair<std::string_view, std::function<void(RequestBuilder&)>> tamperings[] = {
      {"method", [](auto& r) { r.set_method("PUT"); }},
      {"path", [](auto& r) { r.set_target("/other"); }},
      {"query", [](auto& r) { r.set_target("/?a=b"); }},
      {"body", [](auto& r) { r.set_body(R"({"StreamName":"Clicks"})"); }},
      {"no body", [](auto& r) { r.set_body(""); }},
      {"host", [](auto& r) { r.replace("host", "localhost:4568"); }},
      {"target", [](auto& r) { r.replace("x-amz-target", "Kinesis_20131202.DeleteStream"); }},
      {"second target", [](auto& r) { r.header("x-amz-target", "Kinesis_20131202.DeleteStream"); }},
      {"content type", [](auto& r) { r.replace("content-type", "application/x-amz-cbor-1.1"); }},
      {"date", [](auto& r) { r.replace("x-amz-date", format_basic_time(kNow + 1'000)); }},
      {"header missing", [](auto& r) { r.remove("content-type"); }},
      {"last digit of the signature",
       [&](auto& r) {
         std::string changed = authorization;
         changed.back() = changed.back() == '0' ? '1' : '0';
         r.replace("authorization", changed);
       }},
      {"signature cut",
       [&](auto& r) {
         r.replace("authorization",
                   std::string_view(authorization).substr(0, authorization.size() - 1));
       }},
      {"region",
       [&](auto& r) {
         std::string changed = authorization;
         changed.replace(changed.find("eu-west-1"), 9, "us-west-1");
         r.replace("authorization", changed);
       }},
      {"service", [&](auto& r) {
         std::string changed = authorization;
         changed.replace(changed.find("kinesis/"), 8, "sts/");
         r.replace("authorization", changed);
       }}};
  for (const auto& [what, tamper] : tamperings) {
    RequestBuilder request = signed_request();
    tamper(request);
    EXPECT_EQ(text_of(verify(request.get(), store, kNow)), kMismatch) << what;
  }
}

TEST(Verify, AWrongSecretAndAnUnknownKeyAreToldApart) {
  const CredentialStore store({kKey});
  Credentials other = kKey;
  other.secret_key = "secret/two";
  const auto wrong = verify(signed_request(other).get(), store, kNow);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error(), (Error{ErrorCode::kInvalidSignature, std::string(kMismatch)}));
  other.access_key = "AKIAUNKNOWN";
  const auto unknown = verify(signed_request(other).get(), store, kNow);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error(), (Error{ErrorCode::kUnrecognizedClient,
                                    "The security token included in the request is invalid."}));
}

TEST(Verify, ClocksMayDifferByFifteenMinutesButNotASecondMore) {
  const CredentialStore store({kKey});
  const TimeMs limit = kClockSkewMs;
  EXPECT_EQ(text_of(verify(signed_request(kKey, kNow - limit).get(), store, kNow)), "accepted");
  EXPECT_EQ(text_of(verify(signed_request(kKey, kNow + limit).get(), store, kNow)), "accepted");
  EXPECT_EQ(text_of(verify(signed_request(kKey, kNow - limit - 1'000).get(), store, kNow)),
            "Signature expired: 20261125T011956Z is now earlier than 20261125T011957Z "
            "(20261125T013457Z - 15 min.)");
  EXPECT_EQ(text_of(verify(signed_request(kKey, kNow + limit + 1'000).get(), store, kNow)),
            "Signature not yet current: 20261125T014958Z is still later than 20261125T014957Z "
            "(20261125T013457Z + 15 min.)");
}

TEST(Verify, APresignedUrlHoldsAsLongAsItSays) {
  const CredentialStore store({kKey});
  EXPECT_EQ(text_of(verify(presigned_request(kNow, 60).get(), store, kNow)), "accepted");
  EXPECT_EQ(text_of(verify(presigned_request(kNow, 60).get(), store, kNow + 60'000)), "accepted");
  EXPECT_EQ(text_of(verify(presigned_request(kNow, 60).get(), store, kNow + 61'000)),
            "Signature expired: 20261125T013457Z is now earlier than 20261125T013458Z "
            "(20261125T013558Z - 1 min.)");
  EXPECT_EQ(text_of(verify(presigned_request(kNow, 604'800).get(), store, kNow + 604'000'000)),
            "accepted");
  EXPECT_EQ(text_of(verify(presigned_request(kNow, 604'801).get(), store, kNow)),
            "X-Amz-Expires must be a number of seconds from 0 to 604800, got '604801'");
}

TEST(Verify, APresignedUrlCoversItsQueryAndBody) {
  const CredentialStore store({kKey});
  RequestBuilder other_body = presigned_request(kNow, 60);
  other_body.set_body("{}");
  EXPECT_EQ(text_of(verify(other_body.get(), store, kNow)), kMismatch);
  RequestBuilder more = presigned_request(kNow, 60);
  more.set_target(std::string(more.get().target) + "&Action=Other");
  EXPECT_EQ(text_of(verify(more.get(), store, kNow)), kMismatch);
  RequestBuilder longer = presigned_request(kNow, 60);
  std::string target(longer.get().target);
  target.replace(target.find("Expires=60"), 10, "Expires=90");
  longer.set_target(target);
  EXPECT_EQ(text_of(verify(longer.get(), store, kNow)), kMismatch);
}

TEST(Verify, UnsignedPayloadIsForS3Only) {
  const CredentialStore store({kKey});
  const auto unsigned_payload = [](std::string_view service) {
    RequestBuilder request("PUT", "/bucket/key", kBody);
    const std::vector<std::pair<std::string, std::string>> headers{
        {"x-amz-content-sha256", std::string(kUnsignedPayload)}};
    SigningInput input{.method = "PUT",
                       .host = "localhost:4567",
                       .path = "/bucket/key",
                       .payload_hash = kUnsignedPayload,
                       .region = "us-east-1",
                       .service = service};
    if (service != "s3") {
      input.headers = headers;
      request.headers(headers);
    }
    request.headers(sign(input, kKey, kNow));
    return request;
  };
  const auto s3 = verify(unsigned_payload("s3").get(), store, kNow);
  ASSERT_TRUE(s3.has_value()) << s3.error().message;
  EXPECT_EQ(s3->payload, SignedPayload::kUnsigned);
  EXPECT_EQ(text_of(verify(unsigned_payload("kinesis").get(), store, kNow)), kMismatch);
}

TEST(Verify, ADeclaredHashMustBeTheBodys) {
  const CredentialStore store({kKey});
  RequestBuilder request = signed_request(kKey, kNow, "s3");
  EXPECT_EQ(text_of(verify(request.get(), store, kNow)), "accepted");
  RequestBuilder lying = signed_request(kKey, kNow, "s3", "another body");
  EXPECT_EQ(text_of(verify(lying.get(), store, kNow)), kMismatch);
}

TEST(Verify, S3PathsAreEncodedOnceOthersTwice) {
  const CredentialStore store({kKey});
  for (const std::string_view service : {"s3", "kinesis"}) {
    RequestBuilder request("GET", "/a%20b//c/../d%2Be");
    const std::string hash = payload_hash("");
    request.headers(sign({.method = "GET",
                          .host = "localhost:4567",
                          .path = "/a%20b//c/../d%2Be",
                          .payload_hash = hash,
                          .region = "us-east-1",
                          .service = service},
                         kKey, kNow));
    EXPECT_EQ(text_of(verify(request.get(), store, kNow)), "accepted") << service;
  }
  std::string canonical;
  append_canonical_request({.method = "GET", .path = "/a%20b//c/../d+e", .is_s3 = true}, canonical);
  EXPECT_TRUE(canonical.starts_with("GET\n/a%20b//c/../d%2Be\n")) << canonical;
  canonical.clear();
  append_canonical_request({.method = "GET", .path = "/a%20b//c/../d+e"}, canonical);
  EXPECT_TRUE(canonical.starts_with("GET\n/a%2520b/d%2Be\n")) << canonical;
}

TEST(Verify, SessionTokensMustMatchAndExpire) {
  Credentials temporary = kKey;
  temporary.session_token = "token-1";
  temporary.expires_at = kNow + 1'000;
  const CredentialStore store({temporary});
  EXPECT_EQ(text_of(verify(signed_request(temporary).get(), store, kNow)), "accepted");
  const auto expired = verify(signed_request(temporary).get(), store, kNow + 1'000);
  ASSERT_FALSE(expired.has_value());
  EXPECT_EQ(expired.error(), (Error{ErrorCode::kExpiredToken,
                                    "The security token included in the request is expired"}));
  Credentials wrong = temporary;
  wrong.session_token = "token-2";
  for (const Credentials& key : {kKey, wrong}) {
    const auto refused = verify(signed_request(key).get(), store, kNow);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), (Error{ErrorCode::kUnrecognizedClient,
                                      "The security token included in the request is invalid"}));
  }
  // A permanent key takes no token.
  EXPECT_FALSE(verify(signed_request(temporary).get(), CredentialStore({kKey}), kNow).has_value());
}

TEST(Verify, AnUnsignedTargetIsRefused) {
  RequestBuilder request("POST", "/", kBody);
  const std::string hash = payload_hash(kBody);
  request.headers(sign(kinesis_input({}, hash), kKey, kNow));
  request.header("X-Amz-Target", "Kinesis_20131202.DeleteStream");
  EXPECT_EQ(text_of(verify(request.get(), CredentialStore({kKey}), kNow)),
            "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
}

TEST(Verify, WhatIsMissingIsListedAsOnAws) {
  for (const bool with_keys : {false, true}) {
    const CredentialStore store(with_keys ? std::vector{kKey} : std::vector<Credentials>());
    const auto of_header = [&](std::string_view value, bool date = true) {
      RequestBuilder request("POST", "/", kBody);
      request.header("Host", "localhost").header("Authorization", value);
      if (date) request.header("X-Amz-Date", format_basic_time(kNow));
      return verify(request.get(), store, kNow);
    };
    const auto nothing = verify(RequestBuilder("POST", "/", kBody).get(), store, kNow);
    ASSERT_FALSE(nothing.has_value());
    EXPECT_EQ(nothing.error(),
              (Error{ErrorCode::kMissingAuthenticationToken, "Missing Authentication Token"}));
    const auto all = of_header("a", false);
    ASSERT_FALSE(all.has_value());
    EXPECT_EQ(all.error(),
              (Error{ErrorCode::kIncompleteSignature,
                     "Authorization header requires 'Credential' parameter. Authorization header "
                     "requires 'Signature' parameter. Authorization header requires "
                     "'SignedHeaders' parameter. Authorization header requires existence of "
                     "either a 'X-Amz-Date' or a 'Date' header. Authorization=a"}));
    for (const std::string_view separator : {" ", ",", ", "}) {
      const std::string value = fmt::format("AWS4- Signature=b{}Credential=a", separator);
      EXPECT_EQ(text_of(of_header(value)),
                "Authorization header requires 'SignedHeaders' parameter. Authorization=" + value);
    }
    const auto of_query = [&](std::string_view query, std::string_view authorization = {}) {
      RequestBuilder request("POST", fmt::format("/?{}", query), kBody);
      if (!authorization.empty()) request.header("Authorization", authorization);
      return text_of(verify(request.get(), store, kNow));
    };
    EXPECT_EQ(of_query("X-Amz-Algorithm"),
              "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string "
              "parameters must include 'X-Amz-Credential'. AWS query-string parameters must "
              "include 'X-Amz-Signature'. AWS query-string parameters must include "
              "'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. "
              "Re-examine the query-string parameters.");
    EXPECT_EQ(of_query("X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d"),
              "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the "
              "query-string parameters.");
    EXPECT_EQ(of_query("X-Amz-Credential=a&X-Amz-Signature=b"), "Missing Authentication Token");
    EXPECT_EQ(of_query("X-Amz-Algorithm", "X"),
              "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
              "header.");
  }
}

TEST(Verify, MalformedScopesAreNamedAsOnAws) {
  const CredentialStore store({kKey});
  const auto of = [&](std::string_view credential, std::string_view date = "20261125T013457Z",
                      std::string_view algorithm = "AWS4-HMAC-SHA256",
                      std::string_view signed_headers = "host") {
    RequestBuilder request("POST", "/", kBody);
    request.header("Host", "localhost").header("X-Amz-Date", date);
    request.header("Authorization", fmt::format("{} Credential={}, SignedHeaders={}, Signature=d",
                                                algorithm, credential, signed_headers));
    return text_of(verify(request.get(), store, kNow, {.service = "kinesis"}));
  };
  EXPECT_EQ(of("a/b/c/d"),
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got 'a/b/c/d'");
  EXPECT_EQ(of("a/b/C/d/e"),
            "Credential should be scoped to a valid region, not 'C'. Credential should be scoped "
            "to correct service: 'kinesis'. Credential should be scoped with a valid terminator: "
            "'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from "
            "ISO-8601 version of date from HTTP: 'b' != '20261125', from '20261125T013457Z'.");
  EXPECT_EQ(of("a/b/c/d/e", "201"),
            "Date must be in ISO-8601 'basic format'. Got '201'. See "
            "http://en.wikipedia.org/wiki/ISO_8601");
  EXPECT_EQ(of("a/b/c/d/e", "20261125T013457Z", "AWS4-HMAC-SHA25"),
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ");
  EXPECT_EQ(of("a/b/c/d/e", "20261125T013457Z", "AWS4-HMAC-SHA256", "x-amz-date"),
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

// As the JavaScript SDK signs over HTTP/2.
TEST(Verify, TheAuthorityMayBeSignedInPlaceOfTheHost) {
  const std::vector<HttpHeader> headers{{"host", "localhost:4567"},
                                        {"x-amz-date", "20261125T013457Z"},
                                        {"x-amz-target", "Kinesis_20131202.DescribeStream"}};
  const std::string hash = payload_hash(kBody);
  std::string canonical;
  append_canonical_request({.method = "POST",
                            .path = "/",
                            .headers = headers,
                            .signed_headers = ":authority;x-amz-date;x-amz-target",
                            .payload_hash = hash},
                           canonical);
  EXPECT_EQ(canonical,
            "POST\n/\n\n:authority:localhost:4567\nx-amz-date:20261125T013457Z\n"
            "x-amz-target:Kinesis_20131202.DescribeStream\n\n"
            ":authority;x-amz-date;x-amz-target\n" +
                hash);
  const std::string authorization =
      "AWS4-HMAC-SHA256 Credential=AKIAMILLSTREAM000001/20261125/eu-west-1/kinesis/aws4_request, "
      "SignedHeaders=:authority;x-amz-date;x-amz-target, Signature=" +
      signature_of(canonical, {"20261125T013457Z", "eu-west-1", "kinesis"}, kKey.secret_key);
  const CredentialStore store({kKey});
  auto verified = [&](std::string_view host) {
    RequestBuilder request("POST", "/", kBody);
    request.header("host", host).header("x-amz-date", headers[1].value);
    request.header("x-amz-target", headers[2].value).header("authorization", authorization);
    return text_of(verify(request.get(), store, kNow));
  };
  EXPECT_EQ(verified("localhost:4567"), "accepted");
  EXPECT_EQ(verified("elsewhere:4567"), kMismatch);
}

TEST(Verify, WithoutKeysAnyCredentialsAreAcceptedAtAnyTime) {
  const CredentialStore store;
  EXPECT_FALSE(verify_needs_body(store));
  Credentials key{.access_key = "test", .secret_key = "test", .session_token = "whatever"};
  auto caller = verify(signed_request(key, kNow - 86'400'000).get(), store, kNow);
  ASSERT_TRUE(caller.has_value()) << caller.error().message;
  EXPECT_EQ(caller->account, "000000000000");
  EXPECT_EQ(caller->region, "eu-west-1");
  EXPECT_EQ(caller->payload, SignedPayload::kUnsigned);
  key.access_key = "123456789012";
  EXPECT_EQ(verify(signed_request(key).get(), store, kNow)->account, "123456789012");
  key.access_key = "12345678901x";
  EXPECT_EQ(verify(signed_request(key).get(), store, kNow)->account, "000000000000");
}

TEST(Verify, WithComparingSwitchedOffConfiguredKeysStillNameTheirAccount) {
  const CredentialStore store({kKey}, /*verify=*/false);
  Credentials wrong = kKey;
  wrong.secret_key = "not it";
  EXPECT_EQ(verify(signed_request(wrong).get(), store, kNow)->account, "111122223333");
}

TEST(Verify, MidnightNeedsANewKey) {
  const CredentialStore store({kKey});
  const TimeMs midnight = *parse_basic_time("20261126T000000Z");
  for (const TimeMs at : {midnight - 1'000, midnight, midnight - 1'000, midnight + 1'000}) {
    EXPECT_EQ(text_of(verify(signed_request(kKey, at).get(), store, midnight)), "accepted");
  }
}

}  // namespace
}  // namespace millstream
