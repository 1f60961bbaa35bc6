// AWS's published test suite for signature version 4, as it stands in the tests of botocore:
// access key AKIDEXAMPLE, region us-east-1, service "service", 2015-08-30T12:36:00Z.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "auth/request_builder.h"
#include "auth/signer.h"
#include "auth/sigv4.h"
#include "base/text.h"

namespace millstream {
namespace {

constexpr std::string_view kHost = "example.amazonaws.com";
constexpr std::string_view kTime = "20150830T123600Z";
const Credentials kKey{.access_key = "AKIDEXAMPLE",
                       .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

struct Vector {
  std::string_view name;
  std::string_view method;
  std::string_view target;
  std::vector<std::pair<std::string, std::string>> headers;  // beside host and date
  std::string_view body;
  std::string_view signed_headers;
  std::string_view signature;
};

const std::string kUnreserved =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string kUnreservedQuery = "/?" + kUnreserved + "=" + kUnreserved;

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all{
      {"get-vanilla",
       "GET",
       "/",
       {},
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"post-vanilla",
       "POST",
       "/",
       {},
       "",
       "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-multiline",
       "GET",
       "/",
       {{"My-Header1", "value1\r\n  value2\r\n     value3"}},
       "",
       "host;my-header1;x-amz-date",
       "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
      {"get-header-value-order",
       "GET",
       "/",
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "host;my-header1;x-amz-date",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
       "",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-utf8",
       "GET",
       "/\xE1\x88\xB4",
       {},
       "",
       "host;x-amz-date",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/?Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-encoded",
       "GET",
       "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
       {},
       "",
       "host;x-amz-date",
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/?Param2=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-value",
       "GET",
       "/?Param1=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-unreserved",
       "GET",
       kUnreservedQuery,
       {},
       "",
       "host;x-amz-date",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/?\xE1\x88\xB4=bar",
       {},
       "",
       "host;x-amz-date",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-space",
       "GET",
       "/example space/",
       {},
       "",
       "host;x-amz-date",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-slashes",
       "GET",
       "//example//",
       {},
       "",
       "host;x-amz-date",
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"get-relative-relative",
       "GET",
       "/example1/example2/../..",
       {},
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-slash-pointless-dot",
       "GET",
       "/./example",
       {},
       "",
       "host;x-amz-date",
       "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
      {"post-header-key-sort",
       "POST",
       "/",
       {{"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-vanilla-query",
       "POST",
       "/?Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  return all;
}

TEST(AwsVectors, EveryPublishedSignatureIsAccepted) {
  const CredentialStore store({kKey});
  for (const Vector& vector : vectors()) {
    RequestBuilder request(vector.method, vector.target, vector.body);
    request.header("Host", kHost).headers(vector.headers).header("X-Amz-Date", kTime);
    request.header("Authorization",
                   fmt::format("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                               "aws4_request, SignedHeaders={}, Signature={}",
                               vector.signed_headers, vector.signature));
    const auto caller = verify(request.get(), store, *parse_basic_time(kTime));
    EXPECT_TRUE(caller.has_value()) << vector.name << ": " << caller.error().message;
  }
}

TEST(AwsVectors, TheSignerMakesThePublishedSignatures) {
  for (const Vector& vector : vectors()) {
    const RequestBuilder request(vector.method, vector.target, vector.body);
    const std::string hash = payload_hash(vector.body);
    const auto added = sign({.method = vector.method,
                             .host = kHost,
                             .path = request.get().path,
                             .query = request.get().query,
                             .headers = vector.headers,
                             .payload_hash = hash,
                             .region = "us-east-1",
                             .service = "service"},
                            kKey, *parse_basic_time(kTime));
    ASSERT_EQ(added.back().first, "authorization");
    EXPECT_TRUE(added.back().second.ends_with(fmt::format("Signature={}", vector.signature)))
        << vector.name << ": " << added.back().second;
  }
}

TEST(AwsVectors, ASessionTokenIsSigned) {
  Credentials temporary = kKey;
  temporary.session_token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
  const std::string hash = payload_hash("");
  const auto added = sign({.method = "GET",
                           .host = kHost,
                           .payload_hash = hash,
                           .region = "us-east-1",
                           .service = "service"},
                          temporary, *parse_basic_time(kTime));
  EXPECT_TRUE(added.back().second.ends_with(
      "SignedHeaders=host;x-amz-date;x-amz-security-token, "
      "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"))
      << added.back().second;
}

// The example of a presigned URL in the S3 API reference.
TEST(AwsVectors, ThePresignedUrlOfTheS3ReferenceIsMadeAndAccepted) {
  const TimeMs time = *parse_basic_time("20130524T000000Z");
  const Credentials key{.access_key = "AKIAIOSFODNN7EXAMPLE",
                        .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const std::string query = presigned_query({.method = "GET",
                                             .host = "examplebucket.s3.amazonaws.com",
                                             .path = "/test.txt",
                                             .region = "us-east-1",
                                             .service = "s3"},
                                            key, time, 86400);
  EXPECT_TRUE(query.ends_with(
      "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
      << query;
  RequestBuilder request("GET", "/test.txt?" + query);
  request.header("Host", "examplebucket.s3.amazonaws.com");
  const auto caller = verify(request.get(), CredentialStore({key}), time);
  ASSERT_TRUE(caller.has_value()) << caller.error().message;
  EXPECT_EQ(caller->payload, SignedPayload::kUnsigned);
}

}  // namespace
}  // namespace millstream
