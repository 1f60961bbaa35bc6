#include "streams/shard_iterator.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace millstream::streams {
namespace {

constexpr TimeMs kNow = 1'421'889'722'000;  // Thu Jan 22 01:22:02 UTC 2015
constexpr IteratorScope kScope{"123456789012", "eu-west-1"};

TokenKey key_of(unsigned char fill) {
  TokenKey key;
  key.fill(fill);
  return key;
}

ShardIterator sample(std::string name = "clicks") {
  return {{"123456789012", "eu-west-1", std::move(name)}, 3, 5, (1ULL << 40) | 77, kNow};
}

TEST(ShardIterator, OpensToWhatWasSealed) {
  const std::string text = seal_iterator(key_of(1), kScope, sample()).value();
  const auto opened = open_iterator(key_of(1), kScope, text, kNow);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->stream, sample().stream);
  EXPECT_EQ(opened->generation, 3);
  EXPECT_EQ(opened->shard_index, 5u);
  EXPECT_EQ(opened->position, (1ULL << 40) | 77);
  EXPECT_EQ(opened->issued_ms, kNow);
}

TEST(ShardIterator, HasAwssFormWhateverTheName) {
  for (size_t size = 1; size <= 128; ++size) {
    const std::string text =
        seal_iterator(key_of(1), kScope, sample(std::string(size, 'n'))).value();
    EXPECT_LE(text.size(), kMaxIteratorTextSize);
    const std::string bytes = base64_decode(text).value();
    EXPECT_EQ(bytes.substr(0, 8), std::string("\0\0\0\0\0\0\0\1", 8));
    EXPECT_GE(bytes.size(), 152u);
    EXPECT_EQ((bytes.size() - 8) % 16, 0u);
  }
}

TEST(ShardIterator, NoBitCanBeChanged) {
  const std::string text = seal_iterator(key_of(1), kScope, sample()).value();
  const std::string bytes = base64_decode(text).value();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string forged = bytes;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << (bit % 8)));
    const auto opened = open_iterator(key_of(1), kScope, base64_encode(forged), kNow);
    ASSERT_FALSE(opened.has_value()) << "bit " << bit;
    ASSERT_EQ(opened.error(), (Error{ErrorCode::kInvalidArgument, "Invalid ShardIterator."}));
  }
}

TEST(ShardIterator, GarbledTextIsInvalid) {
  const std::string text = seal_iterator(key_of(1), kScope, sample()).value();
  for (const std::string& garbled :
       {std::string(), std::string("x"), std::string("AAAAAAAAAAE="), text.substr(4),
        text.substr(0, text.size() - 4), text + "AAAA", std::string(600, 'A'), " " + text}) {
    const auto opened = open_iterator(key_of(1), kScope, garbled, kNow);
    ASSERT_FALSE(opened.has_value()) << garbled;
    EXPECT_EQ(opened.error().message, "Invalid ShardIterator.");
  }
}

TEST(ShardIterator, IsBoundToKeyAccountAndRegion) {
  const std::string text = seal_iterator(key_of(1), kScope, sample()).value();
  EXPECT_FALSE(open_iterator(key_of(2), kScope, text, kNow).has_value());
  EXPECT_FALSE(open_iterator(key_of(1), {"123456789012", "eu-west-2"}, text, kNow).has_value());
  EXPECT_FALSE(open_iterator(key_of(1), {"000000000000", "eu-west-1"}, text, kNow).has_value());
}

TEST(ShardIterator, NamesAStreamOfAnotherAccount) {
  ShardIterator foreign = sample(std::string(128, 'n'));
  foreign.stream.account = "999999999999";
  foreign.stream.region = "ap-northeast-3";
  const std::string text = seal_iterator(key_of(1), kScope, foreign).value();
  EXPECT_LE(text.size(), kMaxIteratorTextSize);
  EXPECT_EQ(open_iterator(key_of(1), kScope, text, kNow)->stream, foreign.stream);
}

TEST(ShardIterator, ExpiresAfterFiveMinutes) {
  const std::string text = seal_iterator(key_of(1), kScope, sample()).value();
  EXPECT_TRUE(open_iterator(key_of(1), kScope, text, kNow + 300'000).has_value());
  const auto late = open_iterator(key_of(1), kScope, text, kNow + 300'001);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kExpiredIterator);
  EXPECT_EQ(late.error().message,
            "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 "
            "while right now it is Thu Jan 22 01:27:02 UTC 2015 which is further in the future "
            "than the tolerated delay of 300000 milliseconds.");
}

TEST(Token, OpensForItsPurposeOnly) {
  const std::string text = seal_token_text(key_of(1), "ListShards:a", "secret");
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_EQ(open_token_text(key_of(1), "ListShards:a", text), "secret");
  EXPECT_FALSE(open_token_text(key_of(1), "ListShards:b", text).has_value());
  EXPECT_FALSE(open_token_text(key_of(2), "ListShards:a", text).has_value());
  EXPECT_FALSE(open_token_text(key_of(1), "ListShards:a", "").has_value());
  EXPECT_FALSE(open_token_text(key_of(1), "ListShards:a", text.substr(4)).has_value());
}

TEST(Token, NeverRepeatsANonce) {
  EXPECT_NE(seal_token(key_of(1), "p", "same").substr(0, kTokenNonceSize),
            seal_token(key_of(1), "p", "same").substr(0, kTokenNonceSize));
}

}  // namespace
}  // namespace millstream::streams
