#include "analytics/formats/value_parser.h"

#include <cmath>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "analytics/formats/value_format.h"

namespace millstream::analytics {
namespace {

TEST(ValueParser, ReadsDoublesAsJavaDoes) {
  double value = 0;
  ASSERT_TRUE(parse_java_double("-Infinity", false, value));
  EXPECT_EQ(value, -INFINITY);
  ASSERT_TRUE(parse_java_double("NaN", false, value));
  EXPECT_TRUE(std::isnan(value));
  ASSERT_TRUE(parse_java_double("1e400", false, value));
  EXPECT_EQ(value, INFINITY);
  ASSERT_TRUE(parse_java_double("-1e-400", false, value));
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(std::signbit(value));
  ASSERT_TRUE(parse_java_double("3.4e39", true, value));
  EXPECT_EQ(value, INFINITY);
  ASSERT_TRUE(parse_java_double("16777217", true, value));
  EXPECT_EQ(value, 16777216);
  for (const char* const wrong : {"", "d", "1e", "e1", ".", "-", "1 2", "inf", "0x10", "1dd"}) {
    EXPECT_FALSE(parse_java_double(wrong, false, value)) << wrong;
  }
}

TEST(ValueParser, RoundsEveryDoubleAsStrtodDoes) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto digits = random() >> (random() % 64);
    const std::string text =
        fmt::format("{}{}.{}e{}", i % 2 == 0 ? "-" : "", digits, random() % 1'000'000,
                    static_cast<int>(random() % 60) - 30);
    NumberParts parts;
    ASSERT_TRUE(scan_json_number(text, parts));
    EXPECT_EQ(to_double(parts, false), std::strtod(text.c_str(), nullptr)) << text;
    EXPECT_EQ(to_double(parts, true), static_cast<double>(std::strtof(text.c_str(), nullptr)))
        << text;
  }
}

TEST(ValueParser, ReadsTheWholeOfAJavaLong) {
  int64_t value = 0;
  EXPECT_TRUE(parse_java_long("+9223372036854775807", value));
  EXPECT_TRUE(parse_java_long("-9223372036854775808", value));
  EXPECT_EQ(value, INT64_MIN);
  for (const char* const wrong : {"", "+", "-", "+-1", "1.0", " 1", "9223372036854775808"}) {
    EXPECT_FALSE(parse_java_long(wrong, value)) << wrong;
  }
}

TEST(ValueParser, ReadsBackEveryDateAndTimestampItWrites) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50'000; ++i) {
    // Years -5000 to 15000, far beyond what a byte-wise error would survive.
    const auto micros =
        static_cast<int64_t>(random() % 600'000'000'000'000'000) - 200'000'000'000'000'000;
    std::string text;
    append_iso_timestamp(text, micros, ' ');
    int64_t back = 0;
    ASSERT_TRUE(parse_timestamp(text, TimeSyntax::kSql, false, 6, back)) << text;
    EXPECT_EQ(back, micros) << text;
    const int64_t days = micros / 86'400'000'000;
    text.clear();
    append_iso_date(text, days);
    ASSERT_TRUE(parse_date(text, false, back)) << text;
    EXPECT_EQ(back, days) << text;
  }
}

TEST(ValueParser, CutsDigitsOfTheSecondTowardsThePast) {
  int64_t micros = 0;
  ASSERT_TRUE(parse_timestamp("1969-12-31 23:59:59.9999", TimeSyntax::kSql, false, 3, micros));
  EXPECT_EQ(micros, -1000);
  ASSERT_TRUE(parse_timestamp("1970-01-01 00:00:01.99", TimeSyntax::kSql, false, 0, micros));
  EXPECT_EQ(micros, 1'000'000);
}

TEST(ValueParser, ReadsOffsetsAndLenientForms) {
  int64_t micros = 0;
  ASSERT_TRUE(
      parse_timestamp("1970-01-01T02:00:00+02:00", TimeSyntax::kIsoWithOffset, false, 6, micros));
  EXPECT_EQ(micros, 0);
  ASSERT_TRUE(parse_timestamp("1970-1-1T0:00-00:30", TimeSyntax::kLenient, false, 6, micros));
  EXPECT_EQ(micros, 1'800'000'000);
  for (const char* const wrong :
       {"", "1970", "1970-01-01T", "1970-01-01 1", "1970-02-30", "1970-01-01 00:00:00 x",
        "1970-01-01 25:00:00", "99999999999-01-01", "1970-01-01T00:00:00+19:00"}) {
    EXPECT_FALSE(parse_timestamp(wrong, TimeSyntax::kLenient, false, 6, micros)) << wrong;
  }
}

TEST(ValueParser, LetsDaysRunOverAsJavaSqlDateDoes) {
  int64_t days = 0;
  ASSERT_TRUE(parse_date("2020-02-30", true, days));
  EXPECT_EQ(days, 18322);
  ASSERT_TRUE(parse_date("2020-1-1", true, days));
  EXPECT_EQ(days, 18262);
}

TEST(ValueParser, ReadsBase64WithBlanksBetweenGroups) {
  std::string bytes;
  ASSERT_TRUE(decode_base64_lenient("YWJj YQ==", bytes));
  EXPECT_EQ(bytes, "abca");
  EXPECT_FALSE(decode_base64_lenient("YW Jj", bytes));
  EXPECT_FALSE(decode_base64_lenient("YWJ", bytes));
}

TEST(ValueParser, ShowsPartsOfHostileValues) {
  EXPECT_EQ(excerpt("a\nb"), "a b");
  EXPECT_EQ(excerpt("a\xff"), "a?");
  EXPECT_LT(excerpt(std::string(1'000'000, 'x')).size(), 100);
}

}  // namespace
}  // namespace millstream::analytics
