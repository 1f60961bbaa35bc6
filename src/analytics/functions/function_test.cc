#include "analytics/functions/function.h"

#include <set>

#include <gmock/gmock.h>

#include "analytics/functions/functions_page.h"
#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;
using testing::HasSubstr;

std::string unknown(std::string_view name, Dialect dialect) {
  const auto call = resolve_function(name, dialect, {});
  return call ? "resolved" : call.error().message;
}

TEST(Functions, EveryOneIsEitherComputedOrShortForAnExpression) {
  for (const auto dialect : {Dialect::kFlink, Dialect::kKinesis}) {
    for (const Function* function : functions_of(dialect)) {
      EXPECT_NE(function->resolve, nullptr) << function->name;
      EXPECT_NE(function->kernel == nullptr, function->lower == nullptr) << function->name;
      EXPECT_FALSE(function->signature.empty()) << function->name;
    }
  }
}

TEST(Functions, UnknownNamesAreToldWithTheNearest) {
  EXPECT_THAT(unknown("UPER", Dialect::kFlink), HasSubstr("UPPER"));
  EXPECT_THAT(unknown("JSON_OBJECT", Dialect::kFlink), HasSubstr("not yet supported"));
  EXPECT_THAT(unknown("W3C_LOG_PARSE", Dialect::kKinesis), HasSubstr("not yet supported"));
}

TEST(Functions, DialectsHaveFunctionsOfTheirOwn) {
  EXPECT_THAT(unknown("STEP", Dialect::kFlink), HasSubstr("there is no function STEP"));
  EXPECT_THAT(unknown("DATE_FORMAT", Dialect::kKinesis), HasSubstr("there is no function"));
}

TEST(Functions, WrongArgumentsAreToldWithTheSignature) {
  EXPECT_THAT(call_error("UPPER", {text("a"), text("b")}), HasSubstr("UPPER(string)"));
  EXPECT_THAT(call_error("ABS", {text("a")}), HasSubstr("ABS(number)"));
}

TEST(Functions, ThePageNamesEachOnce) {
  const std::string page = functions_markdown(Dialect::kFlink);
  const std::string row = "| `UPPER(string)` |";
  const size_t at = page.find(row);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(page.find(row, at + 1), std::string::npos);
  EXPECT_EQ(page.find("STEP("), std::string::npos);
}

TEST(Functions, ThePageHasBothDialectsAndTheirAggregates) {
  const std::string page = functions_page();
  const size_t flink = page.find("## Flink SQL: aggregates");
  ASSERT_NE(flink, std::string::npos);
  EXPECT_LT(page.find("| STEP |"), flink);
  EXPECT_NE(page.find("| COUNT |"), std::string::npos);
  EXPECT_NE(page.find("| DATE_FORMAT |", flink), std::string::npos);
}

// The functions that the documentation's examples and Nexmark's queries use.
TEST(Functions, TheExamplesNamesExist) {
  const auto names = [](Dialect dialect) {
    std::set<std::string_view> result;
    for (const Function* function : functions_of(dialect)) result.insert(function->name);
    return result;
  };
  const auto flink = names(Dialect::kFlink);
  for (const auto* name : {"DATE_FORMAT", "LOWER", "HOUR", "SPLIT_INDEX", "REGEXP_EXTRACT", "MOD",
                           "FLOOR", "EXTRACT", "UNIX_TIMESTAMP", "REGEXP_REPLACE", "TO_TIMESTAMP",
                           "COALESCE", "IF", "JSON_VALUE", "CURRENT_TIMESTAMP", "MD5"}) {
    EXPECT_TRUE(flink.contains(name)) << name;
  }
  const auto kinesis = names(Dialect::kKinesis);
  for (const auto* name : {"STEP", "FLOOR", "ABS", "SUBSTRING", "POSITION", "REGEX_REPLACE",
                           "TIMESTAMP_TO_CHAR", "CHAR_TO_TIMESTAMP", "UNIX_TIMESTAMP", "TSDIFF",
                           "MONOTONIC", "TO_TIMESTAMP", "NULLIF", "INITCAP", "OVERLAY"}) {
    EXPECT_TRUE(kinesis.contains(name)) << name;
  }
}

TEST(Conditional, ChooseAmongValues) {
  EXPECT_EQ(shown("IF", {truth(true), integer(1), integer(2)}), "1");
  EXPECT_EQ(shown("IF", {null_of(TypeKind::kBoolean), integer(1), integer(2)}), "2");
  EXPECT_EQ(shown("COALESCE", {null_of(TypeKind::kInteger), integer(5)}), "5");
  EXPECT_EQ(shown("IFNULL", {null_of(TypeKind::kInteger), integer(5)}), "5");
  EXPECT_EQ(shown("NULLIF", {integer(5), integer(5)}), "NULL");
  EXPECT_EQ(shown("NULLIF", {integer(5), integer(0)}), "5");
  EXPECT_EQ(kinesis("DECODE", {integer(2), integer(1), text("a"), integer(2), text("b")}), "b");
  EXPECT_EQ(kinesis("DECODE", {integer(3), integer(1), text("a")}), "NULL");
}

TEST(Comparison, FollowsThreeValuedLogic) {
  const auto null = null_of(TypeKind::kInteger);
  EXPECT_EQ(shown("=", {integer(1), null}), "NULL");
  EXPECT_EQ(shown("IS DISTINCT FROM", {integer(1), null}), "TRUE");
  EXPECT_EQ(shown("IS NOT DISTINCT FROM", {null, null}), "TRUE");
  EXPECT_EQ(shown("IN", {integer(2), integer(1), integer(2)}), "TRUE");
  EXPECT_EQ(shown("IN", {integer(3), integer(1), null}), "NULL");
  EXPECT_EQ(shown("<", {number("1.5"), integer(2)}), "TRUE");
  EXPECT_EQ(shown("=", {text("a"), text("A")}), "FALSE");
}

TEST(Casts, NumbersAndTextsAsFlinkWritesThem) {
  EXPECT_EQ(cast_text(real(1e10), varchar_type()), "1.0E10");
  EXPECT_EQ(cast_text(real(0.1), varchar_type()), "0.1");
  EXPECT_EQ(cast_text(truth(true), varchar_type()), "TRUE");
  EXPECT_EQ(cast_text(text(" 42 "), make_type(TypeKind::kInteger)), "42");
  EXPECT_TRUE(cast_text(text("x"), make_type(TypeKind::kInteger)).starts_with("error: "));
  EXPECT_EQ(cast_text(text("x"), make_type(TypeKind::kInteger), Dialect::kFlink, true), "NULL");
  EXPECT_EQ(cast_text(real(1e20), make_type(TypeKind::kInteger)), "2147483647");
  EXPECT_EQ(cast_text(integer(300), make_type(TypeKind::kTinyint)), "44");
  EXPECT_EQ(cast_text(timestamp("2020-01-01 00:00:00"), varchar_type()), "2020-01-01 00:00:00.000");
  EXPECT_EQ(cast_text(number("2.5"), make_type(TypeKind::kInteger)), "2");
  EXPECT_EQ(cast_text(text("abcdef"), varchar_type(3)), "abc");
}

}  // namespace
}  // namespace millstream::analytics
