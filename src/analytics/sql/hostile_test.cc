// Input made to break the parser: depth, length, noise.
#include <chrono>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"
#include "analytics/sql/tree_text.h"

namespace millstream::analytics::sql {
namespace {

using testing::HasSubstr;

std::string repeated(std::string_view text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::string error_of(std::string_view text, Dialect dialect = Dialect::kFlink) {
  const auto statements = parse_script(text, dialect);
  return statements ? "parsed" : statements.error().message;
}

const Query& query_of(const std::vector<Statement>& statements) {
  return *std::get<QueryPtr>(statements.at(0).body);
}

TEST(Hostile, ChainsOfThousandsAreFlatTrees) {
  for (const std::string_view op : {" AND ", " OR ", " || "}) {
    const auto statements =
        parse_script("SELECT " + repeated("a" + std::string(op), 10'000) + "a", Dialect::kFlink);
    ASSERT_TRUE(statements) << statements.error().message;
    EXPECT_LE(query_of(*statements).height, 20U) << op;
  }
  const auto mixed =
      parse_script("SELECT " + repeated("a AND b OR ", 5'000) + "a", Dialect::kFlink);
  ASSERT_TRUE(mixed);
  EXPECT_LE(query_of(*mixed).height, 20U);
}

TEST(Hostile, UnionsOfThousandsAreFlatTrees) {
  const auto statements =
      parse_script(repeated("SELECT a FROM t UNION ALL ", 2'000) + "SELECT 1", Dialect::kKinesis);
  ASSERT_TRUE(statements) << statements.error().message;
  EXPECT_LE(query_of(*statements).height, 20U);
}

TEST(Hostile, TreesThatCannotBeFlatHaveABound) {
  EXPECT_EQ(error_of("SELECT " + repeated("a + ", 300) + "a"), "parsed");
  EXPECT_THAT(error_of("SELECT " + repeated("a + ", 10'000) + "a"),
              HasSubstr("more than 400 operators or levels"));
  EXPECT_THAT(error_of("SELECT a" + repeated(" IS NULL", 10'000)), HasSubstr("more than 400"));
  EXPECT_THAT(error_of("SELECT a" + repeated("[1]", 10'000)), HasSubstr("more than 400"));
  EXPECT_THAT(error_of("SELECT * FROM t" + repeated(" CROSS JOIN t", 10'000)),
              HasSubstr("more than 400 joins"));
  EXPECT_THAT(error_of("SELECT * FROM t" + repeated(", t", 10'000)), HasSubstr("more than 400"));
  EXPECT_THAT(error_of("SELECT 1" + repeated(" EXCEPT SELECT 1", 10'000)),
              HasSubstr("more than 400"));
  EXPECT_THAT(error_of("CREATE TABLE t (a INT" + repeated(" ARRAY", 10'000) + ")"),
              HasSubstr("more than 8 times ARRAY"));
}

TEST(Hostile, NestingHasABoundInEveryRule) {
  const std::vector<std::pair<std::string, std::string>> nests{
      {"SELECT (", ""},
      {"SELECT NOT ", ""},
      {"SELECT - ", ""},
      {"SELECT f(", ""},
      {"SELECT CASE WHEN ", ""},
      {"SELECT ARRAY[", ""},
      {"SELECT ROW(", ""},
      {"SELECT CAST(", ""},
      {"SELECT a IN (", ""},
      {"SELECT a[", ""},
      {"SELECT JSON_VALUE(", ""},
      {"SELECT FLOOR(", ""},
      {"SELECT * FROM (", ""},
      {"SELECT * FROM LATERAL (", ""},
      {"SELECT 1 GROUP BY GROUPING SETS (", ""},
      {"CREATE TABLE t (a ARRAY<", ""},
      {"CREATE TABLE t (a ROW<x ", ""},
      {"EXPLAIN ", ""},
      {"(", ""},
      {"SELECT SUM(a) OVER (ORDER BY ", ""},
      {"WITH a AS (", ""},
  };
  for (const auto& [start, rest] : nests) {
    const size_t blank = start.rfind(' ', start.size() - 2);
    const std::string inner = blank == std::string::npos ? start : start.substr(blank + 1);
    for (const std::string& text : {start + repeated(inner, 50'000), repeated(start, 50'000)}) {
      const std::string error = error_of(std::string_view(text).substr(0, 900'000));
      EXPECT_NE(error, "parsed") << start;
    }
  }
  EXPECT_THAT(error_of("SELECT " + repeated("(", 50'000)), HasSubstr("deeper than 200 levels"));
  EXPECT_THAT(error_of("SELECT " + repeated("NOT ", 50'000)), HasSubstr("deeper than 200 levels"));
  EXPECT_THAT(error_of(repeated("SELECT * FROM (", 50'000)), HasSubstr("deeper than 200 levels"));
  EXPECT_THAT(error_of(repeated("EXPLAIN ", 50'000)), HasSubstr("deeper than 200 levels"));
  EXPECT_EQ(error_of("SELECT " + repeated("(", 150) + "1" + repeated(")", 150)), "parsed");
}

TEST(Hostile, ScriptsHaveABound) {
  EXPECT_THAT(error_of("SELECT '" + std::string(kMaxScriptBytes, 'x') + "'"),
              HasSubstr("at most 1048576 are taken"));
}

TEST(Hostile, LongListsParseInTimeThatGrowsWithThem) {
  EXPECT_EQ(error_of("SELECT " + repeated("a, ", 200'000) + "a"), "parsed");
  EXPECT_EQ(error_of("SELECT a IN (" + repeated("1, ", 200'000) + "1)"), "parsed");
  EXPECT_EQ(error_of("VALUES " + repeated("(1), ", 100'000) + "(1)"), "parsed");
  EXPECT_EQ(error_of(repeated("SELECT 1;", 100'000)), "parsed");
  EXPECT_EQ(error_of("SELECT " + repeated("(", 100) + repeated("a AND ", 100'000) + "a" +
                     repeated(")", 100)),
            "parsed");
}

constexpr std::array<std::string_view, 10> kCorpus{
    "CREATE OR REPLACE STREAM \"D\" (a VARCHAR(4), \"b\" DOUBLE); CREATE OR REPLACE PUMP \"P\" AS "
    "INSERT INTO \"D\" SELECT STREAM a, AVG(b) OVER w FROM \"S\" WINDOW w AS (PARTITION BY a RANGE "
    "INTERVAL '1' MINUTE PRECEDING);",
    "SELECT STREAM \"a\", COUNT(*) FROM \"S\" WHERE a LIKE '%x' ESCAPE '!' WINDOWED BY STAGGER "
    "(PARTITION BY FLOOR(e TO MINUTE), a RANGE INTERVAL '1' MINUTE);",
    "SELECT STREAM STEP(s.ROWTIME BY INTERVAL '60' SECOND(4,3)), (a.ROWTIME - TIMESTAMP "
    "'1970-01-01 00:00:00') SECOND / 10 FROM s OVER (ROWS 3 PRECEDING) AS x JOIN y ON x.a = y.b",
    "CREATE TABLE t (a ROW<x INT, y ARRAY<STRING>> NOT NULL, b AS a.x * 2, c TIMESTAMP(3) METADATA "
    "FROM 'ts' VIRTUAL, WATERMARK FOR c AS c - INTERVAL '5' SECOND, PRIMARY KEY (a) NOT ENFORCED) "
    "PARTITIONED BY (a) WITH ('connector' = 'datagen', 'a' = e'\\n\\u263a')",
    "SELECT * FROM TABLE(SESSION(DATA => TABLE Bid PARTITION BY (a, b), TIMECOL => DESCRIPTOR(ts), "
    "GAP => INTERVAL '5' MINUTES)) AS w(a, b) LEFT JOIN r FOR SYSTEM_TIME AS OF w.a ON TRUE",
    "WITH x AS (SELECT 1 UNION ALL (SELECT 2 EXCEPT SELECT 3)) SELECT DISTINCT a[1], CASE a WHEN 1 "
    "THEN TRIM(BOTH 'x' FROM b) ELSE OVERLAY(a PLACING b FROM 1 FOR 2) END FROM x ORDER BY 1 DESC "
    "NULLS LAST LIMIT 5 OFFSET 2 ROWS",
    "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT COUNT(DISTINCT x) FILTER (WHERE y) FROM t "
    "/*+ "
    "OPTIONS('a'='b') */ GROUP BY GROUPING SETS ((a), ()); END; SET 'a' = 'b'; RESET;",
    "SELECT U&'#263A' UESCAPE '#', _UTF8'x', N'y', 1.5e3, JSON_VALUE(a, '$.x' RETURNING INT "
    "DEFAULT "
    "1 ON EMPTY), a IS NOT DISTINCT FROM b, a NOT BETWEEN SYMMETRIC 1 AND 2, `ö`, EXISTS (SELECT "
    "1)",
    "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(a, b), LATERAL TABLE(f(v.a)) AS u(c) WHERE "
    "(a, "
    "b) IN (SELECT 1, 2) AND a SIMILAR TO 'x' -- end\n",
    "EXPLAIN PLAN FOR SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN UNBOUNDED "
    "PRECEDING "
    "AND CURRENT ROW) FROM t; SHOW TABLES; DESCRIBE t; DROP TABLE IF EXISTS t;"};

// One random change: a byte, a piece removed, doubled, or taken from another script.
std::string mutated(std::string text, std::mt19937_64& random) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  const size_t place = below(text.size());
  const size_t length = below(20);
  switch (random() % 5) {
    case 0:
      if (!text.empty()) text[place] = static_cast<char>(random() % 256);
      break;
    case 1:
      text.erase(place, length);
      break;
    case 2:
      text.insert(place, text.substr(place, length));
      break;
    case 3:
      text.insert(place, 1, "'\"`()[]<>,;*.-+/=|?:\\ \n"[random() % 24]);
      break;
    default: {
      const std::string_view other = kCorpus[random() % kCorpus.size()];
      const size_t from = below(other.size());
      text.insert(place, other.substr(from, length));
      break;
    }
  }
  return text;
}

TEST(Hostile, MutatedScriptsNeverBreakTheParser) {
  for (const std::string_view script : kCorpus) {
    EXPECT_TRUE(parse_script(script, Dialect::kFlink) || parse_script(script, Dialect::kKinesis))
        << script;
  }
  std::mt19937_64 random(20261125);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int parsed = 0;
  int rounds = 0;
  for (; rounds < 20'000 && std::chrono::steady_clock::now() < end; ++rounds) {
    std::string text(kCorpus[random() % kCorpus.size()]);
    for (size_t changes = random() % 4; changes-- > 0;) text = mutated(std::move(text), random);
    const Dialect dialect = rounds % 2 == 0 ? Dialect::kFlink : Dialect::kKinesis;
    const auto statements = parse_script(text, dialect);
    (void)is_complete(text, dialect);
    if (statements) {
      ++parsed;
      for (const Statement& statement : *statements) (void)tree_text(statement);
    } else {
      ASSERT_THAT(statements.error().message, testing::StartsWith("line ")) << text;
    }
  }
  EXPECT_GT(rounds, 1000);
  EXPECT_GT(parsed, rounds / 50) << "the mutations are too wild to test more than errors";
}

}  // namespace
}  // namespace millstream::analytics::sql
