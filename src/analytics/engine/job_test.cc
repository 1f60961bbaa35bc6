// Jobs as a whole: rows from a stream to a stream, exactly once whatever happens.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "analytics/engine/job_test_support.h"

namespace millstream::analytics {
namespace {

const Schema kEvents = {{"id", make_type(TypeKind::kBigint)},
                        {"name", varchar_type()},
                        {"price", make_type(TypeKind::kDouble)}};

std::string event(int64_t id) {
  return fmt::format(R"({{"id":{},"name":"n{}","price":{}.5}})", id, id % 7, id % 100);
}

// SELECT id, name FROM input WHERE id <> 3
Plan filter_plan() {
  const PlanPtr from = source(stream_table("input", kEvents));
  const PlanPtr some = filter(from, call("<>", {column(from, 0), number(3)}));
  const PlanPtr two = project(some, {column(some, 0), column(some, 1)}, {"id", "name"});
  return sink_to(two, stream_table("output", two->schema));
}

std::string expected(int64_t id) { return fmt::format(R"({{"id":{},"name":"n{}"}})", id, id % 7); }

std::vector<std::string> expected_up_to(int64_t count) {
  std::vector<std::string> all;
  for (int64_t id = 0; id < count; ++id) {
    if (id != 3) all.push_back(expected(id));
  }
  return all;
}

void append_events(World& world, ShardId shard, int64_t first, int64_t count, int64_t piece = 5) {
  std::vector<std::string> records;
  for (int64_t id = first; id < first + count; ++id) {
    records.push_back(event(id));
    if (static_cast<int64_t>(records.size()) == piece || id == first + count - 1) {
      world.append(shard, records);
      records.clear();
    }
  }
}

TEST(Job, ABoundedJobWritesEachRowOnceInOrder) {
  for (const uint32_t batch_rows : {1u, 7u, 10'000u}) {
    World world;
    world.create_stream("input", 1, 1);
    world.create_stream("output", 100, 1);
    append_events(world, ShardId{1}, 0, 40);
    JobSpec spec = world.spec();
    spec.bounded = true;
    spec.batch_rows = batch_rows;
    const Result<> done = world.run_job(spec, filter_plan());
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(world.records(ShardId{100}), expected_up_to(40)) << batch_rows;
    EXPECT_EQ(world.last_status.input_rows, 40u);
    EXPECT_EQ(world.last_status.output_rows, 39u);
  }
}

TEST(Job, AStoppedJobGoesOnWhereItWas) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  for (int run = 0; run < 3; ++run) {
    append_events(world, ShardId{1}, run * 10, 10);
    BackgroundJob job(world, world.spec(), filter_plan());
    const size_t wanted = expected_up_to((run + 1) * 10).size();
    EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= wanted; }));
    const Result<> stopped = job.stop();
    ASSERT_TRUE(stopped) << stopped.error().message;
  }
  EXPECT_EQ(world.records(ShardId{100}), expected_up_to(30));
  EXPECT_EQ(world.last_status.input_rows, 30u);
}

