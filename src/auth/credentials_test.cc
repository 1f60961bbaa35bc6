#include "auth/credentials.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "auth/canonical_request.h"

namespace millstream {
namespace {

const Credentials kKey{.access_key = "AKIAMILLSTREAM000001", .secret_key = "secret/one"};

TEST(CredentialStore, ReplacedKeysCountAtOnceOnEveryThread) {
  CredentialStore store({kKey});
  ASSERT_NE(store.snapshot().find(kKey.access_key), nullptr);
  Credentials next = kKey;
  next.access_key = "AKIANEXT";
  store.replace({next});
  const auto check = [&store] {
    EXPECT_EQ(store.snapshot().find("AKIAMILLSTREAM000001"), nullptr);
    EXPECT_NE(store.snapshot().find("AKIANEXT"), nullptr);
  };
  check();
  std::jthread(check).join();
  // Another store on the same thread does not see this one's keys.
  EXPECT_TRUE(CredentialStore().snapshot().accepts_any());
  check();
}

TEST(CredentialStore, SnapshotsOfOtherThreadsAreSafeWhileKeysChange) {
  CredentialStore store({kKey});
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&store](const std::stop_token& stop) {
      while (!stop.stop_requested()) EXPECT_EQ(store.snapshot().size(), 1U);
    });
  }
  for (int i = 0; i < 1'000; ++i) {
    Credentials key = kKey;
    key.access_key = fmt::format("AKIA{}", i);
    store.replace({key});
  }
}

TEST(SigningKey, TheCacheKeepsSecretsDaysRegionsAndServicesApart) {
  const auto key = [](std::string_view secret, std::string_view day, std::string_view region,
                      std::string_view service) {
    return to_hex(signing_key(secret, day, region, service));
  };
  // The example of a derived key in AWS's documentation.
  const auto documented = [&key] {
    return key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam");
  };
  constexpr std::string_view kDocumented =
      "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
  EXPECT_EQ(documented(), kDocumented);
  std::vector<std::string> seen;
  for (const std::string_view secret : {"a", "b"}) {
    for (const std::string_view day : {"20261124", "20261125", "20261126"}) {
      for (const std::string_view region : {"us-east-1", "eu-west-1"}) {
        for (const std::string_view service : {"kinesis", "firehose"}) {
          seen.push_back(key(secret, day, region, service));  // more than the cache holds
        }
      }
    }
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_EQ(documented(), kDocumented);
  EXPECT_EQ(documented(), kDocumented);
}

}  // namespace
}  // namespace millstream
