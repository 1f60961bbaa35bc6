#include "base/text.h"

#include <array>

#include <gtest/gtest.h>

#include "base/http_message.h"

namespace millstream {
namespace {

using Pieces = std::vector<std::string_view>;

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("a,,b,", ','), (Pieces{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), Pieces{""});
}

TEST(Text, TrimTakesBlanksAtBothSidesOnly) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Text, PercentEncodingKeepsTheUnreservedCharactersOfRfc3986) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b/ü+"), "a%20b%2F%C3%BC%2B");
  EXPECT_EQ(percent_encode("a b/c", Slash::kKeep), "a%20b/c");
}

TEST(Text, PercentDecodingUndoesEncodingAndRefusesBrokenEscapes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode("a+b%2b"), "a+b+");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (std::string_view bad : {"%", "%4", "a%4", "%4g", "%g4"}) EXPECT_FALSE(percent_decode(bad));
}

TEST(Text, IntegersAreParsedWhollyOrNotAtAll) {
  EXPECT_EQ(parse_integer<int>("-12"), -12);
  EXPECT_EQ(parse_integer<uint64_t>("18446744073709551615"), UINT64_MAX);
  for (std::string_view bad : {"", " 1", "1 ", "+1", "1x", "0x1", "18446744073709551616", "-1"}) {
    EXPECT_FALSE(parse_integer<uint64_t>(bad)) << bad;
  }
}

TEST(Text, TimesGoBothWays) {
  const TimeMs time = 1'763'978'400'123;  // 2025-11-24 10:00:00.123 UTC
  EXPECT_EQ(format_time(time), "2025-11-24T10:00:00.123Z");
  EXPECT_EQ(format_time(time - 123), "2025-11-24T10:00:00Z");
  EXPECT_EQ(format_basic_time(time), "20251124T100000Z");
  EXPECT_EQ(format_basic_date(time), "20251124");
  EXPECT_EQ(parse_time("2025-11-24T10:00:00.123Z"), time);
  EXPECT_EQ(parse_time("2025-11-24T10:00:00.1239999Z"), time);
  EXPECT_EQ(parse_time("2025-11-24T11:30:00.123+01:30"), time);
  EXPECT_EQ(parse_time("2025-11-24T02:00:00.123-08:00"), time);
  EXPECT_EQ(parse_basic_time("20251124T100000Z"), time - 123);
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.999Z"), -1);
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(951'782'400'000), "2000-02-29T00:00:00Z");
}

TEST(Text, WrongTimesAreRefused) {
  for (std::string_view bad :
       {"", "2025-11-24", "2025-11-24T10:00:00", "2025-02-29T10:00:00Z", "2025-13-01T10:00:00Z",
        "2025-11-24T24:00:00Z", "2025-11-24T10:60:00Z", "2025-11-24T10:00:00.Z",
        "2025-11-24T10:00:00Zx", "2025-11-24T10:00:00+0100", "20251124T100000Z"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
  }
  for (std::string_view bad :
       {"", "20251124T100000", "2025-11-24T10:00:00Z", "20251124T1000000Z", "20251324T100000Z"}) {
    EXPECT_FALSE(parse_basic_time(bad)) << bad;
  }
}

TEST(Text, TheNearestWordIsSuggestedOnlyWhenNear) {
  constexpr std::array<std::string_view, 3> kWords = {"listen", "data", "durability"};
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(nearest_word("lisen", kWords), "listen");
  EXPECT_EQ(nearest_word("dat", kWords), "data");
  EXPECT_FALSE(nearest_word("port", kWords));
}

TEST(HttpMessage, HeadersAreFoundInAnyCaseAndTheFirstCounts) {
  HttpRequest request;
  request.headers = {{"Content-Type", "a"}, {"x-amz-date", "b"}, {"X-Amz-Date", "c"}};
  EXPECT_EQ(request.header("content-type"), "a");
  EXPECT_EQ(request.header("X-AMZ-DATE"), "b");
  EXPECT_EQ(request.header("host"), "");
  EXPECT_TRUE(request.has_header("CONTENT-TYPE"));
  EXPECT_FALSE(request.has_header("content"));
  EXPECT_FALSE(equals_ignore_case("@", "`"));  // differ by the same bit as A and a
}

}  // namespace
}  // namespace millstream
