// What the Kinesis dialect refuses, and what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/plan/kinesis_testing.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of_pump(std::string_view query,
                          std::string_view columns = "d VARCHAR(8), n INTEGER") {
  return error_of(fmt::format(
      "CREATE STREAM \"ALARMS\" ({});\nCREATE PUMP \"P\" AS INSERT INTO \"ALARMS\"\n{};", columns,
      query));
}

TEST(KinesisErrors, NamesThatAreNotThereAreNamedWithPlaceAndNearest) {
  EXPECT_THAT(error_of_pump("SELECT STREAM device, 1 FROM \"SENSOR_002\""),
              AllOf(StartsWith("line 3, column 30: Object 'SENSOR_002' not found"),
                    HasSubstr("'SENSOR_001'")));
  EXPECT_THAT(error_of_pump("SELECT STREAM devise, 1 FROM \"SENSOR_001\""),
              AllOf(StartsWith("line 3, column 15: Column 'DEVISE' not found in any table"),
                    HasSubstr("'DEVICE'")));
  EXPECT_THAT(error_of("CREATE PUMP p AS INSERT INTO s SELECT STREAM * FROM sensor_001;"),
              HasSubstr("Object 'S' not found"));
}

TEST(KinesisErrors, AForgottenQuoteIsPointedOut) {
  EXPECT_THAT(error_of("CREATE STREAM \"Mixed\" (a INTEGER);\n"
                       "CREATE STREAM \"ALARMS\" (a INTEGER);\n"
                       "CREATE PUMP p AS INSERT INTO \"ALARMS\" SELECT STREAM a FROM mixed;"),
              HasSubstr("Object 'MIXED' not found; there is \"Mixed\": names without double quotes "
                        "are upper case"));
}

TEST(KinesisErrors, AnAggregationNeedsAWindow) {
  EXPECT_THAT(error_of_pump("SELECT STREAM device, COUNT(*) FROM \"SENSOR_001\" GROUP BY device"),
              HasSubstr("an aggregation over a stream needs a window"));
  EXPECT_THAT(error_of_pump("SELECT STREAM 'x', COUNT(*) FROM \"SENSOR_001\""),
              HasSubstr("an aggregation over a stream needs a window"));
  // Of the event's time alone no window ever ends.
  EXPECT_THAT(error_of_pump("SELECT STREAM 'x', COUNT(*) FROM \"SENSOR_001\" s GROUP BY "
                            "STEP(s.measured_at BY INTERVAL '60' SECOND)"),
              HasSubstr("an aggregation over a stream needs a window"));
}

TEST(KinesisErrors, WindowsOfImpossibleSizesAreRefused) {
  EXPECT_THAT(error_of_pump("SELECT STREAM 'x', COUNT(*) FROM \"SENSOR_001\" s GROUP BY "
                            "STEP(s.ROWTIME BY INTERVAL '0' SECOND)"),
              HasSubstr("longer than zero"));
  EXPECT_THAT(error_of_pump("SELECT STREAM 'x', COUNT(*) FROM \"SENSOR_001\" s GROUP BY "
                            "STEP(s.ROWTIME BY INTERVAL '3' SECOND), "
                            "STEP(s.ROWTIME BY INTERVAL '5' SECOND)"),
              HasSubstr("two windows of ROWTIME"));
  EXPECT_THAT(error_of_pump("SELECT STREAM 'x', COUNT(*) FROM \"SENSOR_001\" s WINDOWED BY SLIDING "
                            "(PARTITION BY device RANGE INTERVAL '1' MINUTE)"),
              HasSubstr("not yet supported"));
}

TEST(KinesisErrors, SlidingWindowsEndWithTheCurrentRow) {
  const auto with_frame = [](std::string_view frame) {
    return error_of_pump(
        fmt::format("SELECT STREAM device, COUNT(*) OVER ({}) FROM \"SENSOR_001\"", frame));
  };
  EXPECT_EQ(with_frame("ROWS BETWEEN 4 PRECEDING AND CURRENT ROW"), "");
  EXPECT_THAT(with_frame("ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"),
              HasSubstr("UNBOUNDED FOLLOWING"));
  EXPECT_THAT(with_frame("ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING"),
              HasSubstr("not yet supported"));
  EXPECT_THAT(with_frame("ORDER BY temperature ROWS 4 PRECEDING"),
              HasSubstr("in the order of ROWTIME"));
}

