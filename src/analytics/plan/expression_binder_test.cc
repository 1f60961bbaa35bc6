// Expressions of both dialects: what is bound, of which type, and what is refused.
#include "analytics/plan/expression_binder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Schema columns_of_test() {
  Type not_null = make_type(TypeKind::kBigint, false);
  Type rowtime = timestamp_type(3, TimeAttribute::kRowtime);
  return {{"a", make_type(TypeKind::kInteger)},
          {"b", not_null},
          {"c", varchar_type()},
          {"d", make_type(TypeKind::kDouble)},
          {"t", rowtime},
          {"r.x", make_type(TypeKind::kInteger)},
          {"r.y", varchar_type()}};
}

// "text: TYPE" of the expression, or the error.
std::string bound(std::string_view expression, sql::Dialect dialect = sql::Dialect::kFlink) {
  const std::string script = fmt::format("SELECT {}", expression);
  const auto statements = sql::parse_script(script, dialect);
  if (!statements) return statements.error().message;
  const auto& query = *std::get<sql::QueryPtr>((*statements)[0].body);
  const Schema schema = columns_of_test();
  std::vector<ScopeColumn> columns;
  for (const Field& field : schema) columns.push_back({.table = "s", .name = field.name});
  const NameRules rules{.script = script, .dialect = dialect};
  ExpressionBinder binder(rules, columns, schema);
  binder.set_place("in a test");
  const auto result = binder.bind(*query.select->items[0].expression);
  if (!result) return result.error().message;
  return fmt::format("{}: {}", expression_text(**result, schema), type_text((*result)->type));
}
std::string kinesis(std::string_view expression) {
  return bound(expression, sql::Dialect::kKinesis);
}

TEST(ExpressionBinder, LiteralsHaveTheTypesOfTheStandard) {
  EXPECT_EQ(bound("1"), "1: INT NOT NULL");
  EXPECT_EQ(bound("-2147483648"), "-2147483648: BIGINT NOT NULL");
  EXPECT_EQ(bound("3000000000"), "3000000000: BIGINT NOT NULL");
  EXPECT_EQ(bound("1.50"), "1.50: DECIMAL(3, 2) NOT NULL");
  EXPECT_EQ(bound("0.05"), "0.05: DECIMAL(2, 2) NOT NULL");
  EXPECT_EQ(bound("12345678901234567890"), "12345678901234567890: DECIMAL(20, 0) NOT NULL");
  EXPECT_EQ(bound("1e3"), "1000: DOUBLE NOT NULL");
  EXPECT_EQ(bound("'äh'"), "'äh': CHAR(2) NOT NULL");
  EXPECT_EQ(bound("NULL"), "NULL: NULL");
  EXPECT_EQ(bound("UNKNOWN"), "NULL: BOOLEAN");
  EXPECT_EQ(bound("TRUE"), "TRUE: BOOLEAN NOT NULL");
  EXPECT_EQ(bound("DATE '2020-02-29'"), "DATE '2020-02-29': DATE NOT NULL");
  EXPECT_EQ(bound("TIMESTAMP '2020-01-02 03:04:05.12'"),
            "TIMESTAMP '2020-01-02 03:04:05.120': TIMESTAMP(2) NOT NULL");
  EXPECT_THAT(kinesis("TIMESTAMP '2020-01-02 03:04:05'"), HasSubstr("TIMESTAMP(3) NOT NULL"));
}

TEST(ExpressionBinder, LiteralsThatAreNoneAreRefusedAtTheirPlace) {
  EXPECT_THAT(bound("DATE '2020-02-30'"),
              StartsWith("line 1, column 8: Illegal DATE literal '2020-02-30'"));
  EXPECT_THAT(bound("TIMESTAMP 'noon'"), HasSubstr("Illegal TIMESTAMP literal 'noon'"));
  EXPECT_THAT(bound("1e999"), HasSubstr("out of range"));
  EXPECT_THAT(bound("1234567890123456789012345678901234567890"), HasSubstr("more than 38 digits"));
  EXPECT_THAT(bound("INTERVAL 'x' DAY"),
              HasSubstr("Illegal interval literal format 'x' for INTERVAL DAY"));
  EXPECT_THAT(bound("INTERVAL '1:60' HOUR TO MINUTE"), HasSubstr("HOUR TO MINUTE"));
}

