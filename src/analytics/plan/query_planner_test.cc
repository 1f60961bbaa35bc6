// Queries of Flink SQL without windows: what each becomes, and what is refused.
#include "analytics/plan/query_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/plan/planner.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kTables = R"(CREATE TABLE t (a INT, b INT, c STRING, d DOUBLE,
  ts TIMESTAMP(3), r ROW<x INT, y STRING>, p AS PROCTIME(), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'kinesis', 'stream' = 's', 'format' = 'json');
CREATE TABLE u (a INT NOT NULL, k BIGINT, c STRING) WITH ('connector' = 'datagen');
CREATE TABLE o (a BIGINT, b INT) WITH ('connector' = 'blackhole');
CREATE TABLE app (a BIGINT, b INT NOT NULL)
  WITH ('connector' = 'kinesis', 'stream' = 's', 'format' = 'json');
)";

Result<PlannedScript> planned(std::string_view query, bool bounded = false) {
  PlannerSettings settings;
  settings.collect_queries = true;
  settings.bounded = bounded;
  return plan_script(fmt::format("{}{};", kTables, query), settings);
}
// EXPLAIN without the sink's line, or the error.
std::string explained(std::string_view query, bool bounded = false) {
  const auto script = planned(query, bounded);
  if (!script) return script.error().message;
  const std::string text = explain(script->plan);
  return text.substr(text.find('\n') + 1);
}
std::string error_of(std::string_view query) {
  const auto script = planned(query);
  return script ? "" : script.error().message;
}

// --- Select list.

TEST(QueryPlanner, ProjectsAndFilters) {
  EXPECT_EQ(explained("SELECT a, b + 1 FROM t WHERE a > 3 AND c = 'x'"),
            R"(  Project(a, (b + 1) AS EXPR$1) changelog [I]
    Filter(((a > 3) AND (c = 'x'))) changelog [I]
      Source(table t, kinesis, columns [a, b, c], watermark for ts as ts) changelog [I]
)");
  EXPECT_THAT(error_of("SELECT a FROM t WHERE c"),
              HasSubstr("WHERE clause must be a condition, but this is STRING"));
  EXPECT_THAT(error_of("SELECT a FROM t WHERE SUM(a) > 1"),
              HasSubstr("Aggregate expression is illegal in WHERE: SUM"));
}

TEST(QueryPlanner, StarsAndRowsExpand) {
  EXPECT_EQ(explained("SELECT * FROM t"),
            "  Source(table t, kinesis, columns [a, b, c, d, ts, r.x, r.y, p], watermark for ts as "
            "ts) changelog [I]\n");
  EXPECT_THAT(explained("SELECT r FROM t"), StartsWith("  Project(r.x, r.y)"));
  EXPECT_THAT(explained("SELECT r.x, r AS q, x.r.y FROM t AS x"),
              StartsWith("  Project(r.x AS x, r.x AS q.x, r.y AS q.y, r.y AS y)"));
  EXPECT_THAT(explained("SELECT *, * FROM u"),
              StartsWith("  Project(a, k, c, a AS a0, k AS k0, c AS c0)"));
  EXPECT_THAT(error_of("SELECT y.* FROM t AS x"), HasSubstr("there is no such table in FROM"));
  EXPECT_THAT(error_of("SELECT a FROM nowhere"),
              HasSubstr("line 8, column 15: Object 'nowhere' not found"));
}

TEST(QueryPlanner, QueriesWithoutFromHaveOneRow) {
  EXPECT_EQ(explained("SELECT 1, 'x' AS y"),
            "  Project(1 AS EXPR$0, 'x' AS y) changelog [I]\n    Values(1 rows) changelog [I]\n");
  EXPECT_EQ(explained("VALUES (1, 'a'), (2, 'bc')"), "  Values(2 rows) changelog [I]\n");
  EXPECT_THAT(error_of("VALUES (1, 2), (1)"), HasSubstr("different numbers of columns"));
  EXPECT_THAT(error_of("VALUES (1), ('x')"), HasSubstr("no common type"));
}