TEST(Job, LosesAndRepeatsNothingAtAnyAppend) {
  using Mode = CrashPlan::Mode;
  for (const Mode mode : {Mode::kBefore, Mode::kAfter}) {
    for (const uint32_t batch_rows : {1u, 7u, 10'000u}) {
      int crash_at = 1;
      for (bool reached = true; reached; ++crash_at) {
        SCOPED_TRACE(fmt::format("append {} mode {} batch {}", crash_at, int(mode), batch_rows));
        World world;
        world.create_stream("input", 1, 1);
        world.create_stream("output", 100, 1);
        append_events(world, ShardId{1}, 0, 25);
        world.shard_log.merge_reads();
        JobSpec spec = world.spec();
        spec.bounded = true;
        spec.batch_rows = batch_rows;
        world.crash.arm(crash_at, mode);
        const Result<> first = world.run_job(spec, filter_plan());
        reached = world.crash.crashed;
        EXPECT_EQ(first.has_value(), !reached);
        world.crash.arm(0, mode);
        world.shard_log.restart();
        append_events(world, ShardId{1}, 25, 5);
        spec.parallelism = 1 + static_cast<uint32_t>(crash_at % 3);
        const Result<> second = world.run_job(spec, filter_plan());
        ASSERT_TRUE(second) << second.error().message;
        ASSERT_EQ(world.records(ShardId{100}), expected_up_to(30));
        EXPECT_EQ(world.last_status.input_rows, 30u);
      }
      EXPECT_GT(crash_at, 2);
    }
  }
}

TEST(Job, PartitionsKeepTheOrderOfAShard) {
  for (const uint32_t parallelism : {1u, 2u, 5u}) {
    World world;
    world.create_stream("input", 1, 3);
    world.create_stream("output", 100, 3);
    for (int round = 0; round < 20; ++round) {
      for (uint64_t shard = 1; shard <= 3; ++shard) {
        append_events(world, ShardId{shard}, static_cast<int64_t>(shard) * 100'000 + round * 50, 50,
                      11);
      }
    }
    JobSpec spec = world.spec();
    spec.bounded = true;
    spec.parallelism = parallelism;
    spec.batch_rows = 700;
    const Result<> done = world.run_job(spec, filter_plan());
    ASSERT_TRUE(done) << done.error().message;
    for (uint64_t shard = 1; shard <= 3; ++shard) {
      std::vector<std::string> wanted;
      for (int64_t id = 0; id < 1000; ++id) {
        wanted.push_back(expected(static_cast<int64_t>(shard) * 100'000 + id));
      }
      EXPECT_EQ(world.records(ShardId{99 + shard}), wanted) << parallelism;
    }
  }
}

TEST(Job, FollowsASplitOfItsInputParentsFirst) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  append_events(world, ShardId{1}, 0, 20);
  JobSpec spec = world.spec();
  spec.batch_rows = 3;
  BackgroundJob job(world, spec, filter_plan());
  EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= 5; }));
  world.split("input", 0, 2, 3);
  append_events(world, ShardId{2}, 20, 20);
  EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= 39; }));
  append_events(world, ShardId{3}, 40, 20);
  EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= 59; }));
  ASSERT_TRUE(job.stop());
  EXPECT_EQ(world.records(ShardId{100}), expected_up_to(60));
}

TEST(Job, WritesOnWhenItsOutputIsSplit) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  JobSpec spec = world.spec();
  spec.batch_rows = 2;
  BackgroundJob job(world, spec, filter_plan());
  append_events(world, ShardId{1}, 0, 20);
  EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= 3; }));
  world.split("output", 0, 101, 102);
  append_events(world, ShardId{1}, 20, 40);
  EXPECT_TRUE(job.wait_until([&] { return world.stream_records("output").size() >= 59; }));
  const Result<> stopped = job.stop();
  ASSERT_TRUE(stopped) << stopped.error().message;
  const auto all = world.stream_records("output");
  const std::vector<std::string> wanted = expected_up_to(60);
  EXPECT_EQ(std::multiset<std::string>(all.begin(), all.end()),
            std::multiset<std::string>(wanted.begin(), wanted.end()));
  EXPECT_FALSE(world.records(ShardId{101}).empty() && world.records(ShardId{102}).empty());
}

TEST(Job, ARunEndsWhenANewerOneBegins) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  BackgroundJob older(world, world.spec(), filter_plan());
  append_events(world, ShardId{1}, 0, 5);
  EXPECT_TRUE(older.wait_until([&] { return world.records(ShardId{100}).size() == 4; }));
  BackgroundJob newer(world, world.spec(), filter_plan());
  EXPECT_TRUE(newer.wait_until([&] { return newer.job().status().input_rows == 5; }));
  append_events(world, ShardId{1}, 5, 5);
  const Result<> fenced = older.wait();
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, ErrorCode::kFenced);
  EXPECT_TRUE(newer.wait_until([&] { return world.records(ShardId{100}).size() == 9; }));
  ASSERT_TRUE(newer.stop());
  EXPECT_EQ(world.records(ShardId{100}), expected_up_to(10));
}

