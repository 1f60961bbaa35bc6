#include "analytics/formats/json_decoder.h"

#include <gmock/gmock.h>

#include "analytics/formats/formats_test_support.h"
#include "analytics/formats/json_path.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Type of(TypeKind kind) { return make_type(kind); }

struct Case {
  Type type;
  std::string json;
  std::string expected;  // "error": any
};

void check(const std::vector<Case>& cases, Dialect dialect,
           const std::map<std::string, std::string>& options = {}) {
  for (const Case& c : cases) {
    const Table table = test_table(Format::kJson, {{"a", c.type}}, options);
    std::string got = decode_one(table, "{\"a\":" + c.json + "}", dialect);
    if (c.expected == "error" && got.starts_with("error")) got = "error";
    EXPECT_EQ(got, c.expected) << type_text(c.type) << " from " << c.json;
  }
}

// Expected values here and below: what flink-json 2.2.0 answered.
TEST(JsonDecoder, ConvertsNumbersAsFlinkDoes) {
  const Type i = of(TypeKind::kInteger);
  const Type l = of(TypeKind::kBigint);
  const Type d = of(TypeKind::kDouble);
  check({{i, "1.9", "1"},
         {i, "-1.9", "-1"},
         {i, "1e3", "1000"},
         {i, "\" 12 \"", "12"},
         {i, "\"+5\"", "5"},
         {i, "3000000000", "error"},
         {i, "2147483648.5", "error"},
         {i, "true", "error"},
         {i, "\"\"", "error"},
         {i, "{}", "error"},
         {i, "[1]", "error"},
         {i, "1.0e400", "error"},
         {i, "-0", "0"},
         {i, "0.5e1", "5"},
         {l, "9007199254740993.0", "9007199254740992"},
         {l, "1e19", "error"},
         {l, "9.3e18", "error"},
         {l, "9223372036854775807", "9223372036854775807"},
         {l, "-9223372036854775808", "-9223372036854775808"},
         {l, "9223372036854775808", "error"},
         {l, "\"-9\"", "-9"},
         {l, "123456789012345678901234567890", "error"},
         {of(TypeKind::kSmallint), "1.5", "error"},
         {of(TypeKind::kSmallint), "32768", "error"},
         {of(TypeKind::kSmallint), "1.0", "error"},
         {of(TypeKind::kSmallint), "\"7\"", "7"},
         {of(TypeKind::kTinyint), "127", "127"},
         {of(TypeKind::kTinyint), "128", "error"},
         {d, "1", "1"},
         {d, "\"1.5d\"", "1.5"},
         {d, "\".5\"", "0.5"},
         {d, "\"5.\"", "5"},
         {d, "\"+1e2\"", "100"},
         {d, "\" 2 \"", "2"},
         {d, "true", "error"},
         {d, "NaN", "error"}},
        Dialect::kFlink);
}

TEST(JsonDecoder, ConvertsDecimalsAsFlinkDoesAndOverflowIsNull) {
  const Type t = decimal_type(5, 2);
  check({{t, "123.455", "123.46"},
         {t, "1234", "NULL"},
         {t, "\" 1.5 \"", "1.50"},
         {t, "1e2", "100.00"},
         {t, "true", "error"},
         {t, "\"1e1\"", "10.00"},
         {t, "999.995", "NULL"},
         {t, "12345678.1", "NULL"},
         {t, "\"abc\"", "error"},
         {t, "-0.005", "-0.01"},
         {t, "0.0000001", "0.00"},
         {t, "1e-99999999999", "0.00"},
         {t, "1e99999999999", "NULL"},
         {decimal_type(38, 10), "1234567890123456789012345678.0123456789",
          "1234567890123456789012345678.0123456789"},
         {decimal_type(38, 0), "99999999999999999999999999999999999999",
          "99999999999999999999999999999999999999"},
         {decimal_type(38, 0), "99999999999999999999999999999999999999.5", "NULL"},
         {decimal_type(38, 37), "1.99999999999999999999999999999999999995",
          "2.0000000000000000000000000000000000000"}},
        Dialect::kFlink);
}

