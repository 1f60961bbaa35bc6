// Statements of Flink SQL scripts, and the tables that they define.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/plan/planner.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kClicks = R"(CREATE TABLE clicks (
  `user` STRING NOT NULL,
  page ROW<url STRING, size BIGINT>,
  ts TIMESTAMP(3),
  arrived TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  shouted AS UPPER(`user`),
  done AS PROCTIME(),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'clicks', 'format' = 'json');
)";
constexpr std::string_view kOut =
    "CREATE TABLE `out` (a STRING, n BIGINT) WITH ('connector' = 'blackhole');\n";

Result<PlannedScript> planned(std::string_view script, bool collect = false) {
  PlannerSettings settings;
  settings.collect_queries = collect;
  return plan_script(script, settings);
}
std::string error_of(std::string_view script) {
  const auto result = planned(script);
  return result ? "" : result.error().message;
}
std::string with_clicks(std::string_view rest) {
  return fmt::format("{}{}{}", kClicks, kOut, rest);
}

const Table* table_of(const PlannedScript& script, std::string_view name) {
  for (const auto& table : script.tables) {
    if (table->name == name) return table.get();
  }
  return nullptr;
}

TEST(FlinkScript, ATableIsTakenApartIntoLeavesWithPathsAndTimeAttributes) {
  const auto script = planned(kClicks);
  ASSERT_TRUE(script) << script.error().message;
  const Table* table = table_of(*script, "clicks");
  ASSERT_NE(table, nullptr);
  std::vector<std::string> names;
  for (const TableColumn& column : table->columns) names.push_back(column.name);
  EXPECT_THAT(names, testing::ElementsAre("user", "page.url", "page.size", "ts", "arrived",
                                          "shouted", "done"));
  EXPECT_THAT(table->columns[2].path, testing::ElementsAre("page", "size"));
  EXPECT_EQ(table->columns[3].position, 3);
  EXPECT_EQ(table->columns[3].type.time, TimeAttribute::kRowtime);
  EXPECT_EQ(table->columns[4].metadata, Metadata::kArrivalTime);
  EXPECT_EQ(table->columns[4].position, -1);
  EXPECT_NE(table->columns[5].computed, nullptr);
  EXPECT_EQ(table->columns[6].type.time, TimeAttribute::kProctime);
  EXPECT_EQ(table->rowtime, 3);
  EXPECT_NE(table->watermark, nullptr);
}

TEST(FlinkScript, DescribeAndShowSayWhatIsThere) {
  const auto script = planned(with_clicks(
      "DESCRIBE clicks; SHOW TABLES; SHOW CREATE TABLE `out`; SET 'pipeline.name' = 'x'; SET;"));
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_EQ(
      script->results[2].text,
      "name       type                         null   key  extras                             "
      "watermark\n"
      "user       STRING                       FALSE\n"
      "page.url   STRING                       TRUE\n"
      "page.size  BIGINT                       TRUE\n"
      "ts         TIMESTAMP(3) *ROWTIME*       TRUE                                           "
      "(ts - INTERVAL '5' SECOND)\n"
      "arrived    TIMESTAMP_LTZ(3)             TRUE        METADATA FROM 'timestamp' VIRTUAL\n"
      "shouted    STRING                       FALSE       AS UPPER(user)\n"
      "done       TIMESTAMP_LTZ(3) *PROCTIME*  FALSE       AS PROCTIME()\n");
  EXPECT_EQ(script->results[3].text, "clicks\nout\n");
  EXPECT_EQ(script->results[4].text,
            "CREATE TABLE `out` (\n  `a` STRING,\n  `n` BIGINT\n)\nWITH (\n  'connector' = "
            "'blackhole'\n)\n");
  EXPECT_EQ(script->results[6].text, "'pipeline.name' = 'x'\n");
}

