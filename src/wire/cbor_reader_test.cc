#include "wire/cbor_reader.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "wire/cbor_encode.h"

namespace millstream::wire {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// One item in diagnostic notation, RFC 8949 section 8; "bad" if there is anything else.
std::string shown(CborReader& reader, const CborItem& item) {
  std::string text;
  switch (item.type) {
    case CborType::kUnsigned:
      return std::to_string(item.number);
    case CborType::kNegative:
      return std::to_string(item.as_int64());
    case CborType::kBytes:
    case CborType::kText: {
      text = item.text;
      if (item.indefinite && !reader.chunks(item, text)) return "bad";
      const char quote = item.type == CborType::kText ? '"' : '\'';
      return quote + text + quote;
    }
    case CborType::kBoolean:
      return item.boolean ? "true" : "false";
    case CborType::kNull:
      return "null";
    case CborType::kFloat:
      return fmt::format("{}", item.real);
    default:
      break;
  }
  const bool is_map = item.type == CborType::kMap;
  for (CborElements elements(reader, item); elements.more();) {
    if (!text.empty()) text += ", ";
    for (int i = 0; i < (is_map ? 2 : 1); ++i) {
      CborItem element;
      if (!reader.next(element)) return "bad";
      text += (i == 1 ? ": " : "") + shown(reader, element);
    }
  }
  return (is_map ? "{" : "[") + text + (is_map ? "}" : "]");
}

std::string shown(std::string_view bytes) {
  CborReader reader(bytes);
  CborItem item;
  if (!reader.next(item)) return "bad";
  std::string text = shown(reader, item);
  return reader.at_end() && !text.contains("bad") ? text : "bad";
}

bool skips(std::string_view bytes) {
  CborReader reader(bytes);
  CborItem item;
  return reader.next(item) && reader.skip(item) && reader.at_end();
}

// Of RFC 8949, appendix A.
constexpr std::pair<std::string_view, std::string_view> kExamples[] = {
    {"00", "0"},
    {"17", "23"},
    {"1818", "24"},
    {"1903e8", "1000"},
    {"1a000f4240", "1000000"},
    {"1bffffffffffffffff", "18446744073709551615"},
    {"20", "-1"},
    {"3903e7", "-1000"},
    {"3bffffffffffffffff", "-9223372036854775808"},
    {"f90000", "0"},
    {"f98000", "-0"},
    {"f93c00", "1"},
    {"f93e00", "1.5"},
    {"f97bff", "65504"},
    {"f90001", "5.960464477539063e-08"},
    {"f90400", "6.103515625e-05"},
    {"f9c400", "-4"},
    {"fb3ff199999999999a", "1.1"},
    {"fa47c35000", "100000"},
    {"f97c00", "inf"},
    {"f9fc00", "-inf"},
    {"f97e00", "nan"},
    {"fb7ff0000000000000", "inf"},
    {"f4", "false"},
    {"f5", "true"},
    {"f6", "null"},
    {"f7", "null"},
    {"c11a514b67b0", "1363896240"},
    {"c1fb41d452d9ec200000", "1363896240.5"},
    {"d818456449455446", "'dIETF'"},
    {"40", "''"},
    {"60", "\"\""},
    {"6449455446", "\"IETF\""},
    {"62c3bc", "\"ü\""},
    {"80", "[]"},
    {"83010203", "[1, 2, 3]"},
    {"8301820203820405", "[1, [2, 3], [4, 5]]"},
    {"a0", "{}"},
    {"a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"},
    {"5f42010243030405ff", "'\1\2\3\4\5'"},
    {"7f657374726561646d696e67ff", "\"streaming\""},
    {"9fff", "[]"},
    {"9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"},
    {"bf61610161629f0203ffff", "{\"a\": 1, \"b\": [2, 3]}"},
    {"bf6346756ef563416d7421ff", "{\"Fun\": true, \"Amt\": -2}"},
};

TEST(CborReader, ReadsTheExamplesOfTheStandard) {
  for (const auto& [hex, text] : kExamples) {
    EXPECT_EQ(shown(from_hex(hex)), text) << hex;
    EXPECT_TRUE(skips(from_hex(hex))) << hex;
  }
}

TEST(CborReader, RefusesEveryTruncation) {
  for (const auto& [hex, text] : kExamples) {
    const std::string bytes = from_hex(hex);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(shown(bytes.substr(0, size)), "bad") << hex << " cut to " << size;
      EXPECT_FALSE(skips(bytes.substr(0, size))) << hex << " cut to " << size;
    }
  }
}

