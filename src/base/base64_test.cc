#include "base/base64.h"

#include <random>

#include <gtest/gtest.h>

namespace millstream {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string slow_encode(std::string_view bytes) {
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kAlphabet[bits << (6 - count) & 63];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string random_bytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_decode("Zm9vYg=="), "foob");
  EXPECT_EQ(base64_decode(""), "");
}

TEST(Base64, EveryLengthEncodesAsTheReferenceDoesAndComesBack) {
  std::mt19937_64 random(1);
  for (size_t length = 0; length <= 1000; ++length) {
    const std::string bytes = random_bytes(random, length);
    const std::string text = base64_encode(bytes);
    ASSERT_EQ(text, slow_encode(bytes)) << "length " << length;
    ASSERT_EQ(base64_decode(text), bytes) << "length " << length;
  }
}

TEST(Base64, WritesNoMoreThanThePromisedRoom) {
  std::mt19937_64 random(2);
  for (size_t length = 0; length <= 300; ++length) {
    const std::string bytes = random_bytes(random, length);
    std::string text(base64_encoded_size(length) + 32 + 16, '#');
    const size_t size = base64_encode(bytes, text.data());
    ASSERT_EQ(size, base64_encoded_size(length));
    ASSERT_EQ(text.substr(size + 32), std::string(16, '#')) << "encode, length " << length;
    text.resize(size);
    std::string back(base64_decoded_bound(size) + 32 + 16, '#');
    ASSERT_EQ(base64_decode(text, back.data()), length);
    ASSERT_EQ(back.substr(base64_decoded_bound(size) + 32), std::string(16, '#'));
  }
}

TEST(Base64, AWrongCharacterIsRefusedAtEveryPosition) {
  std::mt19937_64 random(3);
  for (size_t length : {3u, 12u, 24u, 36u, 48u, 99u}) {
    const std::string good = base64_encode(random_bytes(random, length));
    for (size_t position = 0; position < good.size(); ++position) {
      for (int value = 0; value < 256; ++value) {
        const auto c = static_cast<char>(value);
        if (kAlphabet.find(c) != std::string_view::npos) continue;
        if (c == '=' && position + 1 == good.size()) continue;  // that is padding
        std::string bad = good;
        bad[position] = c;
        ASSERT_FALSE(base64_decode(bad)) << "byte " << value << " at " << position;
      }
    }
  }
}

TEST(Base64, WrongPaddingIsRefused) {
  for (std::string_view text : {"Z", "Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zm8=Zm9v",
                                "Zg=v", "Zm9vYg==\n", "Zm9v YmFy"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

}  // namespace
}  // namespace millstream
