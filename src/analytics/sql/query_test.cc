// Queries of both dialects as trees.
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"
#include "analytics/sql/tree_text.h"

namespace millstream::analytics::sql {
namespace {

std::string tree_of(std::string_view text, Dialect dialect = Dialect::kFlink) {
  const auto statements = parse_script(text, dialect);
  if (!statements) return statements.error().message;
  return statements->size() == 1 ? tree_text(statements->front()) : "not one statement";
}

std::string kinesis(std::string_view text) { return tree_of(text, Dialect::kKinesis); }

TEST(Queries, ClausesKeepTheirPlace) {
  EXPECT_EQ(tree_of("SELECT DISTINCT a AS x, t.*, b y FROM t WHERE a > 1 GROUP BY a, b HAVING "
                    "COUNT(*) > 1 ORDER BY a DESC LIMIT 5 OFFSET 2 ROWS"),
            "(select distinct a:x t.* b:y (from t) (where (> a 1)) (group a b) (having (> (COUNT "
            "*) 1))) (order a desc) (limit 5) (offset 2)");
  EXPECT_EQ(tree_of("SELECT 1"), "(select 1)");
  EXPECT_EQ(tree_of("SELECT * FROM t FETCH FIRST 3 ROWS ONLY"), "(select * (from t)) (limit 3)");
  EXPECT_EQ(tree_of("SELECT * FROM t LIMIT ALL"), "(select * (from t))");
  EXPECT_EQ(tree_of("TABLE a.b"), "(select * (from a.b))");
  EXPECT_EQ(tree_of("VALUES (1, 'a'), (2, 'b')"), "(values (row 1 'a') (row 2 'b'))");
}

TEST(Queries, KinesisStreamsKeepWindows) {
  EXPECT_EQ(kinesis("SELECT STREAM DISTINCT \"a\" FROM \"S\" WINDOWED BY STAGGER (PARTITION BY "
                    "FLOOR(t TO MINUTE), b RANGE INTERVAL '1' MINUTE)"),
            "(select stream distinct \"a\" (from \"S\") (windowed STAGGER (by (FLOOR MINUTE t) b) "
            "[1 MINUTE]))");
  EXPECT_EQ(kinesis("SELECT STREAM o.id FROM O OVER (RANGE INTERVAL '1' HOUR PRECEDING) AS o LEFT "
                    "JOIN T OVER w AS t ON o.id = t.id WINDOW w AS (ROWS 3 PRECEDING)"),
            "(select stream o.id (from (left O (window (range preceding [1 HOUR] to current)):o T "
            "(window w):t on (= o.id t.id))) (w (window (rows preceding 3 to current))))");
  EXPECT_EQ(kinesis("SELECT STREAM * FROM O JOIN T OVER (RANGE INTERVAL '1' HOUR FOLLOWING) AS s "
                    "ON TRUE"),
            "(select stream * (from (inner O T (window (range current to following [1 HOUR])):s on "
            "TRUE)))");
  EXPECT_EQ(kinesis("SELECT STREAM * FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM * FROM "
                    "\"S\"), 100))"),
            "(select stream * (from table (RANDOM_CUT_FOREST (cursor (select stream * (from "
            "\"S\"))) 100)))");
  EXPECT_EQ(kinesis("SELECT STREAM ROWTIME, a AS ROWTIME FROM s ORDER BY FLOOR(s.ROWTIME TO "
                    "SECOND)"),
            "(select stream ROWTIME a:ROWTIME (from s)) (order (FLOOR SECOND s.ROWTIME))");
}

TEST(Queries, TableFunctionsKeepTheirTableAndColumn) {
  EXPECT_EQ(tree_of("SELECT * FROM TABLE(TUMBLE(TABLE Bid, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"),
            "(select * (from table (TUMBLE (table Bid) (descriptor ts) [1 MINUTE])))");
  EXPECT_EQ(tree_of("SELECT * FROM TABLE(HOP(DATA => TABLE Bid, TIMECOL => DESCRIPTOR(ts), SLIDE "
                    "=> INTERVAL '5' MINUTES, SIZE => INTERVAL '10' MINUTES)) AS h"),
            "(select * (from table (HOP DATA=>(table Bid) TIMECOL=>(descriptor ts) SLIDE=>[5 "
            "MINUTE] SIZE=>[10 MINUTE]):h))");
  EXPECT_EQ(tree_of("SELECT * FROM TABLE(SESSION(TABLE Bid PARTITION BY item, DESCRIPTOR(ts), "
                    "INTERVAL '5' MINUTES))"),
            "(select * (from table (SESSION (table Bid (window (by item))) (descriptor ts) [5 "
            "MINUTE])))");
  EXPECT_EQ(tree_of("SELECT * FROM TABLE(SESSION(TABLE Bid PARTITION BY (a, b), DESCRIPTOR(ts), "
                    "INTERVAL '5' MINUTES))"),
            "(select * (from table (SESSION (table Bid (window (by a b))) (descriptor ts) [5 "
            "MINUTE])))");
  EXPECT_EQ(tree_of("SELECT * FROM t, LATERAL TABLE(f(t.x)) AS u(a, b)"),
            "(select * (from (cross t lateral table (f t.x):u(a,b))))");
  EXPECT_EQ(tree_of("SELECT * FROM t CROSS JOIN UNNEST(t.xs) AS u(x)"),
            "(select * (from (cross t table (UNNEST t.xs):u(x))))");
}

TEST(Queries, JoinsAssociateToTheLeft) {
  EXPECT_EQ(tree_of("SELECT * FROM a JOIN b ON a.x = b.x FULL OUTER JOIN c USING (x, y)"),
            "(select * (from (full (inner a b on (= a.x b.x)) c using x,y)))");
  EXPECT_EQ(tree_of("SELECT * FROM a NATURAL LEFT JOIN b CROSS JOIN c, d"),
            "(select * (from (cross (cross (natural-left a b) c) d)))");
  EXPECT_EQ(tree_of("SELECT * FROM a JOIN (b JOIN c ON TRUE) ON TRUE"),
            "(select * (from (inner a (inner b c on TRUE) on TRUE)))");
  EXPECT_EQ(tree_of("SELECT * FROM o JOIN r FOR SYSTEM_TIME AS OF o.t AS c ON o.k = c.k"),
            "(select * (from (inner o r as-of o.t:c on (= o.k c.k))))");
  EXPECT_EQ(tree_of("SELECT * FROM t /*+ OPTIONS('a'='b', 'c'='d') */ AS x"),
            "(select * (from t /a=b/ /c=d/:x))");
}

TEST(Queries, SubqueriesStandWhereTablesDo) {
  EXPECT_EQ(tree_of("SELECT * FROM (SELECT a FROM t) AS x (b)"),
            "(select * (from (select a (from t)):x(b)))");
  EXPECT_EQ(tree_of("SELECT * FROM (VALUES (1), (2)) AS v(a)"),
            "(select * (from (values (row 1) (row 2)):v(a)))");
  EXPECT_EQ(tree_of("SELECT * FROM ((SELECT a FROM t) UNION ALL (SELECT b FROM u)) x"),
            "(select * (from (union-all (select a (from t)) (select b (from u))):x))");
  EXPECT_EQ(tree_of("WITH x AS (SELECT 1), y (a) AS (SELECT * FROM x) SELECT * FROM y"),
            "(with x (select 1)) (with y(a) (select * (from x))) (select * (from y))");
}

TEST(Queries, SetOperationsBindAsTheStandardSays) {
  EXPECT_EQ(tree_of("SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3"),
            "(union-all (select 1) (intersect (select 2) (select 3)))");
  EXPECT_EQ(tree_of("SELECT 1 EXCEPT SELECT 2 UNION SELECT 3"),
            "(union (except (select 1) (select 2)) (select 3))");
  EXPECT_EQ(tree_of("SELECT 1 UNION ALL SELECT 2 UNION SELECT 3"),
            "(union (union-all (select 1) (select 2)) (select 3))");
  EXPECT_EQ(tree_of("SELECT 1 UNION ALL SELECT 2 ORDER BY x LIMIT 1"),
            "(union-all (select 1) (select 2)) (order x) (limit 1)");
  EXPECT_EQ(tree_of("(SELECT 1 LIMIT 2) ORDER BY x"),
            "(select * (from (select 1) (limit 2))) (order x)");
}

TEST(Queries, GroupingSetsAreMarkedForThePlannerToRefuse) {
  for (const char* item : {"GROUPING SETS ((a, b), (a), ())", "CUBE (a, b)", "ROLLUP (a, b)",
                           "a, GROUPING SETS (CUBE (a), b)", "()"}) {
    const auto statements =
        parse_script(fmt::format("SELECT COUNT(*) FROM t GROUP BY {}", item), Dialect::kFlink);
    ASSERT_TRUE(statements) << statements.error().message;
    EXPECT_TRUE(std::get<QueryPtr>((*statements)[0].body)->select->grouping_sets) << item;
  }
  EXPECT_EQ(tree_of("SELECT 1 FROM t GROUP BY (a, b), c"), "(select 1 (from t) (group a b c))");
}

}  // namespace
}  // namespace millstream::analytics::sql