TEST(ExpressionBinder, IntervalsOfSeveralUnitsAddUp) {
  EXPECT_THAT(bound("INTERVAL '1' DAY"), HasSubstr("86400"));
  EXPECT_EQ(bound("INTERVAL '1 02:03:04.5' DAY TO SECOND"), bound("INTERVAL '93784.500' SECOND"));
  EXPECT_EQ(bound("INTERVAL '1-2' YEAR TO MONTH"), bound("INTERVAL '14' MONTH"));
  EXPECT_EQ(bound("INTERVAL -'90' SECOND"), bound("INTERVAL '-1:30' MINUTE TO SECOND"));
}

TEST(ExpressionBinder, NamesMeanColumnsLeavesAndNothingElse) {
  EXPECT_EQ(bound("s.a"), "a: INT");
  EXPECT_EQ(bound("r.x"), "r.x: INT");
  EXPECT_EQ(bound("s.r.x"), "r.x: INT");
  EXPECT_EQ(bound("t"), "t: TIMESTAMP(3) *ROWTIME*");
  EXPECT_THAT(bound("r"), HasSubstr("a ROW as a value is not yet supported"));
  EXPECT_THAT(bound("e"), StartsWith("line 1, column 8: Column 'e' not found in any table"));
  // Upper case unless quoted.
  EXPECT_THAT(kinesis("a"), HasSubstr("Column 'A' not found"));
  EXPECT_EQ(kinesis("\"a\""), "a: INT");
}

TEST(ExpressionBinder, OperandsAreCastAsTheOperatorAsks) {
  EXPECT_EQ(bound("a + b"), "(CAST(a AS BIGINT) + b): BIGINT");
  EXPECT_EQ(bound("b = 1"), "(b = 1): BOOLEAN NOT NULL");
  EXPECT_EQ(bound("c = 'x'"), "(c = 'x'): BOOLEAN");
  EXPECT_EQ(bound("b IN (1, 2)"), "IN(b, 1, 2): BOOLEAN NOT NULL");
  EXPECT_EQ(bound("b NOT IN (1)"), "NOT((b = 1)): BOOLEAN NOT NULL");
  EXPECT_EQ(bound("a BETWEEN 1 AND 3"), "((a >= 1) AND (a <= 3)): BOOLEAN");
  EXPECT_EQ(bound("a NOT BETWEEN SYMMETRIC 3 AND 1"),
            "NOT((((a >= 3) AND (a <= 1)) OR ((a >= 1) AND (a <= 3)))): BOOLEAN");
  EXPECT_EQ(bound("a = 1 AND b = 2 AND a = 3"), "((a = 1) AND (b = 2) AND (a = 3)): BOOLEAN");
  EXPECT_EQ(bound("a IS NOT NULL"), "(a IS NOT NULL): BOOLEAN NOT NULL");
  EXPECT_THAT(bound("a AND TRUE"),
              StartsWith("line 1, column 8: AND takes conditions, but this is INT"));
  EXPECT_THAT(bound("t < d"), HasSubstr("line 1, column 8: "));
}

TEST(ExpressionBinder, CaseHasTheCommonTypeOfItsBranches) {
  EXPECT_EQ(bound("CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'three' END"),
            "CASE WHEN (a = 1) THEN 'one' WHEN (a = 2) THEN 'three' ELSE NULL END: VARCHAR(5)");
  EXPECT_EQ(bound("CASE WHEN a > 1 THEN 1 ELSE b END"),
            "CASE WHEN (a > 1) THEN 1 ELSE b END: BIGINT NOT NULL");
  EXPECT_THAT(bound("CASE WHEN a THEN 1 END"), HasSubstr("WHEN takes a condition"));
  EXPECT_THAT(bound("CASE WHEN a > 1 THEN 1 ELSE 'x' END"), HasSubstr("no common type"));
}

