// The example applications of the developer guide of Kinesis Data Analytics for SQL, with data of
// our own: which operators each becomes.
#include <gtest/gtest.h>

#include "analytics/plan/kinesis_testing.h"

namespace millstream::analytics {
namespace {

// CREATE STREAM "ALARMS" and a pump into it.
std::string pump(std::string_view columns, std::string_view query) {
  return fmt::format(
      "CREATE OR REPLACE STREAM \"ALARMS\" ({});\n"
      "CREATE OR REPLACE PUMP \"ALARM_PUMP\" AS INSERT INTO \"ALARMS\"\n{};\n",
      columns, query);
}

TEST(KinesisExamples, ContinuousFilter) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), temperature DOUBLE",
                           "SELECT STREAM device, temperature FROM \"SENSOR_001\" "
                           "WHERE (ABS(drift / (temperature - drift)) * 100) > 15")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, TEMPERATURE) changelog [I]
    Filter(((ABS((CAST(DRIFT AS DOUBLE) / (TEMPERATURE - CAST(DRIFT AS DOUBLE)))) * CAST(100 AS DOUBLE)) > CAST(15 AS DOUBLE))) changelog [I]
      Source(table SENSOR_001, kinesis, columns [DEVICE, TEMPERATURE, DRIFT]) changelog [I]
)");
}

