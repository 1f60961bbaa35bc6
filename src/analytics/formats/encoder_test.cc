#include <cmath>

#include <gmock/gmock.h>

#include "analytics/formats/formats_test_support.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;
using testing::ElementsAre;
using testing::HasSubstr;

// The value of member "a".
std::string json_of(const Type& type, Value value, std::map<std::string, std::string> options = {},
                    Dialect dialect = Dialect::kFlink) {
  const Table table = test_table(Format::kJson, {{"a", type}}, std::move(options));
  const std::string text = encode(table, {{std::move(value)}}, dialect).at(0);
  EXPECT_TRUE(text.starts_with("{\"a\":") && text.ends_with("}")) << text;
  return text.substr(5, text.size() - 6);
}

std::string csv_of(const Type& type, Value value, std::map<std::string, std::string> options = {}) {
  const Table table = test_table(Format::kCsv, {{"a", type}}, std::move(options));
  return encode(table, {{std::move(value)}}).at(0);
}

Type of(TypeKind kind, int32_t precision = 0) {
  Type type = make_type(kind);
  type.precision = precision;
  return type;
}

constexpr int64_t kFirstOf2020 = 1'577'836'800'000'000;

// Expected values here and below: what flink-json 2.2.0 wrote.
TEST(JsonEncoder, WritesNumbersAsFlinkDoes) {
  const Type d = of(TypeKind::kDouble);
  EXPECT_EQ(json_of(d, 0.0), "0.0");
  EXPECT_EQ(json_of(d, -0.0), "-0.0");
  EXPECT_EQ(json_of(d, 1234567.0), "1234567.0");
  EXPECT_EQ(json_of(d, 1e7), "1.0E7");
  EXPECT_EQ(json_of(d, 0.001), "0.001");
  EXPECT_EQ(json_of(d, 0.0009999), "9.999E-4");
  EXPECT_EQ(json_of(d, 123456789.125), "1.23456789125E8");
  EXPECT_EQ(json_of(d, 1.5e300), "1.5E300");
  EXPECT_EQ(json_of(d, std::nan("")), "\"NaN\"");
  EXPECT_EQ(json_of(d, -INFINITY), "\"-Infinity\"");
  EXPECT_EQ(json_of(of(TypeKind::kFloat), static_cast<double>(0.1F)), "0.1");
  EXPECT_EQ(json_of(of(TypeKind::kBigint), INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(json_of(of(TypeKind::kBoolean), true), "true");
}

TEST(JsonEncoder, WritesDecimalsStrippedUnlessAskedForPlainOnes) {
  const std::map<std::string, std::string> plain = {
      {"json.encode.decimal-as-plain-number", "true"}};
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{10'000}), "1E+2");
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{10'000}, plain), "100.00");
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{10'000}, {}, Dialect::kKinesis), "100.00");
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{0}), "0");
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{0}, plain), "0.00");
  EXPECT_EQ(json_of(decimal_type(10, 2), Decimal{-1230}), "-12.3");
  EXPECT_EQ(json_of(decimal_type(20, 10), Decimal{270}), "2.7E-8");
  EXPECT_EQ(json_of(decimal_type(20, 10), Decimal{1000}), "1E-7");
  EXPECT_EQ(json_of(decimal_type(20, 10), Decimal{12'300}), "0.00000123");
  EXPECT_EQ(json_of(decimal_type(20, 10), Decimal{270}, plain), "0.0000000270");
  EXPECT_EQ(json_of(decimal_type(20, 0), Decimal{1'000'000}), "1E+6");
  Decimal large = 1;
  for (int i = 0; i < 38; ++i) large *= 10;
  EXPECT_EQ(json_of(decimal_type(38, 2), large - 1, plain),
            "999999999999999999999999999999999999.99");
}

TEST(JsonEncoder, WritesTimesAsFlinkDoes) {
  const Type ts = timestamp_type(6);
  const Type ltz = of(TypeKind::kTimestampLtz, 6);
  const std::map<std::string, std::string> iso = {{"json.timestamp-format.standard", "ISO-8601"}};
  EXPECT_EQ(json_of(ts, kFirstOf2020), "\"2020-01-01 00:00:00\"");
  EXPECT_EQ(json_of(ts, kFirstOf2020 + 120'000), "\"2020-01-01 00:00:00.12\"");
  EXPECT_EQ(json_of(ltz, kFirstOf2020 + 123'456), "\"2020-01-01 00:00:00.123456Z\"");
  EXPECT_EQ(json_of(ts, int64_t{-1000}), "\"1969-12-31 23:59:59.999\"");
  EXPECT_EQ(json_of(ts, int64_t{1'500'000}, iso), "\"1970-01-01T00:00:01.5\"");
  EXPECT_EQ(json_of(ltz, int64_t{1'500'000}, iso), "\"1970-01-01T00:00:01.5Z\"");
  EXPECT_EQ(json_of(of(TypeKind::kTime, 3), int64_t{3'661'001}), "\"01:01:01\"");
  EXPECT_EQ(json_of(of(TypeKind::kDate), int64_t{18'000}), "\"2019-04-14\"");
  EXPECT_EQ(json_of(of(TypeKind::kDate), int64_t{-800'000}), "\"-0221-09-04\"");
  EXPECT_EQ(json_of(of(TypeKind::kDate), int64_t{3'000'000}), "\"+10183-09-21\"");
  EXPECT_EQ(json_of(ts, kFirstOf2020, {}, Dialect::kKinesis), "\"2020-01-01 00:00:00.0\"");
  for (const int64_t extreme : {INT64_MIN, INT64_MAX}) {
    EXPECT_THAT(json_of(ts, extreme), HasSubstr(":"));
  }
}

TEST(JsonEncoder, EscapesAsJacksonDoesAndRepairsWhatIsNoUtf8) {
  const Type s = varchar_type();
  EXPECT_EQ(json_of(s, std::string("a\"\\/\b\f\n\r\t\x01\x1f\x7f\u00e9\u2028\U0001F600")),
            "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\u00e9\u2028\\uD83D\\uDE00\"");
  EXPECT_EQ(json_of(s, std::string("plain text of some length\xff!")),
            "\"plain text of some length\xEF\xBF\xBD!\"");
  EXPECT_EQ(json_of(s, std::string()), "\"\"");
  EXPECT_EQ(json_of(of(TypeKind::kVarbinary, 9), std::string("\1\2\3\4")), "\"AQIDBA==\"");
}

TEST(JsonEncoder, NestsRowsAndWritesOrLeavesOutNulls) {
  Table table = test_table(Format::kJson, {{"a", of(TypeKind::kInteger)},
                                           {"r.x", of(TypeKind::kInteger)},
                                           {"r.q.y", varchar_type()},
                                           {"b", of(TypeKind::kInteger)}});
  table.columns[1].path = {"r", "x"};
  table.columns[2].path = {"r", "q", "y"};
  EXPECT_THAT(encode(table, {{int64_t{1}, int64_t{2}, std::string("z"), Value()},
                             {Value(), Value(), Value(), int64_t{4}}}),
              ElementsAre(R"({"a":1,"r":{"x":2,"q":{"y":"z"}},"b":null})",
                          R"({"a":null,"r":{"x":null,"q":{"y":null}},"b":4})"));
  const Table sparse =
      test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}, {"b", of(TypeKind::kInteger)}},
                 {{"json.encode.ignore-null-fields", "true"}});
  EXPECT_THAT(encode(sparse, {{Value(), int64_t{2}}, {Value(), Value()}}),
              ElementsAre(R"({"b":2})", "{}"));
}

TEST(JsonEncoder, LeavesOutComputedAndMetadataColumns) {
  Table table =
      test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}, {"at", timestamp_type(3)}});
  table.columns[1].metadata = Metadata::kArrivalTime;
  EXPECT_THAT(encode(table, {{int64_t{1}, int64_t{2}}}), ElementsAre(R"({"a":1})"));
}

// As flink-csv 2.2.0 wrote them.
TEST(CsvEncoder, QuotesWhereJacksonDoes) {
  const Type s = varchar_type();
  for (const char* const plain : {"", "abc", "-1", "a;b", "12:13", "a.b", "@x", "{a}", "\u00e9",
                                  "=", "exactly-twentyfour-chars"}) {
    EXPECT_EQ(csv_of(s, std::string(plain)), plain);
  }
  for (const char* const odd : {"a b", " a", "a,b", "a'b", "a\nb", "#a", "a+b", "(a)", "*", "x#y",
                                "a\tb", "a-text-of-twentyfive-char"}) {
    EXPECT_EQ(csv_of(s, std::string(odd)), "\"" + std::string(odd) + "\"");
  }
  EXPECT_EQ(csv_of(s, std::string("a\"b")), "\"a\"\"b\"");
  EXPECT_EQ(csv_of(s, std::string("ABC"), {{"csv.field-delimiter", "|"}}), "\"ABC\"");
  EXPECT_EQ(csv_of(s, std::string("a b"), {{"csv.disable-quote-character", "true"}}), "a b");
}

TEST(CsvEncoder, WritesValuesAsFlinkDoes) {
  EXPECT_EQ(csv_of(timestamp_type(3), kFirstOf2020 + 120'000), "\"2020-01-01 00:00:00.12\"");
  EXPECT_EQ(csv_of(of(TypeKind::kTime, 3), int64_t{3'661'001}), "01:01:01.001");
  EXPECT_EQ(csv_of(of(TypeKind::kDate), int64_t{18'000}), "2019-04-14");
  EXPECT_EQ(csv_of(of(TypeKind::kDouble), 1e7), "1.0E7");
  EXPECT_EQ(csv_of(decimal_type(10, 2), Decimal{10'000}), "1E+2");
  EXPECT_EQ(csv_of(decimal_type(10, 2), Decimal{10'000},
                   {{"csv.write-bigdecimal-in-scientific-notation", "false"}}),
            "100.00");
  EXPECT_EQ(csv_of(of(TypeKind::kInteger), Value()), "");
  EXPECT_EQ(csv_of(of(TypeKind::kInteger), Value(), {{"csv.null-literal", "N/A"}}), "N/A");
  const Table table =
      test_table(Format::kCsv, {{"a", of(TypeKind::kInteger)}, {"b", varchar_type()}});
  EXPECT_THAT(encode(table, {{int64_t{1}, std::string("x")}, {int64_t{2}, Value()}}),
              ElementsAre("1,x", "2,"));
}

TEST(Encoder, AsksForAFormat) {
  const auto made = Encoder::make(test_table(Format::kNone, {}), Dialect::kFlink);
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().message, HasSubstr("'format' = 'json'"));
}

}  // namespace
}  // namespace millstream::analytics