TEST(JsonDecoder, ConvertsBooleansTextsAndBytesAsFlinkDoes) {
  const Type b = of(TypeKind::kBoolean);
  const Type s = varchar_type();
  Type bytes = of(TypeKind::kVarbinary);
  bytes.precision = 100;
  check({{b, "true", "TRUE"},
         {b, "\" TRUE \"", "TRUE"},
         {b, "1", "FALSE"},
         {b, "\"x\"", "FALSE"},
         {s, "1.10", "'1.10'"},
         {s, "1e5", "'1e5'"},
         {s, "true", "'true'"},
         {s, "\"a\\u00e9\\n\\ud83d\\ude00\"", "'a\u00e9\n\U0001F600'"},
         {s, R"({"b": 1.10, "c" : [1, 2 ,"x\u0041\/"], "d":1e5, "n":null})",
          R"('{"b":1.1,"c":[1,2,"xA/"],"d":100000.0,"n":null}')"},
         {s, R"([1e400, 123456789012345678901234567890, 0.1e-7, 100.0])",
          R"('["Infinity",123456789012345678901234567890,1.0E-8,100.0]')"},
         {varchar_type(2), "\"abc\"", "'abc'"},
         {bytes, "\"YWJ\"", "error"},
         {bytes, "1", "error"},
         {bytes, "\"YW-_\"", "error"}},
        Dialect::kFlink);
}

TEST(JsonDecoder, ReadsTimesAsFlinkDoes) {
  const Type ts = timestamp_type(3);
  const Type ltz = [] {
    Type t = make_type(TypeKind::kTimestampLtz);
    t.precision = 3;
    return t;
  }();
  const Type date = of(TypeKind::kDate);
  check({{ts, "\"2020-01-01 00:00:00.123456789\"", "TIMESTAMP '2020-01-01 00:00:00.123'"},
         {ts, "\"2020-01-01 00:00:00\"", "TIMESTAMP '2020-01-01 00:00:00'"},
         {ts, "\"2020-01-01T00:00:00\"", "error"},
         {ts, "\"2020-02-31 00:00:00\"", "TIMESTAMP '2020-02-29 00:00:00'"},
         {ts, "\"2020-01-01 24:00:00\"", "TIMESTAMP '2020-01-02 00:00:00'"},
         {ts, "\"2020-1-1 00:00:00\"", "error"},
         {ts, "\"2020-01-01 00:00\"", "error"},
         {ts, "1577836800000", "error"},
         {ts, "\" 2020-01-01 00:00:00\"", "error"},
         {ts, "\"2020-01-01 00:00:00Z\"", "error"},
         {ts, "\"2020-01-32 00:00:00\"", "error"},
         {ltz, "\"2020-01-01 00:00:00\"", "error"},
         {date, "\"2020-02-30\"", "error"},
         {date, "\"2020-02-29\"", "DATE '2020-02-29'"},
         {date, "20", "error"},
         {date, "\"2020-2-1\"", "error"}},
        Dialect::kFlink);
  check({{ts, "\"2020-01-01T00:00:00.5\"", "TIMESTAMP '2020-01-01 00:00:00.500'"},
         {ts, "\"2020-01-01T00:00\"", "TIMESTAMP '2020-01-01 00:00:00'"},
         {ts, "\"2020-02-31T00:00:00\"", "error"},
         {ts, "\"2020-01-01T24:00:00\"", "error"},
         {ts, "\"2020-01-01T00:00:00Z\"", "error"},
         {ltz, "\"2020-01-01T00:00:00+01:00\"", "error"}},
        Dialect::kFlink, {{"json.timestamp-format.standard", "ISO-8601"}});
}

TEST(JsonDecoder, TakesTheDocumentsThatFlinkTakes) {
  const auto table = [](std::map<std::string, std::string> options = {}) {
    return test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}, {"b", of(TypeKind::kInteger)}},
                      std::move(options));
  };
  const std::pair<std::string, std::string> cases[] = {
      {"", "none"},
      {" ", "error"},
      {"1", "error"},
      {"null", "error"},
      {R"({"a":1}{"a":2})", "1, NULL"},
      {R"({"a":1} x)", "1, NULL"},
      {R"([{"a":1},{"a":2}])", "1, NULL | 2, NULL"},
      {R"([{"a":1},5])", "error"},
      {"[null]", "none"},
      {R"({"a":1,"a":2,"b":3})", "2, NULL"},
      {R"({"a":1,"b":2,"c":tru})", "error"},
      {R"({"a":1,"b":2,"c":"x)", "error"},
      {R"({"a":1,})", "error"},
      {"{'a':1}", "error"},
      {R"({"a":01})", "error"},
      {R"({"a":1)", "error"},
      {R"({"a":null})", "NULL, NULL"},
      {"\xEF\xBB\xBF{\"a\":1}", "1, NULL"},
      {R"({"a":+1})", "error"},
      {R"({"a":.5})", "error"},
      {R"({"a":1.})", "error"},
      {R"({"a":1,"b":2,"c":[1,2})", "error"},
      {R"({"a":1 "b":2})", "error"},
      {"{\"c\":\"\x01\t\",\"a\":1}", "1, NULL"},
      {"{\"c\":\"\xff\",\"a\":1}", "error"},
      {R"({ "b" : 2 , "\u0061" : 1 })", "1, 2"}};
  for (const auto& [record, expected] : cases) {
    std::string got = decode_one(table(), record);
    if (expected == "error" && got.starts_with("error")) got = "error";
    EXPECT_EQ(got, expected) << record;
  }
  const Decoded ignoring = decode(table({{"json.ignore-parse-errors", "true"}}),
                                  {R"({"a":"x","b":2})", "{", R"([{"a":1},5])"});
  EXPECT_THAT(ignoring.rows, ElementsAre("NULL, 2", "1, NULL"));
  EXPECT_THAT(ignoring.errors, IsEmpty());
  EXPECT_EQ(ignoring.skipped, 3);
  EXPECT_THAT(decode_one(table({{"json.fail-on-missing-field", "true"}}), R"({"a":1})"),
              HasSubstr("b is missing"));
}

