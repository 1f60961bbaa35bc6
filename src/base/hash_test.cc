#include "base/hash.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millstream {
namespace {

std::string random_bytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Hash, Sha256MatchesTheVectorsOfFips180) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, HmacSha256MatchesTheVectorsOfRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'),
                               "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, Md5MatchesTheVectorsOfRfc1321) {
  EXPECT_EQ(to_hex(md5("")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(to_hex(md5("message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(to_hex(md5("12345678901234567890123456789012345678901234567890123456789012345678901234"
                       "567890")),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Hash, ManyMd5sAreThoseOfEachInputAtEveryLength) {
  std::mt19937_64 random(1);
  for (size_t count = 0; count <= 40; ++count) {
    std::vector<std::string> inputs;
    for (size_t i = 0; i < count; ++i) inputs.push_back(random_bytes(random, random() % 301));
    std::vector<std::string_view> views(inputs.begin(), inputs.end());
    std::vector<Md5> digests(count);
    md5_many(views, digests);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(digests[i], md5(inputs[i])) << "length " << inputs[i].size();
    }
  }
  for (size_t length = 0; length <= 300; ++length) {
    const std::string input = random_bytes(random, length);
    const std::vector<std::string_view> views(9, input);
    std::vector<Md5> digests(views.size());
    md5_many(views, digests);
    for (const Md5& digest : digests) ASSERT_EQ(digest, md5(input)) << "length " << length;
  }
}

// Bit by bit, from the definition of the polynomial.
uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(Hash, Crc32cMatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Hash, Crc32cIsRightAtEveryLengthAndWherePartsAreJoined) {
  std::mt19937_64 random(2);
  for (size_t length : {0u, 1u, 7u, 8u, 9u, 255u, 256u, 767u, 768u, 769u, 1535u, 12287u, 12288u,
                        12289u, 13056u, 25000u, 40001u}) {
    const std::string bytes = random_bytes(random, length);
    ASSERT_EQ(crc32c(bytes), slow_crc32c(bytes)) << "length " << length;
    const size_t middle = length == 0 ? 0 : random() % length;
    const std::string_view view = bytes;
    ASSERT_EQ(crc32c(view.substr(middle), crc32c(view.substr(0, middle))), crc32c(bytes));
  }
}

TEST(Hash, ConstantTimeComparisonIsAComparison) {
  EXPECT_TRUE(equals_constant_time("", ""));
  EXPECT_TRUE(equals_constant_time("abc", "abc"));
  EXPECT_FALSE(equals_constant_time("abc", "abd"));
  EXPECT_FALSE(equals_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace millstream
