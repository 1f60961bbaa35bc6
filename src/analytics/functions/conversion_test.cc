#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

TEST(ConversionFunctions, HashesHaveTheirKnownDigests) {
  EXPECT_EQ(shown("MD5", {text("hello")}), "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(shown("SHA1", {text("hello")}), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
  EXPECT_EQ(shown("SHA256", {text("hello")}),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(shown("SHA2", {text("hello"), integer(256)}), shown("SHA256", {text("hello")}));
  EXPECT_TRUE(shown("SHA2", {text("hello"), integer(1)}).starts_with("error: "));
  EXPECT_EQ(shown("MD5", {null_of(TypeKind::kVarchar)}), "NULL");
}

TEST(ConversionFunctions, Base64GoesBothWays) {
  EXPECT_EQ(shown("TO_BASE64", {text("hello world")}), "aGVsbG8gd29ybGQ=");
  EXPECT_EQ(shown("FROM_BASE64", {text("aGVsbG8gd29ybGQ=")}), "hello world");
  EXPECT_EQ(shown("FROM_BASE64", {text("aGVsbG8gd29ybGQ")}), "hello world");
  EXPECT_TRUE(shown("FROM_BASE64", {text("?")}).starts_with("error: "));
}

TEST(ConversionFunctions, DigitsOfIntegersAndBytes) {
  EXPECT_EQ(shown("BIN", {integer(4)}), "100");
  EXPECT_EQ(shown("BIN", {integer(0)}), "0");
  EXPECT_EQ(shown("HEX", {integer(20)}), "14");
  EXPECT_EQ(shown("HEX", {integer(-1)}), "FFFFFFFFFFFFFFFF");
  EXPECT_EQ(shown("HEX", {text("hello,world")}), "68656C6C6F2C776F726C64");
}

TEST(ConversionFunctions, UrlFormsGoBothWays) {
  EXPECT_EQ(shown("URL_ENCODE", {text("a b&ä=*")}), "a+b%26%C3%A4%3D*");
  EXPECT_EQ(shown("URL_DECODE", {text("a+b%26%C3%A4%3D*")}), "a b&ä=*");
  EXPECT_EQ(shown("URL_DECODE", {text("%4")}), "NULL");
}

TEST(ConversionFunctions, UuidsAreRandomOfVersionFour) {
  const std::string id = shown("UUID", {});
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(id, shown("UUID", {}));
}

TEST(ConversionFunctions, MonotonicIsItsArgument) {
  EXPECT_EQ(kinesis("MONOTONIC", {integer(7)}), "7");
}

}  // namespace
}  // namespace millstream::analytics