TEST(KinesisExamples, ThrottledAlerts) {
  EXPECT_EQ(explained(R"(
    CREATE OR REPLACE STREAM "DRIFTS" (device VARCHAR(8), drift DOUBLE);
    CREATE OR REPLACE PUMP "drift_pump" AS INSERT INTO "DRIFTS"
      SELECT STREAM device, drift FROM "SENSOR_001" WHERE drift > 1;
    CREATE OR REPLACE STREAM ALARMS (device VARCHAR(8), drift REAL, trigger_count INTEGER);
    CREATE OR REPLACE PUMP trigger_pump AS INSERT INTO ALARMS
    SELECT STREAM device, drift, trigger_count
    FROM (
      SELECT STREAM device, drift, COUNT(*) OVER W1 AS trigger_count
      FROM "DRIFTS"
      -- how often within the last minute
      WINDOW W1 AS (PARTITION BY device RANGE INTERVAL '1' MINUTE PRECEDING)
    )
    WHERE trigger_count >= 1;)"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, CAST(DRIFT AS FLOAT) AS DRIFT, CAST($w0 AS INT) AS TRIGGER_COUNT) changelog [I]
    Filter(($w0 >= 1)) changelog [I]
      Over(partition by [DEVICE], order by ROWTIME, RANGE 1 min PRECEDING, at once, select [COUNT(*) AS $w0]) changelog [I] state [rows of 1 min]
        Project(DEVICE, CAST(DRIFT AS DOUBLE) AS DRIFT, ROWTIME) changelog [I]
          Filter((DRIFT > CAST(1 AS FLOAT))) changelog [I]
            Source(table SENSOR_001, kinesis, columns [DEVICE, DRIFT, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, TwoRecordTypes) {
  EXPECT_EQ(explained(R"(
    CREATE OR REPLACE STREAM "Orders" ("order" INTEGER, "place" VARCHAR(4));
    CREATE OR REPLACE PUMP "Order_Pump" AS INSERT INTO "Orders"
      SELECT STREAM "order", "place" FROM "EVENTS_001" WHERE "kind" = 'Order';
    CREATE OR REPLACE STREAM "Parcels" ("parcel" INTEGER, "order" INTEGER, "place" VARCHAR(4));
    CREATE OR REPLACE PUMP "Parcel_Pump" AS INSERT INTO "Parcels"
      SELECT STREAM "parcel", "order", "place" FROM "EVENTS_001" WHERE "kind" = 'Parcel';
    CREATE OR REPLACE STREAM "ALARMS" ("place" VARCHAR(4), "parcels" INTEGER);
    CREATE OR REPLACE PUMP "Count_Pump" AS INSERT INTO "ALARMS"
      SELECT STREAM "place", COUNT(*) AS parcels FROM "Parcels"
      GROUP BY "place", FLOOR("Parcels".ROWTIME TO MINUTE);)"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(place, CAST($a0 AS INT) AS parcels) changelog [I]
    WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [place], select [COUNT(*) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
      Project(place, ROWTIME) changelog [I]
        Filter((kind = 'Parcel')) changelog [I]
          Source(table EVENTS_001, kinesis, columns [kind, place, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, StaggerWindow) {
  EXPECT_EQ(explained(pump("measured_at TIMESTAMP, device VARCHAR(8), n INTEGER",
                           "SELECT STREAM FLOOR(measured_at TO MINUTE), device, COUNT(device) AS n "
                           "FROM \"SENSOR_001\" WINDOWED BY STAGGER (PARTITION BY "
                           "FLOOR(measured_at TO MINUTE), device RANGE INTERVAL '1' MINUTE)")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project($k0 AS MEASURED_AT, DEVICE, CAST($a0 AS INT) AS N) changelog [I]
    WindowAggregate(window STAGGER(ROWTIME, size 1 min, partition by [$f10, DEVICE]), group by [$f10, DEVICE], select [COUNT(DEVICE) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
      Project(DEVICE, ROWTIME, FLOOR(MEASURED_AT, 'MINUTE') AS $f10) changelog [I]
        Source(table SENSOR_001, kinesis, columns [DEVICE, MEASURED_AT, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, TumblingWindowByRowtime) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), least REAL, most REAL",
                           "SELECT STREAM device, MIN(temperature), MAX(temperature) FROM "
                           "\"SENSOR_001\" GROUP BY device, STEP(\"SENSOR_001\".ROWTIME BY "
                           "INTERVAL '60' SECOND)")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, CAST($a0 AS FLOAT) AS LEAST, CAST($a1 AS FLOAT) AS MOST) changelog [I]
    WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [DEVICE], select [MIN(TEMPERATURE) AS $a0, MAX(TEMPERATURE) AS $a1], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
      Source(table SENSOR_001, kinesis, columns [DEVICE, TEMPERATURE, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, TumblingWindowByEventTime) {
  EXPECT_EQ(explained(pump("measured_at TIMESTAMP, device VARCHAR(8), least REAL",
                           "SELECT STREAM STEP(\"SENSOR_001\".measured_at BY INTERVAL '60' "
                           "SECOND), device, MIN(temperature) AS least FROM \"SENSOR_001\" GROUP "
                           "BY device, STEP(\"SENSOR_001\".ROWTIME BY INTERVAL '60' SECOND), "
                           "STEP(\"SENSOR_001\".measured_at BY INTERVAL '60' SECOND)")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project($k2 AS MEASURED_AT, DEVICE, CAST($a0 AS FLOAT) AS LEAST) changelog [I]
    WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [DEVICE, $f10], select [MIN(TEMPERATURE) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
      Project(DEVICE, TEMPERATURE, ROWTIME, STEP(MEASURED_AT, INTERVAL '60' SECOND) AS $f10) changelog [I]
        Source(table SENSOR_001, kinesis, columns [DEVICE, TEMPERATURE, MEASURED_AT, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, PartialResults) {
  EXPECT_EQ(explained(R"(
    CREATE OR REPLACE STREAM "COUNTS" (DEVICE VARCHAR(8), MINUTE_OF TIMESTAMP, N DOUBLE);
    CREATE OR REPLACE STREAM "ALARMS" (DEVICE VARCHAR(8), MINUTE_OF TIMESTAMP, N DOUBLE);
    CREATE PUMP "COUNT_PUMP" AS INSERT INTO "COUNTS" ("DEVICE", "MINUTE_OF", "N")
      SELECT STREAM "DEVICE",
        STEP("SENSOR_001"."ROWTIME" BY INTERVAL '1' MINUTE) AS "M",
        COUNT(*) AS "C"
      FROM "SENSOR_001"
      GROUP BY STEP("SENSOR_001".ROWTIME BY INTERVAL '1' MINUTE),
        STEP("SENSOR_001"."APPROXIMATE_ARRIVAL_TIME" BY INTERVAL '1' MINUTE),
        DEVICE;
    CREATE PUMP "SUM_PUMP" AS INSERT INTO "ALARMS" ("DEVICE", "MINUTE_OF", "N")
      SELECT STREAM "DEVICE", "MINUTE_OF", SUM("N") OVER W1 AS "N"
      FROM "COUNTS"
      WINDOW W1 AS (PARTITION BY "MINUTE_OF" RANGE INTERVAL '10' MINUTE PRECEDING);)"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, MINUTE_OF, $w0 AS N) changelog [I]
    Over(partition by [MINUTE_OF], order by ROWTIME, RANGE 10 min PRECEDING, at once, select [SUM(N) AS $w0]) changelog [I] state [rows of 10 min]
      Project(DEVICE, STEP(window_start, INTERVAL '60' SECOND) AS MINUTE_OF, CAST($a0 AS DOUBLE) AS N, ROWTIME) changelog [I]
        WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [$f10, DEVICE], select [COUNT(*) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
          Project(DEVICE, ROWTIME, STEP(APPROXIMATE_ARRIVAL_TIME, INTERVAL '60' SECOND) AS $f10) changelog [I]
            Source(table SENSOR_001, kinesis, columns [DEVICE, APPROXIMATE_ARRIVAL_TIME, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, TwoSlidingWindowsOverOneStream) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), temperature DOUBLE, last2 DOUBLE, last10 DOUBLE",
                           "SELECT STREAM device, temperature, AVG(temperature) OVER last2, "
                           "AVG(temperature) OVER last10 FROM SENSOR_001 WINDOW "
                           "last2 AS (PARTITION BY device ROWS 2 PRECEDING), "
                           "last10 AS (PARTITION BY device ROWS 10 PRECEDING)")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, TEMPERATURE, $w0 AS LAST2, $w1 AS LAST10) changelog [I]
    Over(partition by [DEVICE], order by ROWTIME, ROWS 10 PRECEDING, at once, select [AVG(TEMPERATURE) AS $w1]) changelog [I] state [11 rows per key]
      Over(partition by [DEVICE], order by ROWTIME, ROWS 2 PRECEDING, at once, select [AVG(TEMPERATURE) AS $w0]) changelog [I] state [3 rows per key]
        Project(DEVICE, TEMPERATURE, ROWTIME) changelog [I]
          Source(table SENSOR_001, kinesis, columns [DEVICE, TEMPERATURE, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, ReferenceData) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), \"building\" VARCHAR(20), drift DOUBLE",
                           "SELECT STREAM device, \"z\".\"building\", drift FROM \"SENSOR_001\" "
                           "LEFT JOIN \"Zones\" AS \"z\" ON \"SENSOR_001\".zone = "
                           "\"z\".\"zone\"")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, building, CAST(DRIFT AS DOUBLE) AS DRIFT) changelog [I]
    ReferenceJoin(LEFT, table Zones, on [ZONE = Zones.zone]) changelog [I]
      Source(table SENSOR_001, kinesis, columns [DEVICE, ZONE, DRIFT]) changelog [I]
)");
}

TEST(KinesisExamples, DatesAndStrings) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), earlier TIMESTAMP, unix BIGINT, text VARCHAR(50), "
                           "s INTEGER, zone VARCHAR(20)",
                           "SELECT STREAM SUBSTRING(device, 2, (POSITION('-' IN device) - 1)), "
                           "measured_at - INTERVAL '5' MINUTE, UNIX_TIMESTAMP(measured_at), "
                           "TIMESTAMP_TO_CHAR('yyyy-MM-dd hh:mm:ss', measured_at), "
                           "EXTRACT(SECOND FROM measured_at), "
                           "REGEX_REPLACE(zone, 'north', 'south', 1, 0) FROM \"SENSOR_001\" "
                           "WHERE zone SIMILAR TO '%north%'")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(SUBSTRING(DEVICE, 2, CAST((POSITION('-', DEVICE) - 1) AS BIGINT)) AS DEVICE, (MEASURED_AT - INTERVAL '300' SECOND) AS EARLIER, UNIX_TIMESTAMP(MEASURED_AT) AS UNIX, CAST(TIMESTAMP_TO_CHAR('yyyy-MM-dd hh:mm:ss', MEASURED_AT) AS VARCHAR(50)) AS TEXT, CAST(EXTRACT('SECOND', MEASURED_AT) AS INT) AS S, CAST(REGEX_REPLACE(ZONE, 'north', 'south', 1, 0) AS VARCHAR(20)) AS ZONE) changelog [I]
    Filter((ZONE SIMILAR TO '%north%')) changelog [I]
      Source(table SENSOR_001, kinesis, columns [DEVICE, ZONE, MEASURED_AT]) changelog [I]
)");
}

TEST(KinesisExamples, JoinOfStreamsOverAWindow) {
  constexpr std::string_view kStreams = R"(
    CREATE OR REPLACE STREAM "Orders" ("order" INTEGER, "place" VARCHAR(4));
    CREATE OR REPLACE PUMP "Order_Pump" AS INSERT INTO "Orders"
      SELECT STREAM "order", "place" FROM "EVENTS_001" WHERE "kind" = 'Order';
    CREATE OR REPLACE STREAM "Parcels" ("parcel" INTEGER, "order" INTEGER, "weight" DOUBLE);
    CREATE OR REPLACE PUMP "Parcel_Pump" AS INSERT INTO "Parcels"
      SELECT STREAM "parcel", "order", "weight" FROM "EVENTS_001" WHERE "kind" = 'Parcel';
    CREATE OR REPLACE STREAM "ALARMS" (t TIMESTAMP, "order" INTEGER, "weight" DOUBLE);
    CREATE OR REPLACE PUMP "Join_Pump" AS INSERT INTO "ALARMS" )";
  const std::string inner = explained(
      std::string(kStreams) +
      "SELECT STREAM ROWTIME, o.\"order\", p.\"weight\" FROM \"Orders\" AS o JOIN \"Parcels\" OVER "
      "(RANGE INTERVAL '1' MINUTE PRECEDING) AS p ON o.\"order\" = p.\"order\";");
  EXPECT_EQ(inner, R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(CASE WHEN (ROWTIME >= ROWTIME) THEN ROWTIME ELSE ROWTIME END AS T, order, weight) changelog [I]
    IntervalJoin(INNER, on [left.order = right.order], left.ROWTIME - right.ROWTIME between 0 s and 1 min) changelog [I] state [rows within the interval]
      Project(order, ROWTIME) changelog [I]
        Filter((kind = 'Order')) changelog [I]
          #1 Source(table EVENTS_001, kinesis, columns [kind, order, weight, ROWTIME]) changelog [I]
      Project(order, weight, ROWTIME) changelog [I]
        Filter((kind = 'Parcel')) changelog [I]
          Reused(#1)
)");
  const std::string named = explained(
      std::string(kStreams) +
      "SELECT STREAM ROWTIME, o.\"order\", p.\"weight\" FROM \"Orders\" AS o JOIN \"Parcels\" OVER "
      "w AS p ON o.\"order\" = p.\"order\" WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING);");
  EXPECT_EQ(named, inner);
  EXPECT_EQ(explained(std::string(kStreams) +
                      "SELECT STREAM ROWTIME, o.\"order\", p.\"weight\" FROM \"Orders\" OVER "
                      "(RANGE INTERVAL '5' SECOND PRECEDING) AS o LEFT OUTER JOIN \"Parcels\" OVER "
                      "(RANGE INTERVAL '1' MINUTE PRECEDING) AS p ON o.\"order\" = p.\"order\";"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(CASE WHEN (ROWTIME IS NULL) THEN (ROWTIME + INTERVAL '5' SECOND) WHEN (ROWTIME >= ROWTIME) THEN ROWTIME ELSE ROWTIME END AS T, order, weight) changelog [I]
    IntervalJoin(LEFT, on [left.order = right.order], left.ROWTIME - right.ROWTIME between -5 s and 1 min) changelog [I] state [rows within the interval]
      Project(order, ROWTIME) changelog [I]
        Filter((kind = 'Order')) changelog [I]
          #1 Source(table EVENTS_001, kinesis, columns [kind, order, weight, ROWTIME]) changelog [I]
      Project(order, weight, ROWTIME) changelog [I]
        Filter((kind = 'Parcel')) changelog [I]
          Reused(#1)
)");
  EXPECT_EQ(explained(std::string(kStreams) +
                      "SELECT STREAM ROWTIME, o.\"order\", p.\"weight\" FROM \"Orders\" OVER "
                      "(ROWS 10 PRECEDING) AS o JOIN \"Parcels\" OVER "
                      "(ROWS 20 PRECEDING) AS p ON o.\"order\" = p.\"order\" AND "
                      "p.\"weight\" > 1;"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(CASE WHEN (ROWTIME >= ROWTIME) THEN ROWTIME ELSE ROWTIME END AS T, order, weight) changelog [I]
    IntervalJoin(INNER, on [left.order = right.order], last 10 rows left, 20 right, left.ROWTIME - right.ROWTIME between 0 s and 0 s, where (weight > CAST(1 AS DOUBLE))) changelog [I] state [rows within the interval]
      Project(order, ROWTIME) changelog [I]
        Filter((kind = 'Order')) changelog [I]
          #1 Source(table EVENTS_001, kinesis, columns [kind, order, weight, ROWTIME]) changelog [I]
      Project(order, weight, ROWTIME) changelog [I]
        Filter((kind = 'Parcel')) changelog [I]
          Reused(#1)
)");
}

TEST(KinesisExamples, SeveralPumpsIntoOneStream) {
  EXPECT_EQ(explained(R"(
    CREATE OR REPLACE STREAM alarms (what VARCHAR(64), n INTEGER);
    CREATE OR REPLACE PUMP pump001 AS INSERT INTO alarms
      SELECT STREAM device, COUNT(device) FROM sensor_001
      GROUP BY STEP(sensor_001.rowtime BY INTERVAL '60' SECOND), device;
    CREATE OR REPLACE PUMP pump002 AS INSERT INTO alarms
      SELECT STREAM "kind", COUNT("kind") FROM events_001
      GROUP BY STEP(events_001.rowtime BY INTERVAL '60' SECOND), "kind";)"),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Union(2 inputs) changelog [I]
    Project(CAST(DEVICE AS VARCHAR(64)) AS WHAT, CAST($a0 AS INT) AS N) changelog [I]
      WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [DEVICE], select [COUNT(DEVICE) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
        Source(table SENSOR_001, kinesis, columns [DEVICE, ROWTIME]) changelog [I]
    Project(CAST(kind AS VARCHAR(64)) AS WHAT, CAST($a0 AS INT) AS N) changelog [I]
      WindowAggregate(window TUMBLE(ROWTIME, size 1 min), group by [kind], select [COUNT(kind) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
        Source(table EVENTS_001, kinesis, columns [kind, ROWTIME]) changelog [I]
)");
}

TEST(KinesisExamples, ErrorStream) {
  PlannerSettings settings = kinesis_settings();
  settings.outputs["error_stream"] = settings.outputs["ALARMS"];
  EXPECT_EQ(explained(R"(
    CREATE OR REPLACE STREAM "ALARMS" (zone VARCHAR(12), x DOUBLE);
    CREATE OR REPLACE PUMP "P" AS INSERT INTO "ALARMS"
      SELECT STREAM zone, (temperature / 0) AS x FROM "SENSOR_001";
    CREATE OR REPLACE STREAM "SEEN" (message VARCHAR(4096));
    CREATE OR REPLACE PUMP "E" AS INSERT INTO "SEEN" SELECT STREAM message FROM error_stream;)",
                      settings),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(ZONE, (TEMPERATURE / CAST(0 AS DOUBLE)) AS X) changelog [I]
    Source(table SENSOR_001, kinesis, columns [ZONE, TEMPERATURE]) changelog [I]
Sink(table alarms-stream, kinesis, by error_stream) changelog [I]
  Project(ERROR_TIME, ERROR_LEVEL, ERROR_NAME, MESSAGE, DATA_ROWTIME, DATA_ROW, PUMP_NAME) changelog [I]
    Source(table error_stream, in-application stream, columns [ERROR_TIME, ERROR_LEVEL, ERROR_NAME, MESSAGE, DATA_ROWTIME, DATA_ROW, PUMP_NAME]) changelog [I]
)");
}

TEST(KinesisExamples, WindowsOfOldApplications) {
  EXPECT_EQ(explained(pump("device VARCHAR(8), n INTEGER",
                           "SELECT STREAM device, COUNT(*) FROM \"SENSOR_001\" GROUP BY device, "
                           "FLOOR((\"SENSOR_001\".ROWTIME - TIMESTAMP '1970-01-01 00:00:00') "
                           "SECOND / 10 TO SECOND)")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, CAST($a0 AS INT) AS N) changelog [I]
    WindowAggregate(window TUMBLE(ROWTIME, size 10 s), group by [DEVICE], select [COUNT(*) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
      Source(table SENSOR_001, kinesis, columns [DEVICE, ROWTIME]) changelog [I]
)");
  EXPECT_EQ(explained(pump("device VARCHAR(8), m TIMESTAMP, n INTEGER",
                           "SELECT STREAM device, FLOOR(s.ROWTIME TO MONTH), COUNT(*) FROM "
                           "\"SENSOR_001\" AS s GROUP BY device, FLOOR(s.ROWTIME TO MONTH), "
                           "FLOOR(s.ROWTIME TO DAY) HAVING COUNT(*) > 2")),
            R"(Sink(table alarms-stream, kinesis, by ALARMS) changelog [I]
  Project(DEVICE, FLOOR(window_start, 'MONTH') AS M, CAST($a0 AS INT) AS N) changelog [I]
    Filter(($a0 > 2)) changelog [I]
      WindowAggregate(window TUMBLE(ROWTIME, size 1 d), group by [DEVICE], select [COUNT(*) AS $a0], window's [start AS window_start, end AS ROWTIME]) changelog [I] state [a row per key and window, until the window ends]
        Source(table SENSOR_001, kinesis, columns [DEVICE, ROWTIME]) changelog [I]
)");
}

}  // namespace
}  // namespace millstream::analytics
