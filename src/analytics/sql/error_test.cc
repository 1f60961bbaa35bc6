// What a reader of an error sees: place, text, what was expected, the line and a caret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"

namespace millstream::analytics::sql {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view text, Dialect dialect = Dialect::kFlink) {
  const auto statements = parse_script(text, dialect);
  if (statements) return "parsed";
  EXPECT_EQ(statements.error().code, ErrorCode::kInvalidArgument);
  return statements.error().message;
}

std::string kinesis(std::string_view text) { return error_of(text, Dialect::kKinesis); }

TEST(Errors, PointAtTheWordThatIsWrong) {
  const std::string error = error_of("SELECT 1;\n\n  SELECT a, b FORM t");
  EXPECT_THAT(error, StartsWith("line 3, column 15: unexpected 'FORM': expected FROM"));
  EXPECT_THAT(error, HasSubstr("',' or the end of the statement\n"
                               "    SELECT a, b FORM t\n"
                               "                ^"));
  EXPECT_THAT(error_of("SELECT a FROM t WERE a = 1"), HasSubstr("unexpected 'WERE': expected"));
  EXPECT_THAT(error_of("SELECT a FROM t WHERE"),
              StartsWith("line 1, column 22: unexpected end of the script: expected an "
                         "expression\n  SELECT a FROM t WHERE\n                       ^"));
  EXPECT_THAT(error_of("SELECT f(a FROM t"), HasSubstr("unexpected 'FROM': expected"));
  EXPECT_THAT(error_of("SELECT f(a FROM t"), HasSubstr("','"));
  EXPECT_THAT(error_of("SELEC 1"), HasSubstr("unexpected 'SELEC': expected a statement (SELECT"));
  EXPECT_THAT(error_of("CREATE TABLE t (a STRNG)"),
              HasSubstr("unexpected 'STRNG': expected AS or a type (STRING"));
}

TEST(Errors, CountColumnsInCharacters) {
  EXPECT_THAT(error_of("SELECT 'öäü', )"),
              StartsWith("line 1, column 15: unexpected ')': expected an expression\n"
                         "  SELECT 'öäü', )\n"
                         "                ^"));
}

TEST(Errors, CutLongLinesAroundThePlace) {
  const std::string error =
      error_of("SELECT '" + std::string(500, 'x') + "', ) , '" + std::string(500, 'y') + "'");
  const size_t line = error.find('\n') + 1;
  const std::string shown = error.substr(line, error.find('\n', line) - line);
  EXPECT_LT(shown.size(), 120U);
  EXPECT_THAT(shown, StartsWith("  …xxx"));
  const std::string caret = error.substr(error.rfind('\n') + 1);
  EXPECT_EQ(shown.substr(caret.size() - 1 + std::string("…").size() - 1, 1), ")");
}

TEST(Errors, NameUnclosedQuotesAndCommentsWhereTheyBegin) {
  EXPECT_THAT(error_of("SELECT 1,\n  'abc"),
              StartsWith("line 2, column 3: the string that begins here does not end"));
  EXPECT_THAT(error_of("SELECT `abc"), HasSubstr("column 8: the quoted name that begins here"));
  EXPECT_THAT(error_of("SELECT 1 /* abc"), HasSubstr("column 10: the comment that begins here"));
  EXPECT_THAT(error_of("SELECT * FROM t /*+ OPTIONS('a'='b')"),
              HasSubstr("column 17: the hint that begins here"));
  EXPECT_THAT(error_of("SELEC 'abc"), HasSubstr("unexpected 'SELEC'")) << "the first one counts";
}

TEST(Errors, TellHowTheDialectQuotes) {
  EXPECT_THAT(error_of("SELECT \"a\""), HasSubstr("names are quoted by `…`, strings by '…'"));
  EXPECT_THAT(kinesis("SELECT `a`"), HasSubstr("names are quoted by \"…\""));
  EXPECT_THAT(error_of("SELECT ‘a’"), HasSubstr("quotes must be straight"));
  EXPECT_THAT(kinesis("–- a comment"), HasSubstr("'–' (U+2013): write '-'"));
  EXPECT_THAT(error_of("CREATE TABLE t (value INT)"), HasSubstr("write `value` for a name"));
  EXPECT_THAT(error_of("SELECT INTERVAL 5 MINUTE"), HasSubstr("INTERVAL '5'"));
  EXPECT_THAT(error_of("SET a.b = c"), HasSubstr("SET 'name' = 'value'"));
}

TEST(Errors, RefuseWhatIsNotUtf8) {
  EXPECT_THAT(error_of("SELECT 1,\n '\xff'"),
              HasSubstr("line 2, column 3: the byte 0xFF is not UTF-8"));
  EXPECT_THAT(error_of("SELECT '\xed\xa0\x80'"), HasSubstr("is not UTF-8")) << "a surrogate";
  EXPECT_THAT(error_of("SELECT '\xc0\x80'"), HasSubstr("is not UTF-8")) << "too long a form";
  EXPECT_THAT(error_of(std::string_view("SELECT \0 1", 10)), HasSubstr("U+0000"));
}

