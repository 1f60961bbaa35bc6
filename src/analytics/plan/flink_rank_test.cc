// ROW_NUMBER() <= n of Flink SQL: which operators it becomes, and what is refused.
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/plan/planner.h"

namespace millstream::analytics {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kTables =
    R"(CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector'='kinesis','stream'='s','format'='json');
CREATE TABLE side (k BIGINT, v STRING) WITH ('connector'='filesystem','path'='/b/x','format'='csv');
)";

std::string explained(std::string_view query) {
  PlannerSettings settings;
  settings.collect_queries = true;
  const auto script = plan_script(fmt::format("{}{};", kTables, query), settings);
  return script ? explain(script->plan) : script.error().message;
}

TEST(FlinkRank, KeepsTheFirstRowsOfEachKey) {
  EXPECT_EQ(
      explained(
          R"(SELECT auction, price, rn FROM (SELECT auction, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn <= 10)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(auction, price, $rank AS rn) changelog [I,UB,UA,D]
    TopN(partition by [auction], order by [price DESC], limit 10, with rank) changelog [I,UB,UA,D] state [10 rows per key, for ever]
      Project(auction, price) changelog [I]
        Source(table bid, kinesis, columns [auction, price], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, TakesALimitBelowANumberFromTheOtherSide) {
  EXPECT_EQ(
      explained(
          R"(SELECT auction FROM (SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE 5 > rn)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(auction) changelog [I,UB,UA,D]
    TopN(partition by [auction], order by [price DESC], limit 4, with rank) changelog [I,UB,UA,D] state [4 rows per key, for ever]
      Project(auction, price) changelog [I]
        Source(table bid, kinesis, columns [auction, price], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, OtherConditionsFilterTheRankedRows) {
  EXPECT_EQ(
      explained(
          R"(SELECT auction FROM (SELECT auction, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn <= 10 AND price > 3)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(auction) changelog [I,UB,UA,D]
    Filter((price > 3)) changelog [I,UB,UA,D]
      TopN(partition by [auction], order by [price DESC], limit 10, with rank) changelog [I,UB,UA,D] state [10 rows per key, for ever]
        Project(auction, price) changelog [I]
          Source(table bid, kinesis, columns [auction, price], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, ALowerBoundFiltersBelowTheUpperOne) {
  EXPECT_EQ(
      explained(
          R"(SELECT auction FROM (SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn >= 2 AND rn <= 5)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(auction) changelog [I,UB,UA,D]
    Filter(($rank >= 2)) changelog [I,UB,UA,D]
      TopN(partition by [auction], order by [price DESC], limit 5, with rank) changelog [I,UB,UA,D] state [5 rows per key, for ever]
        Project(auction, price) changelog [I]
          Source(table bid, kinesis, columns [auction, price], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, TheNumberOfOneRowIsOne) {
  EXPECT_EQ(
      explained(
          R"(SELECT auction, rn FROM (SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn = 1)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(auction, 1 AS rn) changelog [I,UB,UA,D]
    TopN(partition by [auction], order by [price DESC], limit 1) changelog [I,UB,UA,D] state [1 rows per key, for ever]
      Project(auction, price) changelog [I]
        Source(table bid, kinesis, columns [auction, price], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, TheLastRowByTimeIsDeduplication) {
  EXPECT_EQ(
      explained(
          R"(SELECT bidder FROM (SELECT bidder, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY ts DESC) AS rn FROM bid) WHERE rn = 1)"),
      R"(Sink(table result-1, collect) changelog [I,UB,UA,D]
  Project(bidder) changelog [I,UB,UA,D]
    Deduplicate(keep last row of [bidder], by ts) changelog [I,UB,UA,D] state [1 rows per key, for ever]
      Project(bidder, ts) changelog [I]
        Source(table bid, kinesis, columns [bidder, ts], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, TheFirstRowByTimeIsNeverTakenBack) {
  EXPECT_EQ(
      explained(
          R"(SELECT bidder FROM (SELECT bidder, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY p) AS rn FROM bid) WHERE rn = 1)"),
      R"(Sink(table result-1, collect) changelog [I]
  Project(bidder) changelog [I]
    Deduplicate(keep first row of [bidder], by p) changelog [I] state [1 rows per key, for ever]
      Project(bidder, p) changelog [I]
        Source(table bid, kinesis, columns [bidder, p], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, RanksOfWindowsLeaveWhenTheWindowEnds) {
  EXPECT_EQ(
      explained(
          R"(SELECT window_end, bidder, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS rn FROM (SELECT window_start, window_end, bidder, COUNT(*) n FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end, bidder)) WHERE rn <= 3)"),
      R"(Sink(table result-1, collect) changelog [I]
  Project(window_end, bidder, $rank AS rn) changelog [I]
    WindowTopN(partition by [window_start, window_end], order by [n DESC], limit 3, with rank) changelog [I] state [rows until the window ends]
      Project(window_start, window_end, bidder, $a0 AS n) changelog [I]
        WindowAggregate(window TUMBLE(ts, size 10 min), group by [bidder], select [COUNT(*) AS $a0], window's [start AS window_start, end AS window_end]) changelog [I] state [a row per key and window, until the window ends]
          Source(table bid, kinesis, columns [bidder, ts], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, WindowsOfWindowsAreAggregatedByTheirColumns) {
  EXPECT_EQ(
      explained(
          R"(SELECT ws, we, MAX(n) FROM (SELECT window_start ws, window_end we, auction, COUNT(*) n FROM TABLE(HOP(TABLE bid, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) GROUP BY ws, we)"),
      R"(Sink(table result-1, collect) changelog [I]
  Project(window_start AS ws, window_end AS we, $a0 AS EXPR$2) changelog [I]
    WindowAggregate(window [ws, we], group by [], select [MAX(n) AS $a0], window's [start AS window_start, end AS window_end]) changelog [I] state [a row per key and window, until the window ends]
      Project(window_start AS ws, window_end AS we, $a0 AS n) changelog [I]
        WindowAggregate(window HOP(ts, size 10 s, slide 2 s), group by [auction], select [COUNT(*) AS $a0], window's [start AS window_start, end AS window_end]) changelog [I] state [a row per key and window, until the window ends]
          Source(table bid, kinesis, columns [auction, ts], watermark for ts as (ts - INTERVAL '4' SECOND)) changelog [I]
)");
}

TEST(FlinkRank, ANumberWithoutALimitIsRefused) {
  EXPECT_THAT(
      explained(
          R"(SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid)"),
      HasSubstr(
          R"(ROW_NUMBER() without a limit is not yet supported: keep the first n rows with SELECT … FROM (SELECT …, ROW_NUMBER() OVER (…) AS rownum FROM …) WHERE rownum <= n)"));
}

TEST(FlinkRank, ALowerBoundAloneIsRefused) {
  EXPECT_THAT(
      explained(
          R"(SELECT auction FROM (SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rn FROM bid) WHERE rn > 3)"),
      HasSubstr(
          R"(the number of ROW_NUMBER() needs an upper bound to be kept up to date: WHERE number <= 10 (a lower bound alone is not yet supported))"));
}

TEST(FlinkRank, RanksOfWindowsByTheClockAreRefused) {
  EXPECT_THAT(
      explained(
          R"(SELECT bidder FROM (SELECT bidder, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price) AS rn FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(p), INTERVAL '10' MINUTE))) WHERE rn <= 3)"),
      HasSubstr(R"(Processing time Window TopN is not supported yet.)"));
}

TEST(FlinkRank, JoinsOfWindowsByTheClockAreRefused) {
  EXPECT_THAT(
      explained(
          R"(SELECT L.bidder FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(p), INTERVAL '1' MINUTE))) L JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(p), INTERVAL '1' MINUTE))) R ON L.window_start = R.window_start AND L.window_end = R.window_end)"),
      HasSubstr(R"(Processing time Window Join is not supported yet.)"));
}

TEST(FlinkRank, RankIsRefusedByName) {
  EXPECT_THAT(
      explained(
          R"(SELECT auction FROM (SELECT auction, RANK() OVER (PARTITION BY auction ORDER BY price) AS rn FROM bid) WHERE rn <= 3)"),
      HasSubstr(R"(RANK() on streaming table is not supported currently)"));
}

TEST(FlinkRank, ANumberNeedsAnOrder) {
  EXPECT_THAT(
      explained(
          R"(SELECT auction FROM (SELECT auction, ROW_NUMBER() OVER (PARTITION BY auction) AS rn FROM bid) WHERE rn <= 3)"),
      HasSubstr(R"(ROW_NUMBER needs ORDER BY in its OVER)"));
}

}  // namespace
}  // namespace millstream::analytics
