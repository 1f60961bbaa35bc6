#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

constexpr auto kVarchar = TypeKind::kVarchar;

TEST(StringFunctions, JoinStrings) {
  EXPECT_EQ(shown("||", {text("a"), text("b")}), "ab");
  EXPECT_EQ(shown("||", {text("a"), null_of(kVarchar)}), "NULL");
  EXPECT_EQ(shown("CONCAT", {text("a"), text("b"), text("c")}), "abc");
  EXPECT_EQ(shown("CONCAT", {text("a"), null_of(kVarchar)}), "NULL");
  EXPECT_EQ(shown("CONCAT_WS", {text("~"), text("AA"), null_of(kVarchar), text("")}), "AA~");
  EXPECT_EQ(shown("CONCAT_WS", {null_of(kVarchar), text("AA")}), "NULL");
}

TEST(StringFunctions, ChangeTheCaseOfLetters) {
  EXPECT_EQ(shown("UPPER", {text("aZ-9 straße")}), "AZ-9 STRASSE");
  EXPECT_EQ(shown("LOWER", {text("AZÄΩ9")}), "azäω9");
  EXPECT_EQ(shown("INITCAP", {text("hELLO wORLD-a1b")}), "Hello World-A1b");
  EXPECT_EQ(kinesis("INITCAP", {text("each FIRST letter")}), "Each First Letter");
}

TEST(StringFunctions, SubstringCountsCharactersFromOne) {
  EXPECT_EQ(shown("SUBSTRING", {text("hello"), integer(2)}), "ello");
  EXPECT_EQ(shown("SUBSTRING", {text("hello"), integer(2), integer(3)}), "ell");
  EXPECT_EQ(shown("SUBSTRING", {text("hello"), integer(-3), integer(2)}), "ll");
  EXPECT_EQ(shown("SUBSTRING", {text("hello"), integer(9)}), "");
  EXPECT_EQ(shown("SUBSTRING", {text("hello"), integer(1), integer(-1)}), "NULL");
  EXPECT_EQ(shown("SUBSTRING", {text("aäöb"), integer(2), integer(2)}), "äö");
  EXPECT_EQ(shown("LEFT", {text("hello"), integer(2)}), "he");
  EXPECT_EQ(shown("RIGHT", {text("hello"), integer(2)}), "lo");
}

TEST(StringFunctions, KinesisSubstringLosesWhatLiesBeforeTheFirstCharacter) {
  EXPECT_EQ(kinesis("SUBSTRING", {text("123456789"), integer(3), integer(4)}), "3456");
  EXPECT_EQ(kinesis("SUBSTRING", {text("123456789"), integer(-1), integer(4)}), "12");
  EXPECT_EQ(kinesis("SUBSTRING", {text("123456789"), integer(17), integer(4)}), "");
}

TEST(StringFunctions, TrimTakesCharactersFromTheEnds) {
  EXPECT_EQ(shown("TRIM", {text("BOTH"), text(" "), text("  a b ")}), "a b");
  EXPECT_EQ(shown("TRIM", {text("LEADING"), text("x"), text("xxaxx")}), "axx");
  EXPECT_EQ(shown("TRIM", {text("TRAILING"), text("x"), text("xxaxx")}), "xxa");
  EXPECT_EQ(shown("LTRIM", {text("  a ")}), "a ");
  EXPECT_EQ(shown("RTRIM", {text(" a  ")}), " a");
}

TEST(StringFunctions, ReplaceRepeatReverseAndPad) {
  EXPECT_EQ(shown("REPLACE", {text("hello world"), text("world"), text("flink")}), "hello flink");
  EXPECT_EQ(shown("REPLACE", {text("ababab"), text("abab"), text("z")}), "zab");
  EXPECT_EQ(shown("REPEAT", {text("ab"), integer(3)}), "ababab");
  EXPECT_EQ(shown("REPEAT", {text("ab"), integer(0)}), "");
  EXPECT_EQ(shown("REVERSE", {text("aäb")}), "bäa");
  EXPECT_EQ(shown("LPAD", {text("hi"), integer(4), text("??")}), "??hi");
  EXPECT_EQ(shown("LPAD", {text("hi"), integer(1), text("??")}), "h");
  EXPECT_EQ(shown("RPAD", {text("hi"), integer(5), text("?!")}), "hi?!?");
  EXPECT_EQ(shown("OVERLAY", {text("xxxxxtest"), text("xxxx"), integer(6)}), "xxxxxxxxx");
  EXPECT_EQ(shown("OVERLAY", {text("xxxxxtest"), text("xxxx"), integer(6), integer(2)}),
            "xxxxxxxxxst");
}