// --- Sub-queries, views, sets.

TEST(QueryPlanner, ProjectionsOfProjectionsBecomeOneBelowWhichFiltersMove) {
  EXPECT_EQ(explained("SELECT q.z FROM (SELECT a + b AS z, c FROM t WHERE a > 1) AS q "
                      "WHERE q.c = 'f'"),
            R"(  Project((a + b) AS z) changelog [I]
    Filter(((a > 1) AND (c = 'f'))) changelog [I]
      Source(table t, kinesis, columns [a, b, c], watermark for ts as ts) changelog [I]
)");
  // What is computed once is not computed twice.
  EXPECT_EQ(explained("SELECT z + z, z FROM (SELECT a * b AS z FROM t)"),
            R"(  Project((z + z) AS EXPR$0, z) changelog [I]
    Project((a * b) AS z) changelog [I]
      Source(table t, kinesis, columns [a, b], watermark for ts as ts) changelog [I]
)");
}

TEST(QueryPlanner, UnionsCastToTheCommonType) {
  EXPECT_EQ(explained("SELECT a FROM t UNION ALL SELECT k FROM u"),
            R"(  Union(2 inputs) changelog [I]
    Project(CAST(a AS BIGINT) AS a) changelog [I]
      Source(table t, kinesis, columns [a], watermark for ts as ts) changelog [I]
    Project(k AS a) changelog [I]
      Source(table u, datagen, columns [k]) changelog [I]
)");
  EXPECT_THAT(explained("SELECT a FROM t UNION SELECT k FROM u"), HasSubstr("Distinct([a])"));
  EXPECT_THAT(error_of("SELECT a FROM t UNION ALL SELECT a, k FROM u"),
              HasSubstr("Column count mismatch in UNION ALL: 1 and 2"));
  EXPECT_THAT(error_of("SELECT a FROM t UNION ALL SELECT c FROM u"),
              HasSubstr("Type mismatch in column 1 of UNION ALL"));
  EXPECT_THAT(error_of("SELECT a FROM t EXCEPT SELECT a FROM u"),
              HasSubstr("EXCEPT is not yet supported"));
}

TEST(QueryPlanner, CommonTablesAreComputedOnce) {
  EXPECT_THAT(explained("WITH x AS (SELECT a, COUNT(*) AS n FROM t GROUP BY a) "
                        "SELECT y.a, z.n FROM x AS y JOIN x AS z ON y.a = z.n"),
              HasSubstr("Reused(#1)"));
  EXPECT_THAT(explained("WITH x (q) AS (SELECT a FROM t) SELECT q FROM x"),
              StartsWith("  Project(a AS q)"));
  EXPECT_THAT(error_of("WITH x (p, q) AS (SELECT a FROM t) SELECT q FROM x"),
              HasSubstr("same degree"));
  EXPECT_THAT(error_of("WITH x AS (SELECT a FROM t), x AS (SELECT b FROM t) SELECT * FROM x"),
              HasSubstr("Duplicate query name 'x'"));
}

// --- Aggregates.

TEST(QueryPlanner, ExpressionsOfGroupsAreComputedAroundTheAggregates) {
  const std::string plan = explained(
      "SELECT b, COUNT(*), SUM(a + 1) + 1 AS s, COUNT(DISTINCT a) FILTER (WHERE d > 0.5e0) FROM t "
      "GROUP BY b HAVING COUNT(*) > 2");
  EXPECT_THAT(plan, HasSubstr("COUNT(*) AS"));
  EXPECT_THAT(plan, HasSubstr("COUNT(DISTINCT a) FILTER"));
  EXPECT_THAT(plan, HasSubstr("> 2)"));
  EXPECT_THAT(plan, HasSubstr("(a + 1) AS"));
  EXPECT_THAT(plan, HasSubstr("columns [a, b, d]"));
  // Written twice, computed once.
  EXPECT_THAT(explained("SELECT SUM(a), SUM(a) + 1 FROM t"), Not(HasSubstr("], SUM")));
  EXPECT_EQ(error_of("SELECT a + 1, (a + 1) * 2, COUNT(*) FROM t GROUP BY a + 1"), "");
  EXPECT_EQ(error_of("SELECT COUNT(1) FROM t"), "");
}

