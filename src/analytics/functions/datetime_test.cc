#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

BoundPtr seconds(int64_t count) {
  return bound_literal(count * 1000, make_type(TypeKind::kIntervalMillis));
}
BoundPtr months(int64_t count) {
  return bound_literal(count, make_type(TypeKind::kIntervalMonths));
}
BoundPtr date(const char* written) { return value_of_type(written, make_type(TypeKind::kDate)); }

TEST(DateTime, FieldsOfATime) {
  const auto time = timestamp("2020-02-29 13:14:15.678");
  const auto field = [&](const char* unit) { return shown("EXTRACT", {text(unit), time}); };
  EXPECT_EQ(field("YEAR"), "2020");
  EXPECT_EQ(field("QUARTER"), "1");
  EXPECT_EQ(field("MONTH"), "2");
  EXPECT_EQ(field("DAY"), "29");
  EXPECT_EQ(field("HOUR"), "13");
  EXPECT_EQ(field("MINUTE"), "14");
  EXPECT_EQ(field("SECOND"), "15");
  EXPECT_EQ(field("MILLISECOND"), "678");
  EXPECT_EQ(field("DOW"), "7");
  EXPECT_EQ(field("DOY"), "60");
  EXPECT_EQ(field("WEEK"), "9");
  EXPECT_EQ(shown("HOUR", {time}), "13");
  EXPECT_EQ(shown("DAYOFWEEK", {date("2020-03-01")}), "1");
  EXPECT_EQ(shown("YEAR", {null_of(TypeKind::kDate)}), "NULL");
}

TEST(DateTime, FloorAndCeilToUnits) {
  const auto time = timestamp("2020-02-29 13:14:15.678");
  EXPECT_EQ(shown("FLOOR", {time, text("MINUTE")}), "2020-02-29 13:14:00.000");
  EXPECT_EQ(shown("CEIL", {time, text("MINUTE")}), "2020-02-29 13:15:00.000");
  EXPECT_EQ(shown("FLOOR", {time, text("MONTH")}), "2020-02-01 00:00:00.000");
  EXPECT_EQ(shown("CEIL", {time, text("YEAR")}), "2021-01-01 00:00:00.000");
  EXPECT_EQ(shown("FLOOR", {timestamp("1969-12-31 23:59:59.999"), text("HOUR")}),
            "1969-12-31 23:00:00.000");
}

TEST(DateTime, StepCutsTimesIntoIntervals) {
  EXPECT_EQ(kinesis("STEP", {timestamp("2020-02-29 13:14:47.678"), seconds(10)}),
            "2020-02-29 13:14:40.000");
  EXPECT_EQ(kinesis("STEP", {timestamp("2020-02-29 13:14:47.678"), seconds(60)}),
            "2020-02-29 13:14:00.000");
}

TEST(DateTime, IntervalsMoveTimes) {
  EXPECT_EQ(shown("+", {timestamp("2020-01-31 10:00:00"), months(1)}), "2020-02-29 10:00:00.000");
  EXPECT_EQ(shown("-", {timestamp("2020-03-31 10:00:00"), months(13)}), "2019-02-28 10:00:00.000");
  EXPECT_EQ(shown("-", {timestamp("2020-01-01 00:00:01"), seconds(2)}), "2019-12-31 23:59:59.000");
  EXPECT_EQ(shown("TIMESTAMPADD", {text("DAY"), integer(1), timestamp("2020-02-28 10:00:00")}),
            "2020-02-29 10:00:00.000");
}

TEST(DateTime, DifferencesOfTimes) {
  const auto from = timestamp("2020-01-01 00:00:00");
  const auto to = timestamp("2020-01-02 01:30:00");
  EXPECT_EQ(shown("TIMESTAMPDIFF", {text("HOUR"), from, to}), "25");
  EXPECT_EQ(shown("TIMESTAMPDIFF", {text("DAY"), to, from}), "-1");
  EXPECT_EQ(shown("TIMESTAMPDIFF", {text("MONTH"), timestamp("2020-01-31 00:00:00"),
                                    timestamp("2020-02-29 00:00:00")}),
            "1");
  EXPECT_EQ(kinesis("TSDIFF", {from, to}), "91800000");
}

TEST(DateTime, FlinkFormatsAndReadsByJavaPatterns) {
  const auto time = timestamp("2020-02-29 13:14:15.678");
  EXPECT_EQ(shown("DATE_FORMAT", {time, text("yyyy-MM-dd")}), "2020-02-29");
  EXPECT_EQ(shown("DATE_FORMAT", {time, text("HH:mm")}), "13:14");
  EXPECT_EQ(shown("DATE_FORMAT", {time, text("yyyy/MM/dd'T'HH:mm:ss.SSS")}),
            "2020/02/29T13:14:15.678");
  EXPECT_EQ(shown("TO_TIMESTAMP", {text("2020-02-29 01:02:03")}), "2020-02-29 01:02:03.000");
  EXPECT_EQ(shown("TO_TIMESTAMP", {text("29.02.2020 01"), text("dd.MM.yyyy HH")}),
            "2020-02-29 01:00:00.000");
  EXPECT_EQ(shown("TO_TIMESTAMP", {text("nonsense")}), "NULL");
  EXPECT_EQ(shown("TO_DATE", {text("2020-02-29")}), "2020-02-29");
  EXPECT_NE(call_error("DATE_FORMAT", {time, text("QQQ")}), "");
}

TEST(DateTime, EpochsAreInTheSessionsZone) {
  const ProgramSettings berlin{.time_zone = "Europe/Berlin"};
  EXPECT_EQ(shown("FROM_UNIXTIME", {big(44)}), "1970-01-01 00:00:44");
  EXPECT_EQ(shown(call("FROM_UNIXTIME", {big(44)}), berlin), "1970-01-01 01:00:44");
  EXPECT_EQ(shown("UNIX_TIMESTAMP", {text("1970-01-01 00:00:44")}), "44");
  EXPECT_EQ(shown(call("UNIX_TIMESTAMP", {text("1970-01-01 01:00:44")}), berlin), "44");
  EXPECT_EQ(shown(call("TO_TIMESTAMP_LTZ", {big(1000), integer(3)}), berlin),
            "1970-01-01 01:00:01.000");
  EXPECT_EQ(shown("TO_TIMESTAMP_LTZ", {big(1), integer(0)}), "1970-01-01 00:00:01.000");
  EXPECT_EQ(
      shown("CONVERT_TZ", {text("1970-01-01 00:00:00"), text("UTC"), text("America/Los_Angeles")}),
      "1969-12-31 16:00:00");
}

TEST(DateTime, KinesisConvertsByPatterns) {
  EXPECT_EQ(kinesis("UNIX_TIMESTAMP", {timestamp("1970-01-01 00:00:01.500")}), "1500");
  EXPECT_EQ(
      kinesis("TIMESTAMP_TO_CHAR", {text("yyyy-MM-dd HH:mm"), timestamp("2020-02-29 13:14:15")}),
      "2020-02-29 13:14");
  EXPECT_EQ(shown(call("CHAR_TO_TIMESTAMP", {text("dd/MM/yyyy HH:mm"), text("29/02/2020 13:14")},
                       sql::Dialect::kKinesis),
                  {.dialect = sql::Dialect::kKinesis})
                .substr(0, 16),
            "2020-02-29 13:14");
  EXPECT_EQ(kinesis("TO_TIMESTAMP", {big(1500)}).substr(0, 21), "1970-01-01 00:00:01.5");
}

}  // namespace
}  // namespace millstream::analytics