TEST(JsonDecoder, NamesColumnValueAndTypeInErrors) {
  const Table table = test_table(Format::kJson, {{"PRICE", decimal_type(10, 2)}});
  EXPECT_EQ(decode_one(table, R"({"PRICE":"abc"})"),
            "error: column PRICE: 'abc' is no DECIMAL(10, 2)");
  EXPECT_EQ(decode_one(table, R"({"PRICE" 1})"), "error: no JSON at byte 9: expected ':'");
}

TEST(JsonDecoder, ReadsNestedFieldsByTheirPaths) {
  Table table = test_table(Format::kJson, {{"bid.x", of(TypeKind::kInteger)},
                                           {"bid.y", varchar_type()},
                                           {"b", of(TypeKind::kInteger)}});
  table.columns[0].path = {"bid", "x"};
  table.columns[1].path = {"bid", "y"};
  EXPECT_EQ(decode_one(table, R"({"bid":{"x":1,"y":"q","z":[{}]},"b":2})"), "1, 'q', 2");
  EXPECT_EQ(decode_one(table, R"({"bid":null,"b":2})"), "NULL, NULL, 2");
  EXPECT_EQ(decode_one(table, R"({"b":2})"), "NULL, NULL, 2");
  EXPECT_EQ(decode_one(table, R"({"bid":5,"b":2})"), "error: field bid: '5' is no object");
  table.options["json.ignore-parse-errors"] = "true";
  EXPECT_EQ(decode_one(table, R"({"bid":5,"b":2})"), "NULL, NULL, 2");
  EXPECT_EQ(decode_one(table, R"({"bid":{"x":"q","y":"s"},"b":3})"), "NULL, 's', 3");
}

TEST(JsonDecoder, LearnsTheOrderOfMembersAndReadsOtherOrdersAlike) {
  const Table table = test_table(
      Format::kJson, {{"a", of(TypeKind::kInteger)}, {"long_name_of_b", varchar_type()}});
  const Decoded decoded = decode(
      table, {R"({"a":1,"skip":[1],"long_name_of_b":"x"})", R"({"a":2,"long_name_of_b":"y"})",
              R"({"long_name_of_b":"z","a":3})", R"({"a" : 4,"skip":{},"long_name_of_b":"w"})",
              R"({"ab":1,"a":5})", R"({"long_name_of_bb":1,"a":6})"});
  EXPECT_THAT(decoded.rows,
              ElementsAre("1, 'x'", "2, 'y'", "3, 'z'", "4, 'w'", "5, NULL", "6, NULL"));
}

TEST(JsonDecoder, AppendsToRowsThatAreThereAndDropsRowsGivenUp) {
  const Table table =
      test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}, {"b", varchar_type()}});
  auto decoder = *Decoder::make(table, all_columns(table), Dialect::kFlink);
  Arena arena;
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<uint32_t> record_of_row;
  std::vector<DecodeError> errors;
  uint64_t skipped = 0;
  const std::string good = R"({"a":1,"b":"x"})";
  const std::string bad = R"({"a":null,"b":7.x})";
  const std::vector<InputRecord> records = {{.data = bad}, {.data = good}, {.data = bad}};
  decoder->decode(records, arena, columns, record_of_row, errors, skipped);
  decoder->decode(records, arena, columns, record_of_row, errors, skipped);
  EXPECT_THAT(record_of_row, ElementsAre(1, 1));
  EXPECT_EQ(errors.size(), 4);
  EXPECT_THAT(columns[0]->ints, ElementsAre(1, 1));
  EXPECT_FALSE(columns[0]->is_null(0));
  // Strings are views into the record.
  EXPECT_EQ(columns[1]->strings[0].data(), good.data() + good.find('x'));
}