TEST(QueryPlanner, ColumnsOutsideOfGroupsAreRefused) {
  EXPECT_THAT(error_of("SELECT a, COUNT(*) FROM t GROUP BY b"),
              StartsWith("line 8, column 8: Expression 'a' is not being grouped"));
  EXPECT_THAT(error_of("SELECT *, COUNT(*) FROM t"), HasSubstr("is not being grouped"));
  EXPECT_THAT(error_of("SELECT b FROM t GROUP BY b HAVING a > 1"),
              HasSubstr("Expression 'a' is not being grouped"));
  EXPECT_THAT(error_of("SELECT SUM(SUM(a)) FROM t"),
              HasSubstr("Aggregate expressions cannot be nested"));
  EXPECT_THAT(error_of("SELECT a FROM t GROUP BY 1"), HasSubstr("GROUP BY a number"));
  EXPECT_THAT(error_of("SELECT a FROM t GROUP BY ROLLUP (a, b)"), HasSubstr("not yet supported"));
  EXPECT_THAT(error_of("SELECT SUM(*) FROM t"), HasSubstr("only COUNT(*) does"));
  EXPECT_THAT(error_of("SELECT TUMBLE_START(ts, INTERVAL '1' HOUR) FROM t "
                       "GROUP BY TUMBLE(ts, INTERVAL '2' HOUR)"),
              HasSubstr("Call to auxiliary group function 'TUMBLE_START' must have matching call "
                        "to group function 'TUMBLE' in GROUP BY clause"));
  EXPECT_THAT(error_of("SELECT COUNT(*) FROM t GROUP BY TUMBLE(CAST(ts AS TIMESTAMP(3)), "
                       "INTERVAL '2' HOUR)"),
              HasSubstr("Window aggregate can only be defined over a time attribute column, but "
                        "TIMESTAMP(3) encountered."));
}

TEST(QueryPlanner, DistinctRowsAreGroupsWithoutAggregates) {
  EXPECT_THAT(explained("SELECT DISTINCT a, c FROM t"), HasSubstr("Distinct([a, c])"));
  EXPECT_THAT(error_of("SELECT DISTINCT a FROM t ORDER BY c LIMIT 1"),
              HasSubstr("ORDER BY of SELECT DISTINCT"));
}

// --- Joins.

TEST(QueryPlanner, ConditionsGoToTheTableOrJoinThatTheyAreAbout) {
  const std::string plan =
      explained("SELECT t.a, u.k FROM t, u WHERE t.a = u.a AND u.k < 5 AND t.b > 3 AND t.c <> u.c");
  EXPECT_THAT(plan, HasSubstr("Join(INNER, on [left.a = right.a], where (left.c <> right.c))"));
  EXPECT_THAT(plan, HasSubstr("Filter((k < 5)) changelog [I]\n        Source(table u"));
  EXPECT_THAT(plan, HasSubstr("Filter((b > 3)) changelog [I]\n          Source(table t"));
  // Of three tables each condition belongs to the first join that has its columns.
  const std::string three = explained(
      "SELECT x.a FROM t AS x, t AS y, u AS z WHERE x.a = y.b AND y.a = z.a AND z.k = x.b + y.b");
  EXPECT_THAT(three, HasSubstr("on [left.a = right.b]"));
  EXPECT_THAT(three, HasSubstr("on [left.a = right.a"));
}