TEST(StringFunctions, HugeResultsAreErrorsOfTheRow) {
  for (const auto* name : {"LPAD", "RPAD"}) {
    EXPECT_TRUE(shown(name, {text("a"), integer(2'000'000'000), text("b")}).starts_with("error: "));
  }
  EXPECT_TRUE(shown("REPEAT", {text("ab"), integer(2'000'000'000)}).starts_with("error: "));
}

TEST(StringFunctions, SplitIndexCountsFieldsFromZero) {
  const auto url = text("https://www.nexmark.com/aaa/bbb/ccc/item.htm?query=1");
  EXPECT_EQ(shown("SPLIT_INDEX", {url, text("/"), integer(3)}), "aaa");
  EXPECT_EQ(shown("SPLIT_INDEX", {url, text("/"), integer(5)}), "ccc");
  EXPECT_EQ(shown("SPLIT_INDEX", {url, text("/"), integer(9)}), "NULL");
  EXPECT_EQ(shown("SPLIT_INDEX", {url, text("/"), integer(-1)}), "NULL");
}

TEST(StringFunctions, FindPlacesOfStrings) {
  EXPECT_EQ(shown("POSITION", {text("b"), text("aäb")}), "3");
  EXPECT_EQ(shown("POSITION", {text("z"), text("abc")}), "0");
  EXPECT_EQ(shown("LOCATE", {text("b"), text("abcb"), integer(3)}), "4");
  EXPECT_EQ(shown("INSTR", {text("Corporate Floor"), text("or")}), "2");
  EXPECT_EQ(kinesis("POSITION", {text("findme"), text("I don't findme here")}), "9");
}

TEST(StringFunctions, CountCharacters) {
  EXPECT_EQ(shown("CHAR_LENGTH", {text("aäb")}), "3");
  EXPECT_EQ(shown("CHARACTER_LENGTH", {text("")}), "0");
  EXPECT_EQ(kinesis("CHAR_LENGTH", {null_of(kVarchar)}), "NULL");
  EXPECT_EQ(shown("ASCII", {text("abc")}), "97");
  EXPECT_EQ(shown("CHR", {integer(97)}), "a");
}

TEST(StringFunctions, LikeMatchesWholeStrings) {
  const auto like = [](const char* value, const char* pattern) {
    return shown("LIKE", {text(value), text(pattern)});
  };
  EXPECT_EQ(like("hello", "h%o"), "TRUE");
  EXPECT_EQ(like("hello", "h_llo"), "TRUE");
  EXPECT_EQ(like("häh", "h_h"), "TRUE");
  EXPECT_EQ(like("hello", "ell"), "FALSE");
  EXPECT_EQ(like("hello", "%ell%"), "TRUE");
  EXPECT_EQ(like("", "%"), "TRUE");
  EXPECT_EQ(like("", "_"), "FALSE");
  EXPECT_EQ(like("aXbYc", "%b_c%"), "TRUE");
  EXPECT_EQ(like("abbYd", "%b_d%"), "TRUE");
  EXPECT_EQ(like("abäYd", "%_ä_%"), "TRUE");
  EXPECT_EQ(like("aäY", "%_Y_%"), "FALSE");
  EXPECT_EQ(shown("LIKE", {text("50%"), text("50!%"), text("!")}), "TRUE");
  EXPECT_EQ(shown("LIKE", {text("505"), text("50!%"), text("!")}), "FALSE");
  EXPECT_EQ(shown("LIKE", {null_of(kVarchar), text("%")}), "NULL");
}

TEST(StringFunctions, LikeOfHostilePatternsIsFast) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "%a";
  EXPECT_EQ(shown("LIKE", {text(std::string(2000, 'a') + "b"), text(pattern)}), "FALSE");
}

}  // namespace
}  // namespace millstream::analytics
