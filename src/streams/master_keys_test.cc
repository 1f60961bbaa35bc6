#include "streams/master_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::streams {
namespace {

const KeyUser kUser{"111111111111", "eu-west-1"};
constexpr std::string_view kContext = "data key 7 of stream 3";

SecretKey secret_of(unsigned char fill) {
  SecretKey secret;
  secret.bytes.fill(fill);
  return secret;
}

class MasterKeysTest : public testing::Test {
 protected:
  MasterKeysTest() : key_(new_master_key({"alias/orders", "alias/more"}, 0)) {
    masters_.replace({key_});
  }
  ErrorCode resolve_error(std::string_view key_id) {
    return masters_.resolve(key_id, kUser).error().code;
  }

  MasterKey key_;
  MasterKeys masters_;
};

TEST_F(MasterKeysTest, FindsAKeyByEachOfItsNames) {
  const MasterKeyRef ref{key_.id, 1};
  for (const std::string& name : {key_.id, std::string("alias/orders"), std::string("alias/more"),
                                  "arn:aws:kms:eu-west-1:111111111111:key/" + key_.id,
                                  std::string("arn:aws:kms:eu-west-1:111111111111:alias/orders")}) {
    EXPECT_EQ(masters_.resolve(name, kUser).value(), ref) << name;
  }
}

TEST_F(MasterKeysTest, RefusesOtherNamesAsKmsDoes) {
  const auto missing = masters_.resolve("alias/none", kUser);
  EXPECT_EQ(missing.error().code, ErrorCode::kKeyNotFound);
  EXPECT_EQ(missing.error().message,
            "Alias arn:aws:kms:eu-west-1:111111111111:alias/none is not found.");
  const auto no_key = masters_.resolve("00000000-0000-4000-8000-000000000000", kUser);
  EXPECT_EQ(no_key.error().message,
            "Key 'arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-4000-8000-000000000000' "
            "does not exist");
  EXPECT_EQ(masters_.resolve("arn:aws:kms:us-east-1:111111111111:alias/orders", kUser).error(),
            (Error{ErrorCode::kKeyNotFound, "Invalid arn us-east-1"}));
  EXPECT_EQ(resolve_error("arn:aws:kms:eu-west-1:222222222222:alias/orders"),
            ErrorCode::kKeyNotFound);
  EXPECT_EQ(resolve_error("arn:aws:s3:::bucket"), ErrorCode::kKeyNotFound);
  EXPECT_EQ(resolve_error("orders"), ErrorCode::kKeyNotFound);
}

TEST_F(MasterKeysTest, KeepsTheKeysOfAnAccountToIt) {
  key_.account = "222222222222";
  masters_.replace({key_});
  EXPECT_EQ(resolve_error("alias/orders"), ErrorCode::kKeyAccessDenied);
  EXPECT_TRUE(masters_.resolve("alias/orders", {"222222222222", "eu-west-1"}));
}

TEST_F(MasterKeysTest, ADisabledKeyNeitherWrapsNorUnwraps) {
  const MasterKeyRef ref{key_.id, 1};
  const Blob wrapped = masters_.wrap(ref, secret_of(9), kContext, kUser).value();
  key_.enabled = false;
  masters_.replace({key_});
  EXPECT_EQ(resolve_error("alias/orders"), ErrorCode::kKeyDisabled);
  EXPECT_EQ(masters_.unwrap(ref, wrapped, kContext, kUser).error().code, ErrorCode::kKeyDisabled);
  key_.enabled = true;
  masters_.replace({key_});
  EXPECT_EQ(masters_.unwrap(ref, wrapped, kContext, kUser)->bytes, secret_of(9).bytes);
}

TEST_F(MasterKeysTest, TheNewestVersionWrapsAndAllUnwrap) {
  const Blob old = masters_.wrap({key_.id, 1}, secret_of(1), kContext, kUser).value();
  rotate(key_, 5);
  masters_.replace({key_});
  const MasterKeyRef newest = masters_.resolve("alias/orders", kUser).value();
  EXPECT_EQ(newest, (MasterKeyRef{key_.id, 2}));
  const Blob fresh = masters_.wrap(newest, secret_of(2), kContext, kUser).value();
  EXPECT_EQ(masters_.unwrap({key_.id, 1}, old, kContext, kUser)->bytes, secret_of(1).bytes);
  EXPECT_EQ(masters_.unwrap(newest, fresh, kContext, kUser)->bytes, secret_of(2).bytes);
  // One under the name of the other.
  EXPECT_EQ(masters_.unwrap({key_.id, 1}, fresh, kContext, kUser).error().code,
            ErrorCode::kKeyInvalidState);
  key_.versions.erase(key_.versions.begin());
  masters_.replace({key_});
  EXPECT_EQ(masters_.unwrap({key_.id, 1}, old, kContext, kUser).error().code,
            ErrorCode::kKeyInvalidState);
}

TEST_F(MasterKeysTest, WhatItWrappedIsBoundToItsContext) {
  const MasterKeyRef ref{key_.id, 1};
  const Blob wrapped = masters_.wrap(ref, secret_of(1), kContext, kUser).value();
  EXPECT_FALSE(masters_.unwrap(ref, wrapped, "data key 7 of stream 4", kUser));
  for (size_t at = 0; at < wrapped.size(); ++at) {
    Blob changed = wrapped;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(masters_.unwrap(ref, changed, kContext, kUser)) << at;
  }
  Blob cut = wrapped;
  cut.pop_back();
  EXPECT_FALSE(masters_.unwrap(ref, cut, kContext, kUser));
  EXPECT_NE(masters_.wrap(ref, secret_of(1), kContext, kUser).value(), wrapped);
}

TEST(MasterKeys, MakesTheDefaultKeyOnceAndOnlyWithoutAnyOther) {
  int made = 0;
  MasterKeys masters({}, [&made]() -> Result<std::vector<MasterKey>> {
    ++made;
    return std::vector{new_master_key({std::string(kDefaultKeyAlias)}, 0)};
  });
  EXPECT_FALSE(masters.lacks_default("alias/orders"));
  EXPECT_TRUE(masters.lacks_default("arn:aws:kms:eu-west-1:111111111111:alias/aws/kinesis"));
  EXPECT_TRUE(masters.make_default());
  EXPECT_TRUE(masters.make_default());
  EXPECT_EQ(made, 1);
  EXPECT_FALSE(masters.lacks_default(kDefaultKeyAlias));
  EXPECT_TRUE(masters.resolve(kDefaultKeyAlias, kUser));
}

}  // namespace
}  // namespace millstream::streams