TEST(JsonDecoder, DecodesOnlyTheColumnsThatAreNeeded) {
  const Table table =
      test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}, {"b", of(TypeKind::kInteger)}});
  const int wanted[] = {1};
  auto decoder = *Decoder::make(table, wanted, Dialect::kFlink);
  Decoded result;
  decode_with(*decoder, table, {R"({"a":"no number","b":2})"}, result);
  EXPECT_THAT(result.rows, ElementsAre("2"));
}

// "Mapping JSON Data Types to SQL Data Types" of the developer guide.
TEST(JsonDecoder, ConvertsAsTheKinesisDialectDocuments) {
  Type binary = of(TypeKind::kBinary);
  binary.precision = 2;
  Type bytes = of(TypeKind::kVarbinary);
  bytes.precision = 4;
  const Type i = of(TypeKind::kInteger);
  check(
      {{i, "null", "NULL"},
       {i, "true", "1"},
       {i, "false", "0"},
       {i, "123.4", "error"},
       {i, "123.0", "123"},
       {i, "\"17\"", "17"},
       {i, "\"x\"", "error"},
       {i, "[1]", "error"},
       {of(TypeKind::kTinyint), "128", "error"},
       {decimal_type(5, 2), "1.25", "1.25"},
       {decimal_type(5, 2), "1.255", "error"},
       {decimal_type(5, 2), "1234.5", "error"},
       {of(TypeKind::kDouble), "true", "1"},
       {of(TypeKind::kBoolean), "0", "FALSE"},
       {of(TypeKind::kBoolean), "0.5", "TRUE"},
       {of(TypeKind::kBoolean), "\"TRUE\"", "TRUE"},
       {of(TypeKind::kBoolean), "\"yes\"", "FALSE"},
       {varchar_type(4), "\"ABCDEF\"", "'ABCD'"},
       {varchar_type(2), "\"\u00e9\u00e8\u00ea\"", "'\u00e9\u00e8'"},
       {varchar_type(3), "true", "'tru'"},
       {varchar_type(9), "1.50", "'1.50'"},
       {varchar_type(99), R"([{"a": 1}])", R"('[{"a":1}]')"},
       {bytes, "\"X'3F67'\"", "'?g'"},
       {bytes, "\"3F67\"", "error"},
       {bytes, "1", "error"},
       {bytes, "true", "'\x01'"},
       {binary, "true", std::string("'\0\x01'", 4)},
       {of(TypeKind::kDate), "\"1992-02-14\"", "DATE '1992-02-14'"},
       {of(TypeKind::kDate), "true", "error"},
       {timestamp_type(3), "\"1992-02-14 18:35:44.0\"", "TIMESTAMP '1992-02-14 18:35:44'"},
       {timestamp_type(3), "\"1992-02-14\"", "TIMESTAMP '1992-02-14 00:00:00'"},
       {timestamp_type(3), "\"2018-05-09T12:50:41.337510\"", "TIMESTAMP '2018-05-09 12:50:41.337'"},
       {timestamp_type(3), "17", "error"}},
      Dialect::kKinesis);
}

Table orders() {
  Table table = test_table(
      Format::kJson,
      {{"NAME", varchar_type(16)}, {"ID", of(TypeKind::kInteger)}, {"ALL", varchar_type(64)}});
  table.columns[0].path = *parse_json_path("$.customerName");
  table.columns[1].path = *parse_json_path("$.orders[0:].orderId");
  table.columns[2].path = *parse_json_path("$.tags[0:]");
  return table;
}

TEST(JsonDecoder, MakesRowsOfArrayElementsAndRepeatsWhatStandsOutside) {
  EXPECT_EQ(decode_one(orders(),
                       R"({"orders":[{"orderId":"1"},{"x":0},{"orderId":3}],)"
                       R"("customerName":"Doe","tags":[1, 2]})",
                       Dialect::kKinesis),
            "'Doe', 1, '[1,2]' | 'Doe', NULL, '[1,2]' | 'Doe', 3, '[1,2]'");
  // An array always becomes at least one row.
  for (const std::string none :
       {R"({"customerName":"Doe"})", R"({"customerName":"Doe","orders":[]})",
        R"({"customerName":"Doe","orders":7,"tags":1})"}) {
    EXPECT_EQ(decode_one(orders(), none, Dialect::kKinesis), "'Doe', NULL, NULL") << none;
  }
}

