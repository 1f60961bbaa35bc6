// For tests: a control plane on a shard log in memory and SQLite, with crashes and restarts.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "log/fake_shard_log.h"
#include "streams/control_plane.h"
#include "streams/meta_catalog.h"

namespace millstream::streams {

// The process dies before durable step `step` (from 0): that one and all later ones fail without
// effect. A crash behind a step is one before the next.
struct Crash {
  int step = -1;  // never
  int seen = 0;
  bool happened = false;

  Result<> before_step() {
    const int here = seen++;
    if (step < 0 || here < step) return {};
    happened = true;
    return fail(ErrorCode::kUnavailable, "the process is dead since step {}", step);
  }
};

class CrashingStore final : public MetaStore {
 public:
  CrashingStore(MetaStore& store, Crash& crash) : store_(store), crash_(crash) {}
  Result<> migrate(std::span<const Migration> steps) override { return store_.migrate(steps); }
  awaitable<Result<>> write(Work work) override {
    CO_TRY(crash_.before_step());
    co_return co_await store_.write(std::move(work));
  }
  awaitable<Result<>> read(Work work) override { return store_.read(std::move(work)); }
  Result<> write_now(const Work& work) override { return store_.write_now(work); }
  Result<> read_now(const Work& work) override { return store_.read_now(work); }
  Result<int64_t> next_number(Transaction& transaction, std::string_view sequence) override {
    return store_.next_number(transaction, sequence);
  }

 private:
  MetaStore& store_;
  Crash& crash_;
};

class ControlHarness : public testing::Test {
 public:
  ControlHarness() {
    auto opened = open_sqlite(":memory:");
    MS_ASSERT(opened.has_value());
    sqlite_ = *std::move(opened);
    store_ = std::make_unique<CrashingStore>(*sqlite_, crash);
    log.set_hook([this](std::string_view call, ShardId) -> Result<> {
      const bool durable =
          call == "create" || call == "seal" || call == "remove" || call == "set_retention";
      if (durable) return crash.before_step();
      return {};
    });
    settings.token_key = load_token_key(*sqlite_).value();
    restart();
  }
  ~ControlHarness() override {
    sqlite_.reset();  // completes what it accepted, while the loops are there
    for (Run& run : runs_) run.loop.reset();
  }

  // What a new process does with what the old one has left.
  void restart() {
    crash = {};
    log.restart();
    Run& run = runs_.emplace_back();
    run.loop = std::make_unique<asio::io_context>();
    run.keys = std::make_unique<StreamKeys>(*store_, masters, clock);
    ASSERT_TRUE(run.keys->open());
    run.catalog = std::make_unique<MetaCatalog>(*store_, log, clock, settings, run.keys.get());
    run.control = std::make_unique<ControlPlane>(*run.catalog, clock, settings, run.keys.get());
    auto done = wait(run.catalog->open(run.loop->get_executor()));
    ASSERT_TRUE(done) << done.error().message;
  }

  template <class T>
  T wait(awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(loop(), std::move(work), [&result](std::exception_ptr error, T value) {
      MS_ASSERT(!error);
      result.emplace(std::move(value));
    });
    while (!result) MS_ASSERT(loop().run_one() > 0);
    return *std::move(result);
  }
  void wait(awaitable<> work) {
    bool done = false;
    asio::co_spawn(loop(), std::move(work), [&done](std::exception_ptr error) {
      MS_ASSERT(!error);
      done = true;
    });
    while (!done) MS_ASSERT(loop().run_one() > 0);
  }

  asio::io_context& loop() { return *runs_.back().loop; }
  MetaCatalog& catalog() { return *runs_.back().catalog; }
  ControlPlane& control() { return *runs_.back().control; }
  StreamKeys& keys() { return *runs_.back().keys; }

  // Nothing runs on the loop any more; what waits there is destroyed.
  void abandon_loop() { runs_.back().loop.reset(); }

  StreamKey key(std::string name) const { return {context.account, context.region, name}; }
  std::shared_ptr<const Stream> find(const std::string& name) { return catalog().find(key(name)); }

  Result<> create(const std::string& name, int32_t shards = 1) {
    wire::kinesis::CreateStreamInput in;
    in.stream_name = name;
    in.shard_count = shards;
    return wait(control().create_stream(context, in));
  }
  Result<> split(const std::string& name, const std::string& shard, const std::string& at) {
    wire::kinesis::SplitShardInput in;
    in.stream_name = name;
    in.shard_to_split = shard;
    in.new_starting_hash_key = at;
    return wait(control().split_shard(context, in));
  }
  Result<> merge(const std::string& name, const std::string& shard, const std::string& adjacent) {
    wire::kinesis::MergeShardsInput in;
    in.stream_name = name;
    in.shard_to_merge = shard;
    in.adjacent_shard_to_merge = adjacent;
    return wait(control().merge_shards(context, in));
  }
  Result<> remove(const std::string& name) {
    wire::kinesis::DeleteStreamInput in;
    in.stream_name = name;
    return wait(control().delete_stream(context, in));
  }
  Result<> increase_retention(const std::string& name, int32_t hours) {
    wire::kinesis::IncreaseStreamRetentionPeriodInput in;
    in.stream_name = name;
    in.retention_period_hours = hours;
    return wait(control().increase_retention(context, in));
  }
  // Waits until the stream has that status; "gone" for none.
  void wait_for_status(const std::string& name, std::string_view wanted) {
    for (int i = 0; i < 100; ++i) {
      const auto stream = find(name);
      if (wanted == (stream ? status_text(stream->status) : "gone")) return;
      wait(catalog().wait_for_change(key(name), stream, std::chrono::seconds(1)));
    }
    FAIL() << "stream " << name << " never became " << wanted;
  }
  Appended append(const Shard& shard) {
    ShardBatch batch;
    batch.shard = shard.log_id;
    batch.records = 1;
    batch.body = Slice::copy_of(std::string_view("\1\0\0\0\1\0\0\0kd", 10));
    return wait(log.append({batch}, {})).value().front();
  }
  // Every shard of the catalog is in the log and the other way round.
  void expect_log_matches_catalog() {
    std::vector<ShardId> wanted;
    for (const auto& stream : catalog().list_all()) {
      for (const Shard& shard : stream->shards) wanted.push_back(shard.log_id);
    }
    std::ranges::sort(wanted);
    EXPECT_EQ(log.shards(), wanted);
  }

  ManualClock clock;
  FakeShardLog log{clock};
  StreamsSettings settings;
  MasterKeys masters;
  Crash crash;
  wire::RequestContext context{"000000000000", "us-east-1", "key", "request"};

 private:
  struct Run {
    std::unique_ptr<StreamKeys> keys;
    std::unique_ptr<MetaCatalog> catalog;
    std::unique_ptr<ControlPlane> control;
    std::unique_ptr<asio::io_context> loop;
  };
  std::vector<Run> runs_;  // the last one lives; the others are as dead processes
  std::unique_ptr<MetaStore> sqlite_;
  std::unique_ptr<CrashingStore> store_;
};

// EXPECT_THAT(result, fails(ErrorCode::kInUse, "… already exists."))
MATCHER_P2(fails, code, text, "") {
  if (arg) {
    *result_listener << "it has succeeded";
    return false;
  }
  *result_listener << "its code is " << static_cast<int>(arg.error().code)
                   << ", its message: " << arg.error().message;
  return arg.error().code == code && arg.error().message.find(text) != std::string::npos;
}

}  // namespace millstream::streams