TEST(Job, StartsAtTheTipIfToldTo) {
  World world;
  world.create_stream("input", 1, 2);
  world.create_stream("output", 100, 1);
  append_events(world, ShardId{1}, 0, 5);
  JobSpec spec = world.spec();
  spec.start = StartPosition::kLatest;
  {
    BackgroundJob job(world, spec, filter_plan());
    EXPECT_TRUE(job.wait_until([&] { return !world.records(World::kChangelog).empty(); }));
    ASSERT_TRUE(job.stop());
  }
  // Its positions are durable: what comes while it is stopped is read.
  append_events(world, ShardId{1}, 100, 5);
  BackgroundJob job(world, spec, filter_plan());
  EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() >= 5; }));
  ASSERT_TRUE(job.stop());
  EXPECT_EQ(world.records(ShardId{100}).front(), expected(100));
}

TEST(Job, AFreshStartForgetsThePositions) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  append_events(world, ShardId{1}, 4, 6);
  JobSpec spec = world.spec();
  spec.bounded = true;
  ASSERT_TRUE(world.run_job(spec, filter_plan()));
  spec.fresh = true;
  ASSERT_TRUE(world.run_job(spec, filter_plan()));
  spec.fresh = false;
  ASSERT_TRUE(world.run_job(spec, filter_plan()));
  EXPECT_EQ(world.records(ShardId{100}).size(), 12u);
  EXPECT_EQ(world.last_status.input_rows, 6u);
}

TEST(Job, GoesOnFromItsOwnSnapshots) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  JobSpec spec = world.spec();
  spec.bounded = true;
  spec.batch_rows = 4;
  spec.snapshot_after_bytes = 300;
  for (int run = 0; run < 5; ++run) {
    append_events(world, ShardId{1}, run * 30, 30);
    const Result<> done = world.run_job(spec, filter_plan());
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_FALSE(world.last_status.snapshot.empty());
  }
  EXPECT_EQ(world.records(ShardId{100}), expected_up_to(150));
  const auto status = world.shard_log.status(World::kChangelog);
  EXPECT_GT(status->first, Counter{1} << 40) << "the changelog was not trimmed";
  const auto files = world.files->list("/snapshots");
  EXPECT_EQ(files->size(), 1u) << "old snapshots were not removed";
}

TEST(Job, ANamedSnapshotCanBeRestored) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  append_events(world, ShardId{1}, 0, 10);
  {
    BackgroundJob job(world, world.spec(), filter_plan());
    EXPECT_TRUE(job.wait_until([&] { return world.records(ShardId{100}).size() == 9; }));
    ASSERT_TRUE(job.stop("ten"));
  }
  append_events(world, ShardId{1}, 10, 10);
  JobSpec spec = world.spec();
  spec.bounded = true;
  ASSERT_TRUE(world.run_job(spec, filter_plan()));
  EXPECT_EQ(world.records(ShardId{100}).size(), 19u);
  spec.restore_snapshot = "ten";
  const Result<> restored = world.run_job(spec, filter_plan());
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(world.records(ShardId{100}).size(), 29u) << "rows 10 to 19 come again";
  EXPECT_EQ(world.last_status.input_rows, 20u);
  // And a plain restart goes on behind the restored run.
  spec.restore_snapshot.clear();
  ASSERT_TRUE(world.run_job(spec, filter_plan()));
  EXPECT_EQ(world.records(ShardId{100}).size(), 29u);
  spec.restore_snapshot = "eleven";
  EXPECT_EQ(world.run_job(spec, filter_plan()).error().code, ErrorCode::kNotFound);
}

TEST(Job, ARowThatFlinkWouldFailOnEndsTheJob) {
  World world;
  world.create_stream("input", 1, 1);
  world.create_stream("output", 100, 1);
  append_events(world, ShardId{1}, 0, 2);
  world.append(ShardId{1}, {"no json"});
  JobSpec spec = world.spec();
  spec.bounded = true;
  const Result<> done = world.run_job(spec, filter_plan());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(done.error().message.find("no json"), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace millstream::analytics