TEST(FlinkScript, InsertsViewsAndStatementSetsBecomeSinks) {
  const auto script = planned(with_clicks(R"(
    CREATE VIEW long_pages (who, size_of) AS SELECT `user`, page.size FROM clicks
      WHERE page.size > 100;
    EXECUTE STATEMENT SET BEGIN
      INSERT INTO `out` SELECT who, size_of FROM long_pages;
      INSERT INTO `out` (a) SELECT who FROM default_catalog.default_database.long_pages;
    END;)"));
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->plan.sinks.size(), 2U);
  // What the view computes is shared.
  EXPECT_THAT(explain(script->plan), HasSubstr("Reused(#1)"));
  EXPECT_THAT(script->views, testing::ElementsAre("long_pages"));
}

TEST(FlinkScript, ExplainAnswersAndRunsNothing) {
  const auto script =
      planned(with_clicks("EXPLAIN INSERT INTO `out` SELECT `user`, 1 FROM clicks;"));
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_THAT(script->results[2].text, StartsWith("Sink(table out, blackhole, by insert-1)"));
  EXPECT_TRUE(script->plan.sinks.empty());
}

TEST(FlinkScript, AQueryGoesToWhoAskedIfThereIsSomebody) {
  EXPECT_THAT(error_of(with_clicks("SELECT * FROM clicks;")), HasSubstr("has no reader here"));
  const auto script = planned(with_clicks("SELECT `user`, ts FROM clicks;"), true);
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->plan.sinks.size(), 1U);
  const auto& sink = std::get<SinkNode>(script->plan.sinks[0]->node);
  EXPECT_EQ(sink.table->connector, Connector::kCollect);
  ASSERT_EQ(sink.table->columns.size(), 2U);
  EXPECT_EQ(sink.table->columns[0].name, "user");
}

TEST(FlinkScript, ColumnsOfAResultHaveNamesOfTheirOwn) {
  const auto script =
      planned(with_clicks("SELECT a.`user`, b.`user`, 1 AS user0, a.`user` || 'x' AS `user` "
                          "FROM clicks a JOIN clicks b ON a.`user` = b.`user`;"),
              true);
  ASSERT_TRUE(script) << script.error().message;
  std::vector<std::string> names;
  for (const auto& column : std::get<SinkNode>(script->plan.sinks[0]->node).table->columns) {
    names.push_back(column.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("user", "user0", "user00", "user1"));
}

TEST(FlinkScript, HintsChangeOptionsOfOneReference) {
  const auto script = planned(with_clicks(
      "INSERT INTO `out` SELECT `user`, 1 FROM clicks /*+ OPTIONS('scan.stream.initpos' = "
      "'LATEST') */;"));
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_FALSE(table_of(*script, "clicks")->options.contains("scan.stream.initpos"));
  EXPECT_THAT(error_of(with_clicks("INSERT INTO `out` SELECT `user`, 1 FROM clicks /*+ "
                                   "OPTIONS('json.ignore-parse-erors' = 'true') */;")),
              HasSubstr("did you mean 'json.ignore-parse-errors'?"));
}

TEST(FlinkScript, LikeCopiesATable) {
  const auto script =
      planned(with_clicks("CREATE TABLE more (extra INT) WITH ('stream' = 'more') LIKE clicks;"));
  ASSERT_TRUE(script) << script.error().message;
  const Table* table = table_of(*script, "more");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->columns.size(), 8U);
  EXPECT_EQ(table->columns[7].position, 4);
  EXPECT_EQ(table->options.at("stream"), "more");
  EXPECT_EQ(table->rowtime, 3);
}

