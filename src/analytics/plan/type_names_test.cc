#include "analytics/plan/type_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/sql/parser.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;

// The type as written for a column, in the dialect's own spelling; or the error.
std::string text_of(std::string_view written, sql::Dialect dialect) {
  const std::string script =
      dialect == sql::Dialect::kFlink
          ? fmt::format("CREATE TABLE t (a {}) WITH ('connector' = 'print')", written)
          : fmt::format("CREATE STREAM t (a {})", written);
  const auto statements = sql::parse_script(script, dialect);
  if (!statements) return statements.error().message;
  const auto& body = statements->front().body;
  const auto& columns = dialect == sql::Dialect::kFlink ? std::get<sql::CreateTable>(body).columns
                                                        : std::get<sql::CreateStream>(body).columns;
  const auto type = resolve_type(columns[0].type, dialect, script);
  return type ? type_text(*type) : type.error().message;
}

TEST(TypeNames, FlinkSpellings) {
  const auto flink = [](std::string_view written) {
    return text_of(written, sql::Dialect::kFlink);
  };
  EXPECT_EQ(flink("STRING"), "STRING");
  EXPECT_EQ(flink("VARCHAR"), "VARCHAR(1)");
  EXPECT_EQ(flink("DEC(10, 2) NOT NULL"), "DECIMAL(10, 2) NOT NULL");
  EXPECT_EQ(flink("NUMERIC"), "DECIMAL(10, 0)");
  EXPECT_EQ(flink("TIMESTAMP"), "TIMESTAMP(6)");
  EXPECT_EQ(flink("TIMESTAMP(3) WITHOUT TIME ZONE"), "TIMESTAMP(3)");
  EXPECT_EQ(flink("TIMESTAMP(3) WITH LOCAL TIME ZONE"), "TIMESTAMP_LTZ(3)");
  EXPECT_EQ(flink("TIMESTAMP_LTZ(3)"), "TIMESTAMP_LTZ(3)");
  EXPECT_EQ(flink("DOUBLE PRECISION"), "DOUBLE");
  EXPECT_EQ(flink("ROW<x INT, y ROW<z STRING>>"), "ROW<`x` INT, `y` ROW<`z` STRING>>");
  EXPECT_THAT(flink("MAP<STRING, INT>"), HasSubstr("MAP is not yet supported"));
  EXPECT_THAT(flink("DECIMAL(10, 11)"), HasSubstr("scale of DECIMAL must be between 0 and"));
  EXPECT_THAT(flink("VARCHAR(0)"), HasSubstr("length of VARCHAR must be between 1"));
}

TEST(TypeNames, KinesisSpellings) {
  const auto kinesis = [](std::string_view written) {
    return text_of(written, sql::Dialect::kKinesis);
  };
  EXPECT_EQ(kinesis("TIMESTAMP"), "TIMESTAMP(3)");
  EXPECT_EQ(kinesis("FLOAT"), "DOUBLE");
  EXPECT_EQ(kinesis("REAL"), "FLOAT");
  EXPECT_EQ(kinesis("varchar(16)"), "VARCHAR(16)");
  EXPECT_EQ(kinesis("DECIMAL(5,2)"), "DECIMAL(5, 2)");
}

TEST(TypeNames, LeavesKeepTheirPathAndTakeTheNullabilityOfTheirRow) {
  Type inner = make_type(TypeKind::kRow, false);
  inner.fields.push_back({.name = "z", .type = make_type(TypeKind::kInteger, false)});
  Type outer = make_type(TypeKind::kRow, true);
  outer.fields.push_back({.name = "y", .type = inner});
  outer.fields.push_back({.name = "w", .type = make_type(TypeKind::kBoolean)});
  const auto leaves = leaves_of("x", outer);
  ASSERT_EQ(leaves.size(), 2U);
  EXPECT_EQ(leaves[0].name, "x.y.z");
  EXPECT_THAT(leaves[0].path, testing::ElementsAre("x", "y", "z"));
  EXPECT_TRUE(leaves[0].type.nullable);
  EXPECT_EQ(leaves[1].name, "x.w");
}

}  // namespace
}  // namespace millstream::analytics