TEST(QueryPlanner, ConditionsStayAboveOuterJoins) {
  const std::string plan = explained(
      "SELECT t.a, u.k FROM t LEFT JOIN u ON t.a = u.a AND u.k < 5 AND t.b = 1 "
      "WHERE t.d > 1e0 AND u.k IS NULL");
  EXPECT_THAT(plan, HasSubstr("Filter((k IS NULL)) changelog [I,UB,UA,D]\n      Join(LEFT"));
  EXPECT_THAT(plan, HasSubstr("(b = 1)"));
  EXPECT_THAT(plan, HasSubstr("Filter((d > 1))"));
  EXPECT_THAT(error_of("SELECT 1 FROM t JOIN u ON t.a = w.a"), HasSubstr("Table 'w' not found"));
  EXPECT_THAT(error_of("SELECT a FROM t JOIN u ON t.a = u.a"),
              HasSubstr("Column 'a' is ambiguous"));
}

TEST(QueryPlanner, ColumnsOfUsingComeOnceAndFirst) {
  EXPECT_THAT(explained("SELECT * FROM u AS x JOIN u AS y USING (k)"),
              HasSubstr("Project(k, a, c, a AS a0, c AS c0)"));
  EXPECT_THAT(explained("SELECT a FROM t FULL JOIN u USING (a)"), HasSubstr("COALESCE(a, a) AS a"));
  EXPECT_THAT(explained("SELECT x.a, y.a, a FROM t AS x LEFT JOIN u AS y USING (a)"),
              HasSubstr("Join(LEFT, on [left.a = right.a])"));
}

TEST(QueryPlanner, InAndExistsAreSemiAndAntiJoins) {
  EXPECT_THAT(explained("SELECT a FROM t WHERE a IN (SELECT a FROM u WHERE u.c = t.c)"),
              HasSubstr("Join(SEMI, on [left.c = right.c, left.a = right.a])"));
  EXPECT_THAT(explained("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND k > 3)"),
              HasSubstr("Join(SEMI, on [left.a = right.a])"));
  EXPECT_THAT(explained("SELECT a FROM u WHERE a NOT IN (SELECT a FROM u AS v)"),
              HasSubstr("Join(ANTI, on [left.a = right.a])"));
  // An unknown value is in no list and not outside of one.
  EXPECT_THAT(explained("SELECT a FROM t WHERE a NOT IN (SELECT a FROM u)"),
              HasSubstr("where ((left.a = right.a) OR (left.a IS NULL))"));
  EXPECT_THAT(explained("SELECT a FROM t WHERE a IN (SELECT MAX(a) FROM u GROUP BY k)"),
              HasSubstr("Join(SEMI"));
  EXPECT_THAT(error_of("SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a) OR b = "
                       "1"),
              HasSubstr("EXISTS in WHERE is not yet supported"));
  EXPECT_THAT(error_of("SELECT a FROM t WHERE a IN (SELECT a, k FROM u)"),
              HasSubstr("must have one column"));
  EXPECT_THAT(error_of("SELECT (SELECT MAX(k) FROM u) FROM t"),
              HasSubstr("scalar sub-query) is not yet supported"));
}

// --- ORDER BY, LIMIT.

TEST(QueryPlanner, StreamsAreSortedByTimeOrLimited) {
  EXPECT_THAT(explained("SELECT a FROM t ORDER BY ts"), HasSubstr("Sort(order by [$o0 ASC])"));
  EXPECT_THAT(explained("SELECT a FROM t ORDER BY b DESC LIMIT 3"),
              HasSubstr("TopN(partition by [], order by [$o0 DESC], limit 3)"));
  EXPECT_THAT(explained("SELECT a FROM t LIMIT 3"), HasSubstr("limit 3"));
  EXPECT_THAT(error_of("SELECT a FROM t ORDER BY b"),
              HasSubstr("Sort on a non-time-attribute field is not supported."));
  EXPECT_THAT(error_of("SELECT a FROM t ORDER BY ts DESC"), HasSubstr("non-time-attribute"));
  EXPECT_THAT(error_of("SELECT a FROM t ORDER BY 2 LIMIT 1"), HasSubstr("Ordinal out of range"));
  // Nobody sees the order of a sub-query.
  EXPECT_EQ(error_of("SELECT a FROM (SELECT a FROM t ORDER BY b)"), "");
}