TEST(ExpressionBinder, CastsKeepNullabilityAndEndTimeAttributes) {
  EXPECT_EQ(bound("CAST(b AS STRING)"), "CAST(b AS STRING): STRING NOT NULL");
  EXPECT_EQ(bound("TRY_CAST(b AS INT)"), "TRY_CAST(b AS INT): INT");
  EXPECT_EQ(bound("CAST(NULL AS BIGINT)"), "NULL: BIGINT");
  EXPECT_EQ(bound("CAST(t AS TIMESTAMP(3))"), "CAST(t AS TIMESTAMP(3)): TIMESTAMP(3)");
  EXPECT_THAT(bound("CAST(t AS DOUBLE)"),
              HasSubstr("Cast function cannot convert value of type TIMESTAMP(3) to type DOUBLE"));
}

TEST(ExpressionBinder, ClocksHaveTheDialectsTypes) {
  EXPECT_EQ(bound("PROCTIME()"), "PROCTIME(): TIMESTAMP_LTZ(3) *PROCTIME* NOT NULL");
  EXPECT_EQ(bound("CURRENT_TIMESTAMP"), "CURRENT_TIMESTAMP: TIMESTAMP_LTZ(3) NOT NULL");
  EXPECT_EQ(bound("CURRENT_DATE"), "CURRENT_DATE: DATE NOT NULL");
  EXPECT_THAT(kinesis("CURRENT_TIMESTAMP"), HasSubstr(": TIMESTAMP(3) NOT NULL"));
  EXPECT_THAT(kinesis("PROCTIME()"), HasSubstr("no function PROCTIME"));
}

TEST(ExpressionBinder, FormsWithGrammarOfTheirOwnAreCalls) {
  EXPECT_EQ(bound("EXTRACT(HOUR FROM t)"), "EXTRACT('HOUR', t): BIGINT");
  EXPECT_EQ(bound("FLOOR(t TO MINUTE)"), "FLOOR(t, 'MINUTE'): TIMESTAMP(3)");
  EXPECT_EQ(bound("TRIM(LEADING 'x' FROM c)"), "TRIM('LEADING', 'x', c): STRING");
  EXPECT_EQ(bound("SUBSTRING(c FROM 2 FOR 3)"), "SUBSTRING(c, 2, 3): STRING");
  EXPECT_EQ(bound("POSITION('x' IN c)"), "POSITION('x', c): INT");
  EXPECT_EQ(bound("TIMESTAMPDIFF(SECOND, t, t)"), "TIMESTAMPDIFF('SECOND', t, t): INT");
  EXPECT_EQ(bound("c NOT LIKE 'x%'"), "NOT((c LIKE 'x%')): BOOLEAN");
  EXPECT_EQ(kinesis("STEP(\"t\" BY INTERVAL '5' SECOND)"),
            "STEP(t, INTERVAL '5' SECOND): TIMESTAMP(3)");
}

