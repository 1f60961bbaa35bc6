#include <gmock/gmock.h>

#include "analytics/formats/csv_decoder.h"
#include "analytics/formats/formats_test_support.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;
using testing::ElementsAre;
using testing::HasSubstr;

Table two(const Type& first, std::map<std::string, std::string> options = {}) {
  return test_table(Format::kCsv, {{"a", first}, {"b", varchar_type()}}, std::move(options));
}

Table numbers(std::map<std::string, std::string> options = {}) {
  return two(make_type(TypeKind::kInteger), std::move(options));
}

void check(const Table& table, std::initializer_list<std::pair<std::string, std::string>> cases) {
  for (const auto& [record, expected] : cases) {
    std::string got = decode_one(table, record);
    if (expected == "error" && got.starts_with("error")) got = "error";
    EXPECT_EQ(got, expected) << record;
  }
}

// Expected values here and below: what flink-csv 2.2.0 answered.
TEST(CsvDecoder, ReadsRowsAsFlinkDoes) {
  check(numbers(), {{"1,abc", "1, 'abc'"},
                    {"1", "error: Row length mismatch. 2 fields expected but was 1."},
                    {"1,a,b", "error"},
                    {"x,a", "error: column a: 'x' is no INT"},
                    {",a", "error"},
                    {"", "error"},
                    {" 1 , a ", "1, ' a '"},
                    {"1,\"a,\"\"b\"", "1, 'a,\"b'"},
                    {"1,\"a\nb\"\n2,c", "1, 'a\nb'"},
                    {"1, \"a\"", "1, ' \"a\"'"},
                    {"1,\"a\"x", "error"},
                    {"1,a\"b", "1, 'a\"b'"},
                    {"1,\"a", "error"},
                    {"\n1,a", "error"},
                    {"1,", "1, ''"},
                    {"1,a\r\n", "1, 'a'"},
                    {"1.9,x", "error"},
                    {"3000000000,x", "error"}});
  const auto ignoring = [](std::string record) {
    return decode_one(numbers({{"csv.ignore-parse-errors", "true"}}), record);
  };
  EXPECT_EQ(ignoring("1,a,b"), "none");
  EXPECT_EQ(ignoring("1"), "1, NULL");
  EXPECT_EQ(ignoring("x,a"), "NULL, 'a'");
  EXPECT_EQ(ignoring(",a"), "NULL, 'a'");
}

TEST(CsvDecoder, ReadsValuesAsFlinkDoes) {
  const auto ts = [](std::string text) { return "TIMESTAMP '" + text + "', 'x'"; };
  check(two(timestamp_type(3)), {{"2020-01-01 00:00:00.5,x", ts("2020-01-01 00:00:00.500")},
                                 {"2020-1-1 0:0:0,x", "error"},
                                 {"2020-01-01T00:00:00,x", "error"},
                                 {"2020-02-31 00:00:00,x", ts("2020-02-29 00:00:00")},
                                 {" 2020-01-01 00:00:00 ,x", ts("2020-01-01 00:00:00")},
                                 {"2020-01-01 24:00:00,x", ts("2020-01-02 00:00:00")}});
  check(two(make_type(TypeKind::kDate)),
        {{"2020-1-1,x", "DATE '2020-01-01', 'x'"}, {"2020-02-30,x", "DATE '2020-03-01', 'x'"}});
  check(two(decimal_type(5, 2)), {{"1.5 ,x", "error"}, {"12345,x", "NULL, 'x'"}});
  check(two(make_type(TypeKind::kBoolean)), {{"TRUE,x", "TRUE, 'x'"}});
  check(two(make_type(TypeKind::kDouble)), {{"1e3,x", "1000, 'x'"}});
}

TEST(CsvDecoder, FollowsItsOptions) {
  check(numbers({{"csv.null-literal", "null"}}), {{"null,\"null\"", "NULL, NULL"}});
  check(numbers({{"csv.null-literal", ""}}), {{",", "NULL, NULL"}});
  check(numbers({{"csv.field-delimiter", "\\t"}}), {{"1\ta,b", "1, 'a,b'"}});
  check(numbers({{"csv.quote-character", "'"}}), {{"1,'a,''b'", "1, 'a,''b'"}});
  check(numbers({{"csv.disable-quote-character", "true"}}), {{"1,\"a\"", "1, '\"a\"'"}});
  check(numbers({{"csv.escape-character", "\\"}}),
        {{"1,a\\,b\\n", "1, 'a,b\n'"}, {"1,\"a\\\"b\"", "1, 'a\"b'"}});
  check(numbers({{"csv.allow-comments", "true"}}), {{"# note\n1,a", "1, 'a'"}});
  const auto wrong =
      Decoder::make(numbers({{"csv.field-delimiter", "ab"}}), std::vector<int>{0}, Dialect::kFlink);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, HasSubstr("csv.field-delimiter"));
}

TEST(CsvDecoder, DecodesOnlyTheColumnsThatAreNeeded) {
  const Table table = numbers();
  auto decoder = *Decoder::make(table, std::vector<int>{1}, Dialect::kFlink);
  Decoded result;
  decode_with(*decoder, table, {"no number,b"}, result);
  EXPECT_THAT(result.rows, ElementsAre("'b'"));
}

TEST(CsvDecoder, ReadsSeveralRowsOfARecordInTheKinesisDialect) {
  Table table = numbers({{"record.column.delimiter", ","}, {"record.row.delimiter", "\n"}});
  EXPECT_EQ(decode_one(table, "1, \"a, b\" \r\n2,c,more\n\n3\n,d\n", Dialect::kKinesis),
            "1, 'a, b' | 2, 'c' | 3, NULL | NULL, 'd'");
  table.options["record.row.delimiter"] = "<>";
  table.options["record.column.delimiter"] = "||";
  EXPECT_EQ(decode_one(table, "1||a|b<c\n<>2||d<>", Dialect::kKinesis), "1, 'a|b<c\n' | 2, 'd'");
}

TEST(CsvDecoder, ReportsTheRowThatIsNoneAndKeepsTheOthers) {
  const Decoded decoded = decode(numbers(), {"1,a\nx,b\n3,c", "4,d"}, Dialect::kKinesis);
  EXPECT_THAT(decoded.rows, ElementsAre("1, 'a'", "3, 'c'", "4, 'd'"));
  EXPECT_THAT(decoded.record_of_row, ElementsAre(0, 0, 1));
  ASSERT_EQ(decoded.errors.size(), 1);
  EXPECT_EQ(decoded.errors[0].message, "column a: 'x' is no INT");
}

}  // namespace
}  // namespace millstream::analytics