// RFC 8949, appendix F.
TEST(CborReader, RefusesWhatIsNotWellFormed) {
  for (const std::string_view hex :
       {"1c",       "1f",           "3e",           "3f",       "5c",     "7e",
        "9d",       "bc",           "df",           "dc00",     "f800",   "f818",
        "fc",       "ff",           "ffff",         "81ff",     "8200ff", "a1ff",
        "a100ff",   "bf00ff",       "9f81ff",       "c1ff",     "5f00ff", "5f6161ff",
        "7f4100ff", "5f5f4100ffff", "7f7f6100ffff", "5fc14100", "e0"}) {
    EXPECT_EQ(shown(from_hex(hex)), "bad") << hex;
    EXPECT_FALSE(skips(from_hex(hex))) << hex;
  }
}

TEST(CborReader, BelievesNoLengthWithoutItsBytes) {
  for (const std::string_view major : {"5", "7", "9", "b"}) {
    for (const std::string_view length : {"bffffffffffffffff", "b7fffffffffffffff",
                                          "b8000000000000000", "affffffff", "a00000010"}) {
      const std::string bytes = from_hex(std::string(major) + std::string(length)) + "1234567";
      EXPECT_FALSE(skips(bytes)) << major << length;
    }
  }
}

TEST(CborReader, GoesDownOnlySoFar) {
  for (const char start : {'\x9f', '\x81'}) {
    EXPECT_FALSE(skips(std::string(1'000'000, start)));
    EXPECT_FALSE(skips(std::string(kMaxCborDepth + 1, start) + "\xf6"));
  }
  EXPECT_TRUE(skips(std::string(kMaxCborDepth, '\x81') + "\xf6"));
  EXPECT_FALSE(skips(std::string(1'000'000, '\xc1')));
  EXPECT_TRUE(skips(std::string(1'000'000, '\xc1') + "\xf6"));
}

TEST(CborReader, ComesToAnEndWithAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes(random() % 24 + 1, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(skips(bytes), shown(bytes) != "bad");
  }
}

TEST(CborReader, NextStringReadsWhatNextReads) {
  for (const size_t size : {0U, 1U, 23U, 24U, 255U, 256U, 65'535U, 65'536U, 100'000U}) {
    for (const CborType type : {CborType::kText, CborType::kBytes}) {
      std::string bytes;
      if (type == CborType::kText) {
        append_cbor_text(bytes, std::string(size, 'x'));
      } else {
        append_cbor_blob(bytes, std::string(size, 'x'));
      }
      CborReader reader(bytes);
      std::string_view text;
      ASSERT_TRUE(reader.next_string(type, text)) << size;
      EXPECT_EQ(text, std::string(size, 'x'));
      EXPECT_TRUE(reader.at_end());
      // Cut anywhere, it is no string any more; of the other type, neither.
      for (const size_t left : {size_t{0}, size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
        if (left == bytes.size()) continue;
        CborReader cut(std::string_view(bytes).substr(0, left));
        EXPECT_FALSE(cut.next_string(type, text)) << size << ' ' << left;
      }
      CborReader other(bytes);
      EXPECT_FALSE(
          other.next_string(type == CborType::kText ? CborType::kBytes : CborType::kText, text));
    }
  }
  // In parts, with a tag, with a length of eight bytes: left to next().
  for (const char* hex : {"7f6161ff", "c06161", "7b000000000000000161", "80", ""}) {
    const std::string bytes = from_hex(hex);
    CborReader reader(bytes);
    std::string_view text;
    EXPECT_FALSE(reader.next_string(CborType::kText, text)) << hex;
  }
}

TEST(CborReader, NextMapReadsSmallAndOpenMaps) {
  const auto read = [](std::string_view hex, CborItem& item) {
    const std::string bytes = from_hex(hex);
    CborReader reader(bytes);
    return reader.next_map(item);
  };
  CborItem item;
  ASSERT_TRUE(read("bf", item));
  EXPECT_TRUE(item.indefinite);
  ASSERT_TRUE(read("a2", item));
  EXPECT_FALSE(item.indefinite);
  EXPECT_EQ(item.number, 2U);
  for (const char* hex : {"82", "9f", "b818", "c0a0", "60", ""}) {
    EXPECT_FALSE(read(hex, item)) << hex;
  }
}

}  // namespace
}  // namespace millstream::wire
