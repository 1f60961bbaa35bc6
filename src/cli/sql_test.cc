#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/sql_client.h"
#include "cli/sql_script.h"
#include "cli/sql_table.h"

namespace millstream::cli {
namespace {

TEST(SqlScript, EachStepHasTheDefinitionsBeforeItAtTheirPlaces) {
  const auto script = split_script(
      "CREATE TABLE a (x INT) WITH ('connector' = 'datagen');\n"
      "SELECT x\n"
      "FROM a;\n"
      "CREATE VIEW b AS SELECT x + 1 AS y FROM a;\n"
      "SELECT y FROM b;");
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->steps.size(), 2U);
  EXPECT_TRUE(script->steps[0].is_query);
  EXPECT_TRUE(script->steps[0].sql.ends_with("SELECT x\nFROM a;"));
  EXPECT_EQ(script->steps[1].sql,
            "CREATE TABLE a (x INT) WITH ('connector' = 'datagen');\n"
            "        \n"
            "       \n"
            "CREATE VIEW b AS SELECT x + 1 AS y FROM a;\n"
            "SELECT y FROM b;");
  EXPECT_THAT(script->names, testing::ElementsAre("a", "b"));
  EXPECT_THAT(script->definitions, testing::HasSubstr("CREATE VIEW b"));
  EXPECT_THAT(script->definitions, testing::Not(testing::HasSubstr("FROM a;\nCREATE")));
}

TEST(SqlScript, InsertsThatFollowOneAnotherAreOneStep) {
  const auto script = split_script(
      "INSERT INTO s SELECT 1; INSERT INTO t SELECT 2; EXPLAIN SELECT 1; INSERT INTO s SELECT 3;");
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->steps.size(), 3U);
  EXPECT_TRUE(script->steps[0].is_insert);
  EXPECT_EQ(script->steps[0].sql, "INSERT INTO s SELECT 1; INSERT INTO t SELECT 2;");
  EXPECT_FALSE(script->steps[1].is_insert || script->steps[1].is_query);
  EXPECT_THAT(script->steps[2].sql, testing::EndsWith("INSERT INTO s SELECT 3;"));
  EXPECT_THAT(script->steps[2].sql, testing::Not(testing::HasSubstr("SELECT 2")));
}

TEST(SqlScript, DefinitionsAloneAreCheckedAndErrorsHaveTheirPlace) {
  const auto script = split_script("CREATE TABLE a (x INT) WITH ('connector' = 'print')");
  ASSERT_TRUE(script);
  ASSERT_EQ(script->steps.size(), 1U);
  EXPECT_FALSE(script->steps[0].is_query);
  const auto wrong = split_script("SELECT 1;\nSELEKT 2;");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().message.starts_with("line 2, column 1")) << wrong.error().message;
  EXPECT_EQ(without_lines("line 12, column 3: what", 10), "line 2, column 3: what");
  EXPECT_EQ(without_lines("line 2, column 3: what", 10), "line 2, column 3: what");
  EXPECT_EQ(without_lines("no line", 10), "no line");
}

SqlRow row(std::string op, std::vector<std::string> cells) {
  return {.op = std::move(op), .cells = std::move(cells)};
}

TEST(ResultTable, KeepsWhatAChangelogAmountsTo) {
  ResultTable table({{"name", "STRING"}, {"n", "BIGINT"}});
  EXPECT_TRUE(table.apply(row("+I", {R"("a")", "1"})));
  EXPECT_TRUE(table.apply(row("+I", {R"("b")", "10"})));
  EXPECT_TRUE(table.apply(row("-U", {R"("a")", "1"})));
  EXPECT_TRUE(table.apply(row("+U", {R"("a")", "2"})));
  EXPECT_TRUE(table.apply(row("+I", {"null", "3"})));
  EXPECT_TRUE(table.apply(row("-D", {R"("b")", "10"})));
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.changes(), 6U);
  EXPECT_EQ(table.text(100, 20),
            "+------+---+\n"
            "| name | n |\n"
            "+------+---+\n"
            "| a    | 2 |\n"
            "| NULL | 3 |\n"
            "+------+---+\n");
}

TEST(ResultTable, CutsLongCellsByCharactersAndShowsTheLastRows) {
  ResultTable table({{"t", "STRING"}});
  for (const char* text : {R"("eins")", R"("äöüäöü")", R"("zwei\nZeilen")"}) {
    EXPECT_TRUE(table.apply(row("+I", {text})));
  }
  EXPECT_EQ(table.text(2, 4),
            "+------+\n"
            "| t    |\n"
            "+------+\n"
            "| äöü… |\n"
            "| zwe… |\n"
            "+------+\n");
}

TEST(SqlLine, IsAnEvent) {
  const auto parsed = parse_sql_line(R"({"op":"-U","row":[1,"x",null,true,"1.50"]})");
  ASSERT_TRUE(parsed);
  const auto* as_row = std::get_if<SqlRow>(&*parsed);
  ASSERT_TRUE(as_row);
  EXPECT_EQ(as_row->op, "-U");
  EXPECT_THAT(as_row->cells, testing::ElementsAre("1", R"("x")", "null", "true", R"("1.50")"));
  const auto columns = parse_sql_line(R"({"columns":[{"name":"a","type":"INT"}]})");
  ASSERT_TRUE(columns && std::holds_alternative<SqlColumns>(*columns));
  EXPECT_EQ(std::get<SqlColumns>(*columns).columns[0].type, "INT");
  const auto error = parse_sql_line(R"({"error":{"message":"no"}})");
  ASSERT_TRUE(error && std::holds_alternative<SqlEnd>(*error));
  EXPECT_EQ(std::get<SqlEnd>(*error).error, "no");
  EXPECT_FALSE(parse_sql_line("<html>"));
  EXPECT_FALSE(parse_sql_line(R"({"other":1})"));
}

}  // namespace
}  // namespace millstream::cli
