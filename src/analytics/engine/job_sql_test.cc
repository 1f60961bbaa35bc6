// Jobs of planned queries: windows, sinks and reference tables, exactly once.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/engine/job_test_support.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kTables = R"(
CREATE TABLE input (k STRING, v BIGINT, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'kinesis', 'stream' = 'input', 'format' = 'json');
CREATE TABLE counts (k STRING, ends TIMESTAMP(3), n BIGINT, total BIGINT)
  WITH ('connector' = 'kinesis', 'stream' = 'output', 'format' = 'json');
CREATE TABLE files (k STRING, v BIGINT)
  WITH ('connector' = 'filesystem', 'path' = 'lake://out/rows', 'format' = 'json');
CREATE TABLE lines (k STRING, v BIGINT) WITH ('connector' = 'print');
)";
constexpr std::string_view kTumbling =
    "INSERT INTO counts SELECT k, window_end, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE input, "
    "DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end;";

Plan planned(std::string_view query) {
  const auto script = plan_script(std::string(kTables) + std::string(query), {});
  EXPECT_TRUE(script) << script.error().message;
  return script ? script->plan : Plan();
}

std::string row(int64_t second) {
  return fmt::format(R"({{"k":"k{}","v":{},"ts":"2026-11-25 08:{:02}:{:02}.000"}})", second % 5,
                     second, second / 60, second % 60);
}

void append_rows(World& world, ShardId shard, int64_t first, int64_t count) {
  for (int64_t second = first; second < first + count; ++second) {
    world.append(shard, {row(second)});
  }
}

std::vector<std::string> sorted(std::vector<std::string> rows) {
  std::ranges::sort(rows);
  return rows;
}

// What an undisturbed run writes.
std::vector<std::string> wanted_counts(int64_t rows) {
  std::vector<std::string> all;
  for (int64_t from = 0; from < rows; from += 10) {
    const int64_t end = from + 10;
    for (int64_t key = 0; key < 5; ++key) {
      const int64_t first = from + key;
      all.push_back(
          fmt::format(R"({{"k":"k{}","ends":"2026-11-25 08:{:02}:{:02}","n":2,"total":{}}})", key,
                      end / 60, end % 60, 2 * first + 5));
    }
  }
  return sorted(all);
}

