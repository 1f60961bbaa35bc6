#include "auth/origin_rules.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "auth/request_builder.h"

namespace millstream {
namespace {

OriginSettings loopback() {
  OriginSettings settings;
  settings.listen = {"127.0.0.1:4567"};
  return settings;
}

bool passes(const OriginSettings& settings, std::string_view host, std::string_view origin = {}) {
  const auto rules = OriginRules::create(settings);
  RequestBuilder request("POST", "/");
  request.header("Host", host);
  if (!origin.empty()) request.header("Origin", origin);
  return rules->check(request.get()).has_value();
}

TEST(OriginRules, WithoutKeysOnlyNamesOfThisMachinePass) {
  for (const std::string_view host :
       {"localhost", "localhost:4567", "LOCALHOST:4567", "localhost.", "127.0.0.1:4567",
        "127.1.2.3", "[::1]:4567", "::1", "[::ffff:127.0.0.1]:80", "bucket.localhost:4567"}) {
    EXPECT_TRUE(passes(loopback(), host)) << host;
  }
  for (const std::string_view host :
       {"", "evil.example", "evil.example:4567", "localhost.evil.example", "127.0.0.1.evil.example",
        "192.168.1.7:4567", "[fe80::1]:4567", "notlocalhost", "[::1", "0.0.0.0:4567"}) {
    EXPECT_FALSE(passes(loopback(), host)) << host;
  }
}

TEST(OriginRules, ConfiguredNamesPass) {
  OriginSettings settings = loopback();
  settings.host_names = {"millstream.test"};
  EXPECT_TRUE(passes(settings, "Millstream.test:4567"));
  EXPECT_FALSE(passes(settings, "other.test:4567"));
}

TEST(OriginRules, PagesOfOtherOriginsAreKeptOut) {
  EXPECT_TRUE(passes(loopback(), "localhost:4567", "http://localhost:4567"));
  for (const std::string_view origin :
       {"http://evil.example", "null", "http://localhost:3000", "https://localhost", "file://"}) {
    EXPECT_FALSE(passes(loopback(), "localhost:4567", origin)) << origin;
  }
  OriginSettings settings = loopback();
  settings.cors_origins = {"http://localhost:3000"};
  EXPECT_TRUE(passes(settings, "localhost:4567", "http://localhost:3000"));
  EXPECT_FALSE(passes(settings, "localhost:4567", "http://localhost:3001"));
  settings.cors_origins = {"*"};
  EXPECT_TRUE(passes(settings, "localhost:4567", "http://evil.example"));
}

TEST(OriginRules, OnAnOpenAddressHostsPassButReboundPagesDoNot) {
  OriginSettings settings;
  settings.listen = {"0.0.0.0:4567"};
  settings.any_credentials_allowed = true;
  EXPECT_TRUE(passes(settings, "kinesis:4567"));
  EXPECT_FALSE(passes(settings, "evil.example:4567", "http://evil.example:4567"));
  EXPECT_TRUE(passes(settings, "localhost:4567", "http://localhost:4567"));
}

TEST(OriginRules, WithKeysEverythingPassesSinceAPageCannotSign) {
  OriginSettings settings = loopback();
  settings.has_keys = true;
  EXPECT_TRUE(passes(settings, "evil.example", "http://evil.example"));
}

TEST(OriginRules, KeysThatAreNotComparedCountAsNone) {
  OriginSettings settings = loopback();
  settings.has_keys = true;
  settings.any_credentials_allowed = true;
  EXPECT_FALSE(passes(settings, "evil.example"));
  EXPECT_FALSE(passes(settings, "localhost:4567", "http://evil.example"));
}

TEST(OriginRules, AnOpenAddressWithoutKeysIsRefusedWithTheLinesToAdd) {
  for (const std::string_view listen :
       {"0.0.0.0:4567", "[::]:4567", "10.0.0.1:80", "server.example:80"}) {
    OriginSettings settings = loopback();
    settings.listen.emplace_back(listen);
    const auto refused = OriginRules::create(settings);
    ASSERT_FALSE(refused.has_value()) << listen;
    EXPECT_TRUE(refused.error().message.contains(listen));
    EXPECT_TRUE(refused.error().message.contains("access_keys:"));
    EXPECT_TRUE(refused.error().message.contains("MILLSTREAM_AUTH=any"));

    settings.any_credentials_allowed = true;
    const auto warned = OriginRules::create(settings);
    ASSERT_TRUE(warned.has_value());
    EXPECT_TRUE(warned->warning().contains(listen));

    settings.any_credentials_allowed = false;
    settings.has_keys = true;
    const auto keyed = OriginRules::create(settings);
    ASSERT_TRUE(keyed.has_value());
    EXPECT_EQ(keyed->warning(), "");
  }
  EXPECT_EQ(OriginRules::create(loopback())->warning(), "");
}

TEST(OriginRules, CorsHeadersAreForConfiguredOriginsOnly) {
  OriginSettings settings = loopback();
  settings.cors_origins = {"https://app.example"};
  const auto rules = OriginRules::create(settings);
  RequestBuilder preflight("OPTIONS", "/");
  preflight.header("Host", "localhost").header("Origin", "https://app.example");
  EXPECT_FALSE(OriginRules::is_preflight(preflight.get()));
  preflight.header("Access-Control-Request-Method", "POST");
  preflight.header("Access-Control-Request-Headers", "x-amz-target");
  EXPECT_TRUE(OriginRules::is_preflight(preflight.get()));
  const std::vector<std::pair<std::string, std::string>> expected{
      {"access-control-allow-origin", "https://app.example"},
      {"vary", "origin"},
      {"access-control-allow-methods", "POST"},
      {"access-control-allow-headers", "x-amz-target"},
      {"access-control-max-age", "172800"}};
  EXPECT_EQ(rules->cors_headers(preflight.get()), expected);
  preflight.replace("origin", "https://other.example");
  EXPECT_TRUE(rules->cors_headers(preflight.get()).empty());
  RequestBuilder call("POST", "/");
  call.header("Origin", "https://app.example");
  EXPECT_EQ(rules->cors_headers(call.get()).size(), 3U);
}

}  // namespace
}  // namespace millstream