TEST(Errors, RefuseByNameWhatIsToCome) {
  const auto expect_refused = [](std::string_view text, std::string_view what, Dialect dialect) {
    EXPECT_THAT(error_of(text, dialect), HasSubstr(fmt::format("{} is not yet supported", what)))
        << text;
  };
  const std::vector<std::pair<std::string_view, std::string_view>> flink{
      {"SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A))", "MATCH_RECOGNIZE"},
      {"SELECT * FROM t AS x MATCH_RECOGNIZE (PATTERN (A))", "MATCH_RECOGNIZE"},
      {"SELECT * FROM t PIVOT (SUM(a))", "PIVOT"},
      {"SELECT * FROM t TABLESAMPLE BERNOULLI (1)", "TABLESAMPLE"},
      {"CREATE FUNCTION f AS 'x'", "CREATE FUNCTION"},
      {"CREATE TEMPORARY FUNCTION f AS 'x'", "CREATE FUNCTION"},
      {"CREATE CATALOG c", "CREATE CATALOG"},
      {"CREATE MATERIALIZED TABLE t", "CREATE MATERIALIZED"},
      {"CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE OR REPLACE TABLE"},
      {"USE CATALOG c", "USE CATALOG"},
      {"ALTER TABLE t RENAME TO u", "ALTER TABLE"},
      {"DELETE FROM t", "DELETE FROM"},
      {"SHOW CATALOGS", "SHOW CATALOGS"},
      {"WITH RECURSIVE a AS (SELECT 1) SELECT 1", "WITH RECURSIVE"},
      {"SELECT a = ANY (SELECT 1)", "a comparison with ANY (…)"},
      {"SELECT MAP['a', 1]", "MAP"},
      {"SELECT X'AB'", "a binary literal X'…'"},
      {"SELECT ?", "a parameter '?'"},
      {"SELECT a IS JSON", "IS JSON"},
      {"SELECT LAST_VALUE(a) IGNORE NULLS OVER w", "IGNORE NULLS"},
      {"SELECT LISTAGG(a) WITHIN GROUP (ORDER BY a)", "WITHIN GROUP"},
      {"SELECT /*+ STATE_TTL('a'='1d') */ 1", "the hint STATE_TTL"},
      {"SELECT a FROM t QUALIFY a = 1", "QUALIFY"},
      {"CREATE TABLE t (a INT) LIKE u (INCLUDING ALL)", "LIKE with options in parentheses"},
      {"SELECT a[1].b", "access to a field of an expression"},
      {"CREATE TABLE t (a MULTISET<INT>)", "type MULTISET"},
      {"EXPLAIN CHANGELOG_MODE SELECT 1", "EXPLAIN CHANGELOG_MODE"}};
  for (const auto& [text, what] : flink) expect_refused(text, what, Dialect::kFlink);
  const std::vector<std::pair<std::string_view, std::string_view>> kinesis_ones{
      {"CREATE FUNCTION f(a INT) RETURNS INT RETURN a", "CREATE FUNCTION"},
      {"INSERT EXPEDITED INTO a SELECT 1", "INSERT EXPEDITED"},
      {"CREATE PUMP p STOPPED AS INSERT INTO a SELECT 1", "a pump created STOPPED"},
      {"ALTER PUMP p START", "ALTER PUMP"},
      {"SELECT SUM(a) OVER (ROWS 1 PRECEDING DISALLOW PARTIAL) FROM t", "DISALLOW PARTIAL"}};
  for (const auto& [text, what] : kinesis_ones) expect_refused(text, what, Dialect::kKinesis);
}

TEST(Errors, SendTheReaderToTheOtherDialect) {
  EXPECT_THAT(error_of("SELECT STREAM * FROM t"), HasSubstr("belongs to the Kinesis dialect"));
  EXPECT_THAT(error_of("CREATE PUMP p AS INSERT INTO a SELECT 1"), HasSubstr("Kinesis dialect"));
  EXPECT_THAT(kinesis("CREATE TABLE t (a INT)"), HasSubstr("belongs to Flink SQL"));
  EXPECT_THAT(kinesis("SELECT TRY_CAST(a AS INT)"), HasSubstr("belongs to Flink SQL"));
  EXPECT_THAT(error_of("CREATE TABLE t (a INT, PRIMARY KEY (a))"), HasSubstr("NOT ENFORCED"));
}

TEST(Errors, KinesisNamesHaveALimit) {
  EXPECT_EQ(kinesis("SELECT " + std::string(128, 'a')), "parsed");
  EXPECT_THAT(kinesis("SELECT " + std::string(129, 'a')), HasSubstr("at most 128 characters"));
}

}  // namespace
}  // namespace millstream::analytics::sql