TEST(KinesisErrors, StreamsAreJoinedOverWindows) {
  EXPECT_THAT(error_of_pump("SELECT STREAM a.device, 1 FROM \"SENSOR_001\" AS a JOIN "
                            "\"EVENTS_001\" AS b ON a.device = b.\"kind\""),
              HasSubstr("a join of streams needs a window"));
  EXPECT_THAT(error_of_pump("SELECT STREAM a.device, 1 FROM \"SENSOR_001\" AS a JOIN "
                            "\"EVENTS_001\" OVER w AS b ON a.device = b.\"kind\""),
              HasSubstr("Window 'W' not found"));
  EXPECT_THAT(error_of_pump("SELECT STREAM \"zone\", 1 FROM \"Zones\""),
              HasSubstr("'Zones' is a reference table: join it with a stream"));
  EXPECT_THAT(error_of_pump("SELECT STREAM \"zone\", 1 FROM \"SENSOR_001\" RIGHT JOIN \"Zones\" "
                            "ON zone = \"zone\""),
              HasSubstr("a reference table's rows can't be kept"));
}

TEST(KinesisErrors, PumpsFitTheirStreams) {
  EXPECT_THAT(error_of_pump("SELECT STREAM device FROM \"SENSOR_001\""),
              HasSubstr("Number of INSERT target columns (2) does not equal number of source items "
                        "(1)"));
  EXPECT_THAT(error_of_pump("SELECT STREAM device, device FROM \"SENSOR_001\""),
              HasSubstr("Cannot assign to target field 'N' of type INT from source field"));
  EXPECT_THAT(error_of("CREATE PUMP p AS INSERT INTO \"SENSOR_001\" SELECT STREAM * FROM "
                       "\"SENSOR_001\";"),
              HasSubstr("is an input of the application"));
}

TEST(KinesisErrors, NamesAreUsedOnce) {
  EXPECT_THAT(error_of("CREATE STREAM s (a INTEGER); CREATE STREAM s (a INTEGER);"),
              HasSubstr("Object 'S' already exists"));
  EXPECT_EQ(error_of("CREATE STREAM s (a INTEGER); CREATE OR REPLACE STREAM s (b INTEGER);"), "");
  EXPECT_THAT(error_of("CREATE STREAM \"error_stream\" (a INTEGER);"), HasSubstr("predefined"));
  EXPECT_THAT(error_of("CREATE STREAM s (a INTEGER, rowtime TIMESTAMP);"),
              HasSubstr("every stream has a column ROWTIME"));
}

TEST(KinesisErrors, StreamsInACircleAreRefused) {
  EXPECT_THAT(error_of("CREATE STREAM a (x INTEGER); CREATE STREAM b (x INTEGER);\n"
                       "CREATE PUMP p AS INSERT INTO a SELECT STREAM x FROM b;\n"
                       "CREATE PUMP q AS INSERT INTO b SELECT STREAM x FROM a;"),
              HasSubstr("streams in a circle are not yet supported"));
}

TEST(KinesisErrors, WhatIsMissingIsRefusedByName) {
  EXPECT_THAT(error_of_pump("SELECT STREAM * FROM TABLE (TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM "
                            "* FROM \"SENSOR_001\"), 'DEVICE', 5, 60))"),
              HasSubstr("TOP_K_ITEMS_TUMBLING is not yet supported"));
  EXPECT_THAT(error_of_pump("SELECT STREAM device, 1 FROM \"SENSOR_001\" WHERE device IN (SELECT "
                            "STREAM \"kind\" FROM \"EVENTS_001\")"),
              HasSubstr("not yet supported"));
  EXPECT_THAT(error_of("SELECT STREAM * FROM \"SENSOR_001\";"),
              HasSubstr("a query by itself has no reader here"));
}

TEST(KinesisErrors, LongChainsOfStreamsAreBounded) {
  std::string script;
  constexpr int kStreams = 500;
  for (int i = 0; i < kStreams; ++i) script += fmt::format("CREATE STREAM s{} (x INTEGER);\n", i);
  // Each pump reads a stream that a later pump feeds.
  for (int i = 0; i + 1 < kStreams; ++i) {
    script +=
        fmt::format("CREATE PUMP p{0} AS INSERT INTO s{0} SELECT STREAM x FROM s{1};\n", i, i + 1);
  }
  EXPECT_THAT(error_of(script), HasSubstr("too many streams that read one another"));
}

}  // namespace
}  // namespace millstream::analytics