TEST(QueryPlanner, BoundedQueriesAreSortedByAnything) {
  EXPECT_THAT(explained("SELECT a, b AS n FROM t ORDER BY n, c LIMIT 5 OFFSET 2", true),
              HasSubstr("Sort(order by [n ASC, $o0 ASC], limit 5"));
}

// --- Sinks.

TEST(QueryPlanner, InsertsCastWhatFlinkCasts) {
  EXPECT_EQ(explained("INSERT INTO o SELECT a, b FROM t"),
            R"(  Project(CAST(a AS BIGINT) AS a, b) changelog [I]
    Source(table t, kinesis, columns [a, b], watermark for ts as ts) changelog [I]
)");
  EXPECT_THAT(explained("INSERT INTO o (b) SELECT a FROM t"),
              StartsWith("  Project(NULL AS a, a AS b)"));
  EXPECT_THAT(
      error_of("INSERT INTO o SELECT c, b FROM t"),
      HasSubstr("Column types of query result and sink for 'default_catalog.default_database.o' do "
                "not match.\nCause: Incompatible types for sink column 'a' at position 0.\n\nQuery "
                "schema: [c: STRING, b: INT]\nSink schema:  [a: BIGINT, b: INT]"));
  EXPECT_THAT(error_of("INSERT INTO o SELECT a FROM t"),
              HasSubstr("Cause: Different number of columns."));
  EXPECT_THAT(error_of("INSERT INTO o SELECT k, k FROM u"),
              HasSubstr("Incompatible types for sink column 'b' at position 1."));
  EXPECT_THAT(error_of("INSERT INTO o (x) SELECT a FROM t"),
              HasSubstr("Unknown target column 'x'"));
  EXPECT_THAT(error_of("INSERT INTO o (a, a) SELECT a, a FROM t"), HasSubstr("more than once"));
  EXPECT_THAT(error_of("INSERT INTO app (a) SELECT a FROM t"), HasSubstr("does not allow NULLs"));
}

TEST(QueryPlanner, UpdatesIntoSinksOfAppendedRowsAreRefusedInFlinksWords) {
  EXPECT_THAT(error_of("INSERT INTO app SELECT COUNT(*), b FROM t GROUP BY b"),
              HasSubstr("Table sink 'default_catalog.default_database.app' doesn't support "
                        "consuming update changes which is produced by node "
                        "GroupAggregate(groupBy=[b], select=[b, COUNT(*) AS "));
  EXPECT_THAT(error_of("INSERT INTO app SELECT u.k, t.b FROM t LEFT JOIN u ON t.a = u.a"),
              HasSubstr("doesn't support consuming update and delete changes which is produced by "
                        "node Join(joinType=[LeftOuterJoin]"));
  EXPECT_EQ(error_of("INSERT INTO o SELECT COUNT(*), b FROM t GROUP BY b"), "");
}

// --- Hostile queries.

TEST(QueryPlanner, LongChainsAndWideQueriesArePlannedInTime) {
  std::string condition = "a <> 0";
  for (int i = 1; i < 20000; ++i) condition += fmt::format(" AND a <> {}", i);
  EXPECT_EQ(error_of(fmt::format("SELECT a FROM t WHERE {}", condition)), "");
  std::string unions = "SELECT a FROM t";
  for (int i = 1; i < 3000; ++i) unions += " UNION ALL SELECT a FROM t";
  EXPECT_EQ(error_of(unions), "");
  std::string tables = "t AS t0";
  std::string where = "t0.a = 1";
  for (int i = 1; i < 100; ++i) {
    tables += fmt::format(", t AS t{}", i);
    where += fmt::format(" AND t{}.a = t{}.b", i - 1, i);
  }
  EXPECT_EQ(error_of(fmt::format("SELECT t0.a FROM {} WHERE {}", tables, where)), "");
}

}  // namespace
}  // namespace millstream::analytics
