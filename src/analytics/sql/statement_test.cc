// Statements of both dialects as trees, and what is_complete() and keywords() tell the shell.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"
#include "analytics/sql/tree_text.h"

namespace millstream::analytics::sql {
namespace {

std::string tree_of(std::string_view text, Dialect dialect = Dialect::kFlink) {
  const auto statements = parse_script(text, dialect);
  if (!statements) return statements.error().message;
  std::string trees;
  for (const Statement& statement : *statements) {
    trees += (trees.empty() ? "" : "; ") + tree_text(statement);
  }
  return trees;
}

std::string kinesis(std::string_view text) { return tree_of(text, Dialect::kKinesis); }

TEST(Statements, CreateTableKeepsEveryPart) {
  EXPECT_EQ(tree_of(R"(CREATE TEMPORARY TABLE IF NOT EXISTS cat.db.t (
    id BIGINT NOT NULL COMMENT 'the key',
    price DECIMAL(10, 2),
    total AS price * 2 COMMENT 'twice',
    arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
    `partition` STRING METADATA,
    ts TIMESTAMP(3) WITH LOCAL TIME ZONE,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
    PRIMARY KEY (id) NOT ENFORCED
  ) COMMENT 'orders' PARTITIONED BY (day_, hour_) WITH ('connector' = 'kinesis', 'a' = ''))"),
            "(create-table temporary if-not-exists cat.db.t [id BIGINT! comment 'the key', price "
            "DECIMAL(10,2), total as (* price 2), arrival TIMESTAMP_LTZ(3) metadata 'timestamp' "
            "virtual, `partition` STRING metadata, ts TIMESTAMP WITH LOCAL TIME ZONE(3)] "
            "(watermark ts (- ts [5 SECOND])) (key id) (by day_,hour_) connector=kinesis a=)")
      << "a comment on a computed column is read";
  EXPECT_EQ(tree_of("CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED) LIKE u"),
            "(create-table t [a INT primary-key] like u)");
  EXPECT_EQ(tree_of("CREATE TABLE t WITH ('a'='b') AS SELECT 1"),
            "(create-table t [] a=b (select 1))");
}

TEST(Statements, TypesKeepWhatIsWritten) {
  EXPECT_EQ(tree_of("CREATE TABLE t (a ROW<x INT, y ROW<z STRING 'c'>>, b MAP<STRING, INT NOT "
                    "NULL>, c DOUBLE PRECISION, d CHARACTER VARYING(3), e TIME(0) WITHOUT TIME "
                    "ZONE, f INTERVAL DAY(2) TO SECOND(3), g INT ARRAY, h VARBINARY(5) NULL, i "
                    "ROW(p INT))"),
            "(create-table t [a ROW(x INT,y ROW(z STRING)), b MAP(STRING,INT!), c DOUBLE "
            "PRECISION, d CHARACTER VARYING(3), e TIME(0), f INTERVAL DAY TO SECOND(2,3), g "
            "ARRAY(INT), h VARBINARY(5), i ROW(p INT)])");
}

TEST(Statements, KinesisApplicationsParse) {
  EXPECT_EQ(kinesis(R"(CREATE OR REPLACE STREAM "OUT" (ticker VARCHAR(4) NOT NULL, "p" REAL)
      DESCRIPTION 'the output';
      -- the pump
      CREATE OR REPLACE PUMP "P" STARTED AS INSERT INTO "OUT" (ticker, "p")
      SELECT STREAM ticker, AVG(price) FROM "SOURCE_SQL_STREAM_001"
      GROUP BY ticker, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '60' SECOND);)"),
            "(create-stream or-replace \"OUT\" [ticker VARCHAR(4)!, \"p\" REAL]); (create-pump "
            "or-replace \"P\" (insert \"OUT\" (ticker,\"p\") (select stream ticker (AVG price) "
            "(from \"SOURCE_SQL_STREAM_001\") (group ticker (step "
            "\"SOURCE_SQL_STREAM_001\".ROWTIME [60 SECOND])))))");
  EXPECT_EQ(kinesis("DROP STREAM IF EXISTS a; DROP PUMP b"),
            "(drop STREAM if-exists a); (drop PUMP b)");
}

TEST(Statements, InsertsAndSetsOfThemParse) {
  EXPECT_EQ(tree_of("INSERT OVERWRITE c.t (a, b) VALUES (1, 2)"),
            "(insert overwrite c.t (a,b) (values (row 1 2)))");
  EXPECT_EQ(tree_of("INSERT INTO t (SELECT 1)"), "(insert t (select 1))");
  EXPECT_EQ(tree_of("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; "
                    "END; SELECT 3"),
            "(set-of (insert a (select 1)) (insert b (select 2))); (select 3)");
  EXPECT_EQ(tree_of("BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;"),
            "(set-of (insert a (select 1)))");
  EXPECT_EQ(tree_of("EXECUTE INSERT INTO a SELECT 1"), "(insert a (select 1))");
}