TEST(SqlJob, AWindowCountsEachRowOnceInAnyPartitionsAndBatches) {
  for (const uint32_t parallelism : {1u, 3u}) {
    for (const uint32_t batch_rows : {1u, 7u, 10'000u}) {
      World world;
      world.create_stream("input", 1, 1);
      world.create_stream("output", 100, 2);
      append_rows(world, ShardId{1}, 0, 60);
      JobSpec spec = world.spec();
      spec.bounded = true;
      spec.parallelism = parallelism;
      spec.batch_rows = batch_rows;
      const Result<> done = world.run_job(spec, planned(kTumbling));
      ASSERT_TRUE(done) << done.error().message;
      EXPECT_EQ(sorted(world.stream_records("output")), wanted_counts(60));
      EXPECT_EQ(world.last_status.late_rows, 0u);
    }
  }
}

TEST(SqlJob, AWindowLosesAndRepeatsNothingAtAnyAppend) {
  using Mode = CrashPlan::Mode;
  for (const Mode mode : {Mode::kBefore, Mode::kAfter}) {
    int crash_at = 1;
    for (bool reached = true; reached; ++crash_at) {
      SCOPED_TRACE(fmt::format("append {} mode {}", crash_at, int(mode)));
      World world;
      world.create_stream("input", 1, 1);
      world.create_stream("output", 100, 2);
      append_rows(world, ShardId{1}, 0, 40);
      JobSpec spec = world.spec();
      spec.bounded = true;
      spec.batch_rows = 3;
      spec.parallelism = 1 + static_cast<uint32_t>(crash_at % 2);
      spec.snapshot_after_bytes = crash_at % 3 == 0 ? 200 : uint64_t{1} << 30;
      world.crash.arm(crash_at, mode);
      const Result<> first = world.run_job(spec, planned(kTumbling));
      reached = world.crash.crashed;
      EXPECT_EQ(first.has_value(), !reached);
      world.crash.arm(0, mode);
      world.shard_log.restart();
      spec.parallelism = 1 + static_cast<uint32_t>(crash_at % 3);
      const Result<> second = world.run_job(spec, planned(kTumbling));
      ASSERT_TRUE(second) << second.error().message;
      ASSERT_EQ(sorted(world.stream_records("output")), wanted_counts(40));
    }
    EXPECT_GT(crash_at, 2);
  }
}

TEST(SqlJob, ObjectsOfAFolderHoldEachRowOnceAtAnyCrash) {
  int crash_at = 1;
  for (bool reached = true; reached; ++crash_at) {
    SCOPED_TRACE(crash_at);
    World world;
    world.create_stream("input", 1, 1);
    append_rows(world, ShardId{1}, 0, 12);
    JobSpec spec = world.spec();
    spec.bounded = true;
    spec.batch_rows = 5;
    const Plan plan = planned("INSERT INTO files SELECT k, v FROM input;");
    world.crash.arm(crash_at, CrashPlan::Mode::kAfter);
    (void)world.run_job(spec, plan);
    reached = world.crash.crashed;
    world.crash.arm(0, CrashPlan::Mode::kAfter);
    world.shard_log.restart();
    const Result<> second = world.run_job(spec, plan);
    ASSERT_TRUE(second) << second.error().message;
    std::string all;
    for (const auto& [key, content] : world.lake.objects()) all += content;
    EXPECT_EQ(std::ranges::count(all, '\n'), 12) << all;
    EXPECT_FALSE(world.lake.changed_an_object());
  }
}

TEST(SqlJob, PrintsALineForEachRow) {
  World world;
  world.create_stream("input", 1, 1);
  append_rows(world, ShardId{1}, 0, 2);
  JobSpec spec = world.spec();
  spec.bounded = true;
  const Result<> done = world.run_job(spec, planned("INSERT INTO lines SELECT k, v FROM input;"));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(world.lines, testing::ElementsAre("+I[k0, 0]", "+I[k1, 1]"));
}

TEST(SqlJob, RowsOfWhichNoColumnIsNeededAreCounted) {
  for (const std::string_view from :
       {"input a CROSS JOIN input b", "input a CROSS JOIN (SELECT v FROM input WHERE v < 3) b",
        "(SELECT k FROM input UNION ALL SELECT k FROM input)"}) {
    World world;
    world.create_stream("input", 1, 1);
    append_rows(world, ShardId{1}, 0, 4);
    JobSpec spec = world.spec();
    spec.bounded = true;
    const Result<> done = world.run_job(
        spec, planned(fmt::format("INSERT INTO lines SELECT 'n', COUNT(*) FROM {};", from)));
    ASSERT_TRUE(done) << done.error().message;
    const int rows = from.contains("UNION") ? 8 : from.contains("WHERE") ? 12 : 16;
    ASSERT_FALSE(world.lines.empty());
    EXPECT_EQ(world.lines.back(),
              fmt::format("+{}[n, {}]", world.lines.size() > 1 ? "U" : "I", rows))
        << from;
  }
}

TEST(SqlJob, StateBeyondTheMemoryLimitEndsTheJobByName) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  append_rows(world, ShardId{1}, 0, 20);
  JobSpec spec = world.spec();
  spec.bounded = true;
  spec.memory_limit_bytes = 1;
  spec.batch_rows = 1;
  const Result<> done = world.run_job(spec, planned(kTumbling));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(done.error().message, testing::HasSubstr("beyond its limit"));
}

}  // namespace
}  // namespace millstream::analytics