TEST(ExpressionBinder, WhatBelongsElsewhereIsRefusedByName) {
  EXPECT_THAT(bound("SUM(a)"), HasSubstr("Aggregate expression is illegal in a test: SUM"));
  EXPECT_THAT(bound("SUM(a) OVER (ORDER BY t)"), HasSubstr("OVER is not allowed in a test"));
  EXPECT_THAT(bound("ROW_NUMBER()"), HasSubstr("ROW_NUMBER needs a window"));
  EXPECT_THAT(bound("TUMBLE_START(t, INTERVAL '1' DAY)"),
              HasSubstr("TUMBLE_START is not allowed in a test"));
  EXPECT_THAT(bound("UPPER(DISTINCT c)"), HasSubstr("UPPER is not an aggregate function"));
  EXPECT_THAT(bound("(SELECT 1)"), HasSubstr("scalar sub-query) is not yet supported"));
  EXPECT_THAT(bound("a IN (SELECT 1)"),
              HasSubstr("IN with a query in a test is not yet supported"));
  EXPECT_THAT(bound("EXISTS (SELECT 1)"), HasSubstr("EXISTS in a test is not yet supported"));
  EXPECT_THAT(bound("(a, b)"), HasSubstr("a ROW as a value is not yet supported"));
  EXPECT_THAT(bound("ARRAY[1]"), HasSubstr("ARRAY is not yet supported"));
  EXPECT_THAT(bound("UPER(c)"), AllOf(HasSubstr("no function UPER"), HasSubstr("UPPER")));
}

TEST(ExpressionBinder, ConstantsAreCheckedByWhatTheyAreFor) {
  const auto constant = [](std::string_view text) {
    const std::string script = fmt::format("SELECT {}", text);
    const auto statements = sql::parse_script(script, sql::Dialect::kFlink);
    const auto& query = *std::get<sql::QueryPtr>((*statements)[0].body);
    const NameRules rules{.script = script};
    const auto millis =
        constant_millis(rules, *query.select->items[0].expression, "the size of the window");
    return millis ? std::to_string(*millis) : millis.error().message;
  };
  EXPECT_EQ(constant("INTERVAL '1' MINUTE"), "60000");
  EXPECT_EQ(constant("INTERVAL '1' MINUTE * 2"), "120000");
  EXPECT_THAT(constant("INTERVAL '1' MONTH"), HasSubstr("months differ in length"));
  EXPECT_THAT(constant("5"), HasSubstr("the size of the window must be an interval"));
  EXPECT_THAT(constant("a"), HasSubstr("the size of the window must be a constant"));
}

TEST(ExpressionBinder, SharedPartsAreComparedOnce) {
  // Each level has its operand twice: 2^60 ways lead to the innermost.
  std::string nested = "a";
  for (int i = 0; i < 60; ++i) {
    nested = fmt::format("CASE {} WHEN 1 THEN 2 WHEN 3 THEN 4 END", nested);
  }
  const std::string script = fmt::format("SELECT {0}, {0}", nested);
  const auto statements = sql::parse_script(script, sql::Dialect::kFlink);
  ASSERT_TRUE(statements) << statements.error().message;
  const auto& items = std::get<sql::QueryPtr>((*statements)[0].body)->select->items;
  const Schema schema = columns_of_test();
  const std::vector<ScopeColumn> columns = {{.table = "", .name = "a"}};
  const NameRules rules{.script = script};
  ExpressionBinder binder(rules, columns, schema);
  const auto first = binder.bind(*items[0].expression);
  const auto second = binder.bind(*items[1].expression);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(same(**first, **second));
}

TEST(ExpressionBinder, JsonFunctionsKeepTheirClauses) {
  EXPECT_THAT(bound("JSON_VALUE(c, '$.x')"),
              testing::AllOf(HasSubstr("JSON_VALUE"), testing::EndsWith(": STRING")));
  EXPECT_THAT(bound("JSON_VALUE(c, '$.x' RETURNING INT)"), testing::EndsWith(": INT"));
  EXPECT_THAT(bound("JSON_VALUE(c, 'lax $.x' DEFAULT 7 ON EMPTY)"), HasSubstr("7"));
  EXPECT_THAT(bound("JSON_VALUE(c, '$.x' RETURNING INT DEFAULT 1 ON ERROR)"),
              HasSubstr("not yet supported"));
  EXPECT_THAT(bound("JSON_QUERY(c, '$.x' RETURNING INT)"), HasSubstr("not yet supported"));
  EXPECT_THAT(bound("JSON_EXISTS(c, '$.x')"), testing::EndsWith(": BOOLEAN"));
}

}  // namespace
}  // namespace millstream::analytics
