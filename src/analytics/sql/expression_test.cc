// Expressions of both dialects: how they bind, and that their special forms keep their parts.
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"
#include "analytics/sql/tree_text.h"
#include "analytics/sql/unparse.h"

namespace millstream::analytics::sql {
namespace {

// The tree of the one expression of "SELECT text".
std::string tree_of(std::string_view text, Dialect dialect = Dialect::kFlink) {
  const auto statements = parse_script(fmt::format("SELECT {}", text), dialect);
  if (!statements) return statements.error().message;
  return tree_text(*std::get<QueryPtr>((*statements)[0].body)->select->items.at(0).expression);
}

std::string kinesis(std::string_view text) { return tree_of(text, Dialect::kKinesis); }

TEST(Expressions, BindAsCalcitesTableSays) {
  EXPECT_EQ(tree_of("a + b * c - d"), "(- (+ a (* b c)) d)");
  EXPECT_EQ(tree_of("a OR b AND NOT c = d + 1"), "(OR a (AND b (NOT (= c (+ d 1)))))");
  EXPECT_EQ(tree_of("-a * +b"), "(* (- a) (+ b))");
  EXPECT_EQ(tree_of("a * b || c"), "(|| (* a b) c)");
  EXPECT_EQ(tree_of("(a - b) - (c - d)"), "(- (- a b) (- c d))");
  EXPECT_EQ(tree_of("a - b - c"), "(- (- a b) c)");
  EXPECT_EQ(tree_of("a = b IS NULL"), "(is NULL (= a b))");
  EXPECT_EQ(tree_of("a BETWEEN b + 1 AND c AND d"), "(AND (between a (+ b 1) c) d)");
  EXPECT_EQ(tree_of("a % 2 = 0 AND b"), "(AND (= (% a 2) 0) b)");
  EXPECT_EQ(tree_of("a != b"), "(<> a b)");
  EXPECT_EQ(tree_of("NOT a IN (1)"), "(NOT (in a 1))");
}

TEST(Expressions, PredicatesKeepTheirNegation) {
  EXPECT_EQ(tree_of("a NOT BETWEEN SYMMETRIC 1 AND 2"), "(not-between SYMMETRIC a 1 2)");
  EXPECT_EQ(tree_of("a NOT IN (1, 2, 3)"), "(not-in a 1 2 3)");
  EXPECT_EQ(tree_of("a IN (SELECT b FROM t)"), "(in a (select b (from t)))");
  EXPECT_EQ(tree_of("a IN ((SELECT b FROM t) UNION ALL (SELECT c FROM u))"),
            "(in a (union-all (select b (from t)) (select c (from u))))");
  EXPECT_EQ(tree_of("a NOT LIKE 'x!%' ESCAPE '!'"), "(not-LIKE a 'x!%' '!')");
  EXPECT_EQ(kinesis("a SIMILAR TO 'x+'"), "(SIMILAR TO a 'x+')");
  EXPECT_EQ(tree_of("a IS NOT DISTINCT FROM b"), "(IS NOT DISTINCT FROM a b)");
  EXPECT_EQ(tree_of("a IS DISTINCT FROM b + 1"), "(IS DISTINCT FROM a (+ b 1))");
  EXPECT_EQ(tree_of("a IS NOT UNKNOWN"), "(not-is UNKNOWN a)");
  EXPECT_EQ(tree_of("NOT EXISTS (SELECT 1)"), "(NOT (exists (select 1)))");
}

TEST(Expressions, LiteralsKeepTheirValue) {
  EXPECT_EQ(tree_of("'It''s'"), "'It's'");
  EXPECT_EQ(tree_of("''"), "''");
  EXPECT_EQ(tree_of("'a'\n  'b'"), "'ab'");
  EXPECT_EQ(tree_of("e'a\\n\\x41\\u263a\\'b'"), "'a\nA\u263a'b'");
  EXPECT_EQ(tree_of("_UTF8'ö'"), "'ö'");
  EXPECT_EQ(tree_of("N'ö'"), "'ö'");
  EXPECT_EQ(tree_of("U&'\\263A\\\\'"), "'\u263a\\'");
  EXPECT_EQ(tree_of("U&'#263A' UESCAPE '#'"), "'\u263a'");
  EXPECT_EQ(tree_of("U&'\\+01F600'"), "'\U0001F600'");
  EXPECT_EQ(tree_of("1.50"), "1.50");
  EXPECT_EQ(tree_of(".5"), ".5");
  EXPECT_EQ(tree_of("1e-3"), "1e-3");
  EXPECT_EQ(tree_of("NULL"), "NULL");
  EXPECT_EQ(tree_of("true"), "TRUE");
  EXPECT_EQ(tree_of("DATE '2020-01-01'"), "DATE'2020-01-01'");
  EXPECT_EQ(tree_of("TIME '10:00:00'"), "TIME'10:00:00'");
  EXPECT_EQ(tree_of("TIMESTAMP '2020-01-01 00:00:00'"), "TIMESTAMP'2020-01-01 00:00:00'");
}

TEST(Expressions, IntervalsKeepUnitsAndDigits) {
  EXPECT_EQ(tree_of("INTERVAL '1' MINUTE"), "[1 MINUTE]");
  EXPECT_EQ(tree_of("INTERVAL '10' MINUTES"), "[10 MINUTE]");
  EXPECT_EQ(kinesis("INTERVAL '60' SECOND(4,3)"), "[60 SECOND 4 3]");
  EXPECT_EQ(kinesis("INTERVAL '1:30' MINUTE TO SECOND"), "[1:30 MINUTE to SECOND]");
  EXPECT_EQ(kinesis("INTERVAL '1 2' DAY(3) TO HOUR"), "[1 2 DAY 3 to HOUR]");
  EXPECT_EQ(kinesis("INTERVAL '1:30' MINUTE TO SECOND(3)"), "[1:30 MINUTE 2 3 to SECOND]");
  EXPECT_EQ(tree_of("INTERVAL -'1-6' YEAR TO MONTH"), "[-1-6 YEAR to MONTH]");
  EXPECT_EQ(kinesis("(a - b) SECOND / 10"), "(/ (CAST INTERVAL SECOND (- a b)) 10)");
  EXPECT_EQ(kinesis("(a - b) DAY TO SECOND"), "(CAST INTERVAL DAY TO SECOND (- a b))");
}

TEST(Expressions, FormsWithWordsKeepTheirParts) {
  EXPECT_EQ(tree_of("CASE WHEN a THEN 1 WHEN b THEN 2 END"), "(case a 1 b 2)");
  EXPECT_EQ(tree_of("CASE x WHEN 1 THEN 'a' ELSE 'b' END"), "(case operand else x 1 'a' 'b')");
  EXPECT_EQ(tree_of("CAST(a AS DECIMAL(10, 2))"), "(CAST DECIMAL(10,2) a)");
  EXPECT_EQ(tree_of("TRY_CAST(a AS ROW<x INT NOT NULL, y ARRAY<STRING>>)"),
            "(TRY_CAST ROW(x INT!,y ARRAY(STRING)) a)");
  EXPECT_EQ(tree_of("EXTRACT(DOW FROM a)"), "(extract DOW a)");
  EXPECT_EQ(kinesis("FLOOR(S.ROWTIME TO MINUTE)"), "(FLOOR MINUTE S.ROWTIME)");
  EXPECT_EQ(kinesis("CEILING(x TO HOUR)"), "(CEIL HOUR x)");
  EXPECT_EQ(tree_of("FLOOR(x)"), "(FLOOR x)");
  EXPECT_EQ(kinesis("STEP(S.ROWTIME BY INTERVAL '60' SECOND)"), "(step S.ROWTIME [60 SECOND])");
  EXPECT_EQ(tree_of("TRIM(LEADING 'x' FROM a)"), "(trim LEADING a 'x')");
  EXPECT_EQ(tree_of("TRIM(BOTH FROM a)"), "(trim BOTH a)");
  EXPECT_EQ(tree_of("TRIM('x' FROM a)"), "(trim BOTH a 'x')");
  EXPECT_EQ(tree_of("TRIM(a)"), "(trim BOTH a)");
  EXPECT_EQ(tree_of("SUBSTRING(a FROM 2 FOR 3)"), "(substring a 2 3)");
  EXPECT_EQ(tree_of("SUBSTRING(a, 2)"), "(SUBSTRING a 2)");
  EXPECT_EQ(tree_of("POSITION('x' IN a)"), "(position 'x' a)");
  EXPECT_EQ(tree_of("OVERLAY(a PLACING b FROM 1 FOR 2)"), "(overlay a b 1 2)");
  EXPECT_EQ(tree_of("TIMESTAMPADD(DAY, 1, a)"), "(timestampadd DAY 1 a)");
  EXPECT_EQ(tree_of("TIMESTAMPDIFF(SQL_TSI_HOUR, a, b)"), "(timestampdiff HOUR a b)");
  EXPECT_EQ(tree_of("ROW(1, a)"), "(row 1 a)");
  EXPECT_EQ(tree_of("(1, a)"), "(row 1 a)");
  EXPECT_EQ(tree_of("ARRAY[1, 2][1]"), "(element (array 1 2) 1)");
  EXPECT_EQ(tree_of("a.b.c"), "a.b.c");
  EXPECT_EQ(tree_of("((SELECT 1) + 2)"), "(+ (subquery (select 1)) 2)");
  EXPECT_EQ(tree_of("CURRENT_TIMESTAMP"), "(CURRENT_TIMESTAMP)");
  EXPECT_EQ(tree_of("LOCALTIMESTAMP(3)"), "(LOCALTIMESTAMP 3)");
}

TEST(Expressions, JsonFunctionsKeepTheirClauses) {
  EXPECT_EQ(tree_of("JSON_VALUE(a, '$.x')"), "(JSON_VALUE a '$.x')");
  EXPECT_EQ(tree_of("JSON_VALUE(a, '$.x' RETURNING INT DEFAULT 1 ON EMPTY NULL ON ERROR)"),
            "(JSON_VALUE a '$.x' DEFAULT_ON_EMPTY=>1 returning INT)");
  EXPECT_EQ(tree_of("JSON_EXISTS(a, '$.x' FALSE ON ERROR)"), "(JSON_EXISTS a '$.x')");
  EXPECT_EQ(tree_of("JSON_OBJECT(KEY 'a' VALUE 1, 'b' VALUE c)"), "(JSON_OBJECT 'a' 1 'b' c)");
  EXPECT_EQ(tree_of("JSON_OBJECT()"), "(JSON_OBJECT)");
  EXPECT_NE(tree_of("JSON_VALUE(a, '$.x' ERROR ON ERROR)").find("ERROR ON ERROR is not yet"),
            std::string::npos);
}

TEST(Expressions, CallsKeepWhatStandsAroundTheirArguments) {
  EXPECT_EQ(tree_of("COUNT(*)"), "(COUNT *)");
  EXPECT_EQ(tree_of("COUNT(DISTINCT a) FILTER (WHERE b > 1)"),
            "(COUNT distinct a (filter (> b 1)))");
  EXPECT_EQ(tree_of("f(a => 1, b => 2)"), "(f a=>1 b=>2)");
  EXPECT_EQ(tree_of("f(1, b => 2)"), "(f 1 b=>2)");
  EXPECT_EQ(tree_of("LISTAGG(a, ',' ORDER BY b DESC NULLS LAST)"),
            "(LISTAGG a ',' (order b desc nulls-last))");
  EXPECT_EQ(tree_of("cat.db.f(a)"), "(cat.db.f a)");
  EXPECT_EQ(tree_of("LEFT(a, 2)"), "(LEFT a 2)");
  EXPECT_EQ(tree_of("YEAR(a) + `year`(b)"), "(+ (YEAR a) (`year` b))");
  EXPECT_EQ(tree_of("TUMBLE_START(ts, INTERVAL '1' DAY)"), "(TUMBLE_START ts [1 DAY])");
}

TEST(Expressions, WindowsKeepTheirFrames) {
  EXPECT_EQ(tree_of("SUM(a) OVER (PARTITION BY b, c ORDER BY d RANGE BETWEEN INTERVAL '1' HOUR "
                    "PRECEDING AND CURRENT ROW)"),
            "(SUM a (window (by b c) (order d) (range preceding [1 HOUR] to current)))");
  EXPECT_EQ(kinesis("AVG(p) OVER (PARTITION BY t RANGE INTERVAL '1' MINUTE PRECEDING)"),
            "(AVG p (window (by t) (range preceding [1 MINUTE] to current)))");
  EXPECT_EQ(kinesis("AVG(p) OVER (ROWS 10 PRECEDING ALLOW PARTIAL)"),
            "(AVG p (window (rows preceding 10 to current)))");
  EXPECT_EQ(tree_of("SUM(a) OVER w"), "(SUM a (window w))");
  EXPECT_EQ(tree_of("SUM(a) OVER (w ROWS UNBOUNDED PRECEDING)"),
            "(SUM a (window w (rows unbounded-preceding to current)))");
  EXPECT_EQ(tree_of("ROW_NUMBER() OVER (ORDER BY a ASC NULLS FIRST, b DESC)"),
            "(ROW_NUMBER (window (order a nulls-first b desc)))");
}

TEST(Expressions, ReservedWordsAreNamesOnlyInQuotesOrBehindADot) {
  EXPECT_EQ(tree_of("`value` + `timestamp`"), "(+ `value` `timestamp`)");
  EXPECT_EQ(tree_of("t.value"), "t.value");
  EXPECT_EQ(kinesis("\"value\""), "\"value\"");
  EXPECT_EQ(kinesis("S.ROWTIME"), "S.ROWTIME");
  EXPECT_EQ(tree_of("name || type || state"), "(|| (|| name type) state)");
  EXPECT_NE(tree_of("value").find("write `value` for a name"), std::string::npos);
  EXPECT_NE(kinesis("value").find("write \"value\" for a name"), std::string::npos);
}

TEST(Expressions, NamesAreUpperCaseInTheKinesisDialectUnlessQuoted) {
  const Identifier plain{.text = "Ticker", .quoted = false, .position = {}};
  const Identifier quoted{.text = "Ticker", .quoted = true, .position = {}};
  EXPECT_EQ(name_of(plain, Dialect::kKinesis), "TICKER");
  EXPECT_EQ(name_of(quoted, Dialect::kKinesis), "Ticker");
  EXPECT_EQ(name_of(plain, Dialect::kFlink), "Ticker");
  EXPECT_EQ(kinesis("\"a\"\"b\""), "\"a\"\"b\"");
}

TEST(Expressions, SourceIsTheTextAsWritten) {
  const std::string script = "SELECT (a\n  + /* two */ b) * 'x  y' -- c\n  AS z FROM t";
  const auto statements = parse_script(script, Dialect::kFlink);
  ASSERT_TRUE(statements) << statements.error().message;
  const SelectItem& item = std::get<QueryPtr>((*statements)[0].body)->select->items[0];
  EXPECT_EQ(expression_source(*item.expression, script), "(a + b) * 'x  y'");
  EXPECT_EQ(expression_source(*item.expression->arguments[0], script), "(a + b)");
}

}  // namespace
}  // namespace millstream::analytics::sql