TEST(JsonDecoder, ReportsTheElementThatIsNoRowAndKeepsTheOthers) {
  const Decoded decoded =
      decode(orders(),
             {R"({"customerName":"D","orders":[{"orderId":"x"},{"orderId":2},{"orderId":"y"}]})"},
             Dialect::kKinesis);
  EXPECT_THAT(decoded.rows, ElementsAre("'D', 2, NULL"));
  ASSERT_EQ(decoded.errors.size(), 2);
  EXPECT_EQ(decoded.errors[0].message, "column ID: 'x' is no INT");
}

TEST(JsonDecoder, TakesRowsFromTheRowPath) {
  Table table = test_table(Format::kJson, {{"A", of(TypeKind::kInteger)}},
                           {{"record.row.path", "$.rows[0:]"}});
  table.columns[0].path = {"a"};
  const std::string record = R"({"head":1,"rows":[{"a":1},{"a":2}]})";
  EXPECT_EQ(decode_one(table, record, Dialect::kKinesis), "1 | 2");
  table.columns[0].path = *parse_json_path("$.rows[0:].a");
  EXPECT_EQ(decode_one(table, record, Dialect::kKinesis), "1 | 2");
  table.options["record.row.path"] = "$.head";
  table.columns[0].path = {"a"};
  EXPECT_EQ(decode_one(table, R"({"head":{"a":5}})", Dialect::kKinesis), "5");
  table.options["record.row.path"] = "$[0:]";
  EXPECT_EQ(decode_one(table, R"([{"a":5},{"a":6}])", Dialect::kKinesis), "5 | 6");
}

TEST(JsonDecoder, TakesSeveralDocumentsOfARecordInTheKinesisDialect) {
  const Table table = test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}});
  EXPECT_EQ(decode_one(table, "{\"a\":1}\n{\"a\":2}{\"a\":3}\n", Dialect::kKinesis), "1 | 2 | 3");
  const Decoded decoded = decode(table, {"{\"a\":1}\n{\"a\":", "{\"a\":9}"}, Dialect::kKinesis);
  EXPECT_THAT(decoded.rows, ElementsAre("1", "9"));
  EXPECT_THAT(decoded.record_of_row, ElementsAre(0, 1));
  EXPECT_EQ(decoded.errors.size(), 1);
}

TEST(JsonDecoder, RefusesTwoArraysThatWouldBecomeRows) {
  Table table = orders();
  table.columns[0].path = *parse_json_path("$.others[0:].name");
  const auto decoder = Decoder::make(table, all_columns(table), Dialect::kKinesis);
  ASSERT_FALSE(decoder.has_value());
  EXPECT_THAT(decoder.error().message, HasSubstr("one array only"));
}

TEST(JsonPath, NamesStepsAndRefusesWhatItDoesNotKnow) {
  EXPECT_THAT(*parse_json_path("$"), IsEmpty());
  EXPECT_THAT(*parse_json_path("$.a.b"), ElementsAre("a", "b"));
  EXPECT_THAT(*parse_json_path("$.a[0:]['b c']"), ElementsAre("a", "[0:]", "b c"));
  for (const char* const wrong : {"a", "$.", "$.a[1]", "$..a", "$['a", "$a"}) {
    EXPECT_FALSE(parse_json_path(wrong).has_value()) << wrong;
  }
  EXPECT_THAT(parse_json_path("$.a[1]").error().message, HasSubstr("not yet supported"));
}

TEST(JsonDecoder, BoundsDepthAndReadsTenMebibytes) {
  const Table table = test_table(Format::kJson, {{"a", of(TypeKind::kInteger)}});
  const auto nested = [](size_t depth) {
    return "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + ",\"a\":1}";
  };
  EXPECT_EQ(decode_one(table, nested(999)), "1");
  EXPECT_THAT(decode_one(table, nested(1000)), HasSubstr("deeper than 1000"));
  EXPECT_THAT(decode_one(table, nested(5'000'000)), HasSubstr("deeper than 1000"));
  EXPECT_EQ(decode_one(table, "{\"x\":\"" + std::string(10 << 20, 'y') + "\",\"a\":1}"), "1");
  EXPECT_THAT(decode_one(table, "{\"a\":" + std::string(2000, '9') + "}"), HasSubstr("1000"));
}

}  // namespace
}  // namespace millstream::analytics
