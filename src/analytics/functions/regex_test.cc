#include <gmock/gmock.h>

#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;

TEST(RegexFunctions, FindAMatchAnywhere) {
  EXPECT_EQ(shown("REGEXP", {text("foobar"), text("o+b")}), "TRUE");
  EXPECT_EQ(shown("REGEXP", {text("foobar"), text("^bar")}), "FALSE");
  EXPECT_EQ(shown("REGEXP", {null_of(TypeKind::kVarchar), text("a")}), "NULL");
}

TEST(RegexFunctions, ExtractAGroup) {
  EXPECT_EQ(shown("REGEXP_EXTRACT", {text("foothebar"), text("foo(.*?)(bar)"), integer(2)}), "bar");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {text("foothebar"), text("foo(.*?)(bar)")}), "foothebar");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {text("foothebar"), text("zzz"), integer(0)}), "NULL");
  // Nexmark's query 21.
  EXPECT_EQ(shown("REGEXP_EXTRACT", {text("https://x/item?a=1&channel_id=1234&b=2"),
                                     text("(&|^)channel_id=([^&]*)"), integer(2)}),
            "1234");
}

TEST(RegexFunctions, ReplaceAllMatches) {
  EXPECT_EQ(shown("REGEXP_REPLACE", {text("foobar"), text("oo|ar"), text("")}), "fb");
  // Flink takes the replacement as it is.
  EXPECT_EQ(shown("REGEXP_REPLACE", {text("ab"), text("(a)(b)"), text("$2$1")}), "$2$1");
  EXPECT_EQ(shown("REGEXP_REPLACE", {text("abc"), text("z"), text("y")}), "abc");
}

TEST(RegexFunctions, SimilarToMatchesTheWholeText) {
  EXPECT_EQ(shown("SIMILAR TO", {text("abc"), text("(a|b)%c")}), "TRUE");
  EXPECT_EQ(shown("SIMILAR TO", {text("abcd"), text("(a|b)%c")}), "FALSE");
  EXPECT_EQ(shown("SIMILAR TO", {text("a.c"), text("a.c")}), "TRUE");
  EXPECT_EQ(shown("SIMILAR TO", {text("abc"), text("a.c")}), "FALSE");
  EXPECT_EQ(shown("SIMILAR TO", {text("aab"), text("a+b")}), "TRUE");
}

TEST(RegexFunctions, RefuseByNameWhatRe2Lacks) {
  const auto error = [](const char* pattern) {
    return call_error("REGEXP", {text("a"), text(pattern)});
  };
  EXPECT_THAT(error("a(?=b)"), HasSubstr("not yet supported"));
  EXPECT_THAT(error("(?<!a)b"), HasSubstr("not yet supported"));
  EXPECT_THAT(error("(a)\\1"), HasSubstr("not yet supported"));
  EXPECT_THAT(error("a++"), HasSubstr("not yet supported"));
  EXPECT_NE(error("a("), "");
  EXPECT_EQ(error("a(?:b)[c-e]\\d*"), "");
}

TEST(RegexFunctions, HostilePatternsStayLinear) {
  EXPECT_EQ(shown("REGEXP", {text(std::string(20'000, 'a')), text("^(a+)+$|(a*)*b")}), "TRUE");
  EXPECT_NE(call_error("REGEXP", {text("a"), text("((a{1,100}){1,100}){1,100}")}), "");
}

}  // namespace
}  // namespace millstream::analytics