TEST(Statements, TheSmallOnesParse) {
  EXPECT_EQ(tree_of("SET; SET 'a.b' = 'c'; RESET; RESET 'a.b'"),
            "(set); (set a.b=c); (reset); "
            "(reset a.b)");
  EXPECT_EQ(tree_of("EXPLAIN SELECT 1; EXPLAIN PLAN FOR INSERT INTO t SELECT 1"),
            "(explain (select 1)); (explain (insert t (select 1)))");
  EXPECT_EQ(tree_of("EXPLAIN STATEMENT SET BEGIN INSERT INTO a SELECT 1; END"),
            "(explain (set-of (insert a (select 1))))");
  EXPECT_EQ(tree_of("SHOW TABLES; SHOW FUNCTIONS; SHOW CREATE TABLE a.b"),
            "(show TABLES); (show FUNCTIONS); (show CREATE TABLE a.b)");
  EXPECT_EQ(kinesis("SHOW STREAMS; SHOW PUMPS"), "(show STREAMS); (show PUMPS)");
  EXPECT_EQ(tree_of("DESCRIBE t; DESC a.t"), "(describe t); (describe a.t)");
  EXPECT_EQ(tree_of("DROP TEMPORARY VIEW IF EXISTS v"), "(drop VIEW if-exists v)");
  EXPECT_EQ(tree_of("CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b COMMENT 'c') AS SELECT 1, 2"),
            "(create-view temporary if-not-exists v (a,b) (select 1 2))");
  EXPECT_EQ(tree_of(" ;; /* nothing */ -- at all\n"), "");
}

TEST(Statements, KnowWhereTheyEnd) {
  const std::string script = "SELECT 1 ;\n  SELECT a\nFROM t";
  const auto statements = parse_script(script, Dialect::kFlink);
  ASSERT_TRUE(statements);
  const Statement& second = (*statements)[1];
  EXPECT_EQ(second.position.line, 2U);
  EXPECT_EQ(second.position.column, 3U);
  EXPECT_EQ(script.substr(second.position.offset, second.end_offset - second.position.offset),
            "SELECT a\nFROM t");
}

TEST(Shell, CompleteTextEndsInASemicolonOutsideQuotesCommentsAndSets) {
  const auto complete = [](std::string_view text) { return is_complete(text, Dialect::kFlink); };
  EXPECT_TRUE(complete("SELECT 1;"));
  EXPECT_TRUE(complete("SELECT ';' ; -- done\n"));
  EXPECT_TRUE(complete("SELECT CASE WHEN a THEN b END;"));
  EXPECT_FALSE(complete("SELECT 1"));
  EXPECT_FALSE(complete(""));
  EXPECT_FALSE(complete("SELECT 'a;"));
  EXPECT_FALSE(complete("SELECT `a;"));
  EXPECT_FALSE(complete("SELECT 1; /* more;"));
  EXPECT_FALSE(
      complete("SELECT 1; -- ;"
               "\nSELECT"));
  EXPECT_FALSE(complete("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;"));
  EXPECT_TRUE(complete("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;"));
  EXPECT_FALSE(complete("BEGIN STATEMENT SET;"));
  EXPECT_FALSE(complete("BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN x THEN 1 END;"));
  EXPECT_TRUE(complete("BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;"));
  EXPECT_TRUE(complete("SELECT \xff")) << "wrong input is complete: the parser says what is wrong";
  EXPECT_TRUE(is_complete("SELECT \"a\";", Dialect::kKinesis));
  EXPECT_FALSE(is_complete("SELECT \"a;", Dialect::kKinesis));
}

TEST(Shell, KeywordsAreTheDialectsOwn) {
  const auto has = [](Dialect dialect, std::string_view word) {
    return std::ranges::binary_search(keywords(dialect), word);
  };
  for (const Dialect dialect : {Dialect::kKinesis, Dialect::kFlink}) {
    EXPECT_TRUE(std::ranges::is_sorted(keywords(dialect)));
    EXPECT_TRUE(has(dialect, "SELECT"));
  }
  EXPECT_TRUE(has(Dialect::kKinesis, "PUMP"));
  EXPECT_FALSE(has(Dialect::kFlink, "PUMP"));
  EXPECT_TRUE(has(Dialect::kFlink, "WATERMARK"));
  EXPECT_TRUE(has(Dialect::kFlink, "METADATA"));
  EXPECT_FALSE(has(Dialect::kKinesis, "METADATA"));
}

}  // namespace
}  // namespace millstream::analytics::sql