TEST(FlinkScript, TablesThatCannotBeAreRefusedWhereTheyAreWrong) {
  const auto table = [](std::string_view columns) {
    return error_of(
        fmt::format("CREATE TABLE t ({}) WITH ('connector' = 'kinesis', 'stream' = "
                    "'s', 'format' = 'json')",
                    columns));
  };
  EXPECT_THAT(table("a INT, a STRING"),
              StartsWith("line 1, column 24: A column named 'a' already"));
  EXPECT_THAT(table("a TIMESTAMP(9)"), HasSubstr("TIMESTAMP(9) is not yet supported"));
  EXPECT_THAT(table("a ARRAY<INT>"), HasSubstr("ARRAY is not yet supported"));
  EXPECT_THAT(table("a VARCHR(3)"), HasSubstr("unexpected 'VARCHR': expected AS or a type"));
  EXPECT_THAT(table("a DECIMAL(39, 2)"),
              HasSubstr("precision of DECIMAL must be between 1 and 38"));
  EXPECT_THAT(table("a STRING, WATERMARK FOR a AS a"),
              HasSubstr("Invalid data type of time field for watermark definition"));
  EXPECT_THAT(table("a TIMESTAMP, WATERMARK FOR a AS a"),
              HasSubstr("the supported precision 'p' is from 0 to 3"));
  EXPECT_THAT(table("a TIMESTAMP(3), WATERMARK FOR b AS a"),
              HasSubstr("The watermark column 'b' is not defined in the table"));
  EXPECT_THAT(table("a INT, b AS c + 1"), HasSubstr("Column 'c' not found"));
  EXPECT_THAT(table("a INT METADATA FROM 'offset'"), HasSubstr("Invalid metadata key 'offset'"));
  EXPECT_THAT(table("a INT METADATA FROM 'timestamp'"),
              HasSubstr("Invalid data type for metadata column 'a'"));
  EXPECT_THAT(error_of("CREATE TABLE t (a INT)"), HasSubstr("do not contain an option key"));
  EXPECT_THAT(error_of("CREATE TABLE t (a INT) WITH ('connector' = 'kafka')"),
              HasSubstr("connector 'kafka' is not yet supported"));
}

TEST(FlinkScript, StatementsThatMakeNoSenseAreRefused) {
  EXPECT_THAT(error_of(with_clicks(kOut)),
              HasSubstr("Table (or view) default_database.out already exists in Catalog "
                        "default_catalog."));
  EXPECT_THAT(error_of(with_clicks("INSERT INTO oat SELECT `user`, 1 FROM clicks;")),
              AllOf(HasSubstr("Table or view 'oat' not found"), HasSubstr("'out'")));
  EXPECT_THAT(error_of(with_clicks("INSERT INTO `out` SELECT a, n FROM `out`;")),
              HasSubstr("Connector 'blackhole' can only be used as a sink"));
  EXPECT_THAT(error_of(with_clicks("DROP TABLE nothing;")), HasSubstr("not found"));
  EXPECT_EQ(error_of(with_clicks("DROP TABLE IF EXISTS nothing; DROP TABLE `out`;")), "");
  EXPECT_THAT(error_of("SET 'table.exec.state.tll' = '1 h';"),
              AllOf(StartsWith("line 1"), HasSubstr("did you mean 'table.exec.state.ttl'?")));
}

TEST(FlinkScript, ViewsThatDoubleTheirColumnsAreBounded) {
  std::string script(kOut);
  script += "CREATE TABLE t (a INT) WITH ('connector' = 'datagen');\n";
  script += "CREATE VIEW v0 AS SELECT a AS a0 FROM t;\n";
  for (int i = 1; i < 40; ++i) {
    script +=
        fmt::format("CREATE VIEW v{} AS SELECT x.*, y.* FROM v{} x, v{} y;\n", i, i - 1, i - 1);
  }
  EXPECT_NE(error_of(script), "");
}

TEST(FlinkScript, LongChainsOfViewsAreBounded) {
  std::string script(kOut);
  script += "CREATE TABLE t (a STRING, n BIGINT) WITH ('connector' = 'datagen');\n";
  script += "CREATE VIEW v0 AS SELECT a, n FROM t WHERE n > 0;\n";
  constexpr int kViews = 1200;
  for (int i = 1; i < kViews; ++i) {
    script += fmt::format("CREATE VIEW v{} AS SELECT DISTINCT a, n FROM v{};\n", i, i - 1);
  }
  script += fmt::format("INSERT INTO `out` SELECT a, n FROM v{};\n", kViews - 1);
  EXPECT_THAT(error_of(script), HasSubstr("the plan is too deep"));
}

}  // namespace
}  // namespace millstream::analytics
