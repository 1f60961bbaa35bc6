// What the tests of jobs share: a world in memory that outlives crashes, and plans made by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "analytics/engine/job.h"
#include "analytics/functions/function.h"
#include "base/hash.h"
#include "base/manual_clock.h"
#include "base/memory_env.h"
#include "log/fake_shard_log.h"
#include "log/record.h"
#include "streams/hash_key.h"

namespace millstream::analytics {

// Stops the world at the n-th append of the job: before it, or after it without its answer.
struct CrashPlan {
  enum class Mode : uint8_t { kBefore, kAfter };
  std::atomic<int> at{0};  // 0: never
  std::atomic<int> seen{0};
  Mode mode = Mode::kBefore;
  std::atomic<bool> crashed{false};

  void arm(int number, Mode how) {
    at = number;
    seen = 0;
    mode = how;
    crashed = false;
  }
  static std::unexpected<Error> gone() {
    return fail(ErrorCode::kUnavailable, "the machine has stopped");
  }
};

class CrashingLog final : public ShardLog {
 public:
  CrashingLog(ShardLog& inner, CrashPlan& plan) : inner_(inner), plan_(plan) {}
  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp stamp) override {
    if (plan_.crashed) co_return CrashPlan::gone();
    const bool dies = ++plan_.seen == plan_.at;
    if (dies && plan_.mode == CrashPlan::Mode::kBefore) {
      plan_.crashed = true;
      co_return CrashPlan::gone();
    }
    auto result = co_await inner_.append(std::move(batches), stamp);
    if (dies) {
      plan_.crashed = true;
      co_return CrashPlan::gone();
    }
    co_return result;
  }
  awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) override {
    co_return co_await inner_.open_writer(writer);
  }
  awaitable<Result<>> create(ShardId shard, ShardOptions options) override {
    co_return co_await inner_.create(shard, options);
  }
  awaitable<Result<Counter>> seal(ShardId shard) override { co_return co_await inner_.seal(shard); }
  awaitable<Result<>> remove(ShardId shard) override { co_return co_await inner_.remove(shard); }
  awaitable<Result<>> trim(ShardId shard, Counter first) override {
    if (plan_.crashed) co_return CrashPlan::gone();
    co_return co_await inner_.trim(shard, first);
  }
  awaitable<Result<>> set_retention(ShardId shard, TimeMs retention) override {
    co_return co_await inner_.set_retention(shard, retention);
  }
  awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) override {
    co_return co_await inner_.read(shard, from, limits);
  }
  awaitable<Result<>> wait(ShardId shard, Counter position,
                           std::chrono::milliseconds timeout) override {
    co_return co_await inner_.wait(shard, position, timeout);
  }
  awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) override {
    co_return co_await inner_.position_at(shard, time);
  }
  Result<ShardStatus> status(ShardId shard) override { return inner_.status(shard); }
  std::vector<ShardId> shards() override { return inner_.shards(); }
  awaitable<Result<>> close() override { co_return co_await inner_.close(); }

 private:
  ShardLog& inner_;
  CrashPlan& plan_;
};

class MemoryObjects final : public ObjectStore {
 public:
  std::map<std::string, std::string> objects() const {
    std::lock_guard lock(mutex_);
    return objects_;
  }
  bool changed_an_object() const { return changed_an_object_; }
  void set(const std::string& key, std::string content) {
    std::lock_guard lock(mutex_);
    objects_[key] = std::move(content);
  }

  awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                          PutOptions) override {
    std::string content;
    for (const Slice& part : parts) content += part.view();
    std::lock_guard lock(mutex_);
    const auto [place, is_new] = objects_.try_emplace(bucket + "/" + key, content);
    if (!is_new && place->second != content) changed_an_object_ = true;
    co_return Result<>{};
  }
  awaitable<Result<Slice>> get(std::string bucket, std::string key) override {
    std::lock_guard lock(mutex_);
    const auto found = objects_.find(bucket + "/" + key);
    if (found == objects_.end()) co_return fail(ErrorCode::kNotFound, "no object {}", key);
    co_return Slice::copy_of(found->second);
  }
  awaitable<Result<ObjectInfo>> head(std::string, std::string) override {
    co_return fail(ErrorCode::kInternal, "unused");
  }
  awaitable<Result<ObjectPage>> list(std::string bucket, std::string prefix, std::string after,
                                     size_t limit) override {
    std::lock_guard lock(mutex_);
    ObjectPage page;
    for (const auto& [name, content] : objects_) {
      if (!name.starts_with(bucket + "/")) continue;
      const std::string key = name.substr(bucket.size() + 1);
      if (!key.starts_with(prefix) || key <= after) continue;
      if (page.objects.size() == limit) {
        page.next_start_after = page.objects.back().key;
        break;
      }
      page.objects.push_back({key, content.size(), 0, ""});
    }
    co_return page;
  }
  awaitable<Result<>> remove(std::string, std::string) override { co_return Result<>{}; }
  awaitable<Result<>> make_bucket(std::string) override { co_return Result<>{}; }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> objects_;
  std::atomic<bool> changed_an_object_ = false;
};

// What outlives a crash, and the job that does not.
class World final : public JobHost {
 public:
  explicit World(Clock& with) : clock_(with), shard_log(with), crashing(shard_log, crash) {
    EXPECT_TRUE(files->make_folders("/snapshots"));
    create_shard(kChangelog);
  }
  World() : World(real_env()) {}
  ~World() override { pool.join(); }

  static constexpr ShardId kChangelog{900};

  // --- JobHost
  ShardLog& log() override { return crashing; }
  awaitable<Result<std::shared_ptr<const InputStream>>> stream(std::string name) override {
    std::lock_guard lock(mutex);
    const auto found = streams.find(name);
    if (found == streams.end()) co_return fail(ErrorCode::kNotFound, "no stream {}", name);
    co_return found->second;
  }
  awaitable<Result<>> wait_for_change(std::string name, std::shared_ptr<const InputStream> seen,
                                      std::chrono::milliseconds) override {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
      {
        std::lock_guard lock(mutex);
        if (streams[name] != seen) co_return Result<>();
      }
      timer.expires_after(std::chrono::milliseconds(2));
      boost::system::error_code error;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
      const auto state = co_await asio::this_coro::cancellation_state;
      if (error || state.cancelled() != asio::cancellation_type::none) {
        co_return fail(ErrorCode::kCancelled, "cancelled");
      }
    }
  }
  awaitable<Result<std::vector<ShardId>>> delivery_shards(std::string) override {
    co_return std::vector<ShardId>{ShardId{800}};
  }
  ObjectStore& objects(bool) override { return lake; }
  void log_line(std::string_view, std::string_view text) override {
    std::lock_guard lock(mutex);
    lines.emplace_back(text);
  }
  awaitable<Result<>> collect(const Schema&, Batch batch) override {
    std::lock_guard lock(mutex);
    collected.push_back(std::move(batch));
    co_return Result<>();
  }
  Clock& clock() override { return clock_; }
  Env& env() override { return *files; }

  // --- Set up and look.
  template <class T>
  T run(awaitable<T> work) {
    return asio::co_spawn(pool.get_executor(), std::move(work), asio::use_future).get();
  }
  void create_shard(ShardId shard) {
    ShardOptions options;
    options.retention_ms = TimeMs{365} * 24 * 3600 * 1000;
    EXPECT_TRUE(run(shard_log.create(shard, options)));
  }
  // A stream of `count` shards from `first` on that share the hash keys evenly.
  void create_stream(const std::string& name, uint64_t first, int count) {
    auto made = std::make_shared<InputStream>();
    made->name = name;
    made->generation = 1;
    const auto width = ~static_cast<unsigned __int128>(0) / static_cast<unsigned>(count);
    for (int i = 0; i < count; ++i) {
      InputShard shard;
      shard.id = ShardId{first + static_cast<uint64_t>(i)};
      shard.name = fmt::format("shardId-{:012}", i);
      shard.first_hash_key = width * static_cast<unsigned>(i) + (i == 0 ? 0 : 1);
      shard.last_hash_key = i == count - 1 ? ~static_cast<unsigned __int128>(0)
                                           : width * static_cast<unsigned>(i + 1);
      create_shard(shard.id);
      made->shards.push_back(shard);
    }
    std::lock_guard lock(mutex);
    streams[name] = made;
  }
  // Closes the shard and opens two children.
  void split(const std::string& name, size_t index, uint64_t left, uint64_t right) {
    std::shared_ptr<const InputStream> now;
    {
      std::lock_guard lock(mutex);
      now = streams[name];
    }
    auto changed = std::make_shared<InputStream>(*now);
    InputShard& parent = changed->shards[index];
    EXPECT_TRUE(run(shard_log.seal(parent.id)));
    parent.open = false;
    const InputShard old = parent;
    const auto middle = old.first_hash_key + (old.last_hash_key - old.first_hash_key) / 2;
    for (const auto& [id, low, high] :
         {std::tuple{left, old.first_hash_key, middle}, {right, middle + 1, old.last_hash_key}}) {
      InputShard child;
      child.id = ShardId{id};
      child.name = fmt::format("shardId-{:012}", changed->shards.size());
      child.parents = {old.id};
      child.first_hash_key = low;
      child.last_hash_key = high;
      create_shard(child.id);
      changed->shards.push_back(child);
    }
    std::lock_guard lock(mutex);
    streams[name] = changed;
  }
  void append(ShardId shard, const std::vector<std::string>& records) {
    std::string body;
    for (const std::string& data : records) {
      const size_t at = body.size();
      body.resize(at + stored_record_size(1, data.size()));
      char* to = store_record_head(body.data() + at, "k", data.size());
      std::copy(data.begin(), data.end(), to);
    }
    ShardBatch batch{shard, static_cast<uint32_t>(records.size()), 0, Slice::copy_of(body)};
    batch.checksum = crc32c(batch.body.view());
    EXPECT_TRUE(run(shard_log.append({batch}, {})));
  }
  std::vector<std::string> records(ShardId shard) {
    std::vector<std::string> all;
    Counter from = 0;
    for (;;) {
      const auto read = run(shard_log.read(shard, from, {100'000, size_t{64} << 20}));
      EXPECT_TRUE(read.has_value());
      for (const StoredBatch& batch : read->batches) {
        RecordCursor cursor(batch.body.view());
        RecordView record;
        while (cursor.next(record)) all.emplace_back(record.data);
      }
      if (read->batches.empty()) return all;
      from = read->next;
    }
  }
  // Of all shards of a stream, in order of the shards.
  std::vector<std::string> stream_records(const std::string& name) {
    std::vector<std::string> all;
    for (const InputShard& shard : streams.at(name)->shards) {
      const auto some = records(shard.id);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  JobSpec spec() {
    JobSpec made;
    made.application = "test";
    made.writer = 77;
    made.changelog = kChangelog;
    made.snapshot_folder = "/snapshots";
    made.parallelism = 1;
    return made;
  }
  // From start to end, in the calling thread.
  Result<> run_job(JobSpec spec, const Plan& plan) {
    TRY_ASSIGN(auto job, Job::create(std::move(spec), plan, *this, pool));
    const Result<> result = run(job->run());
    last_status = job->status();
    return result;
  }

 private:
  Clock& clock_;

 public:
  asio::thread_pool pool{3};
  std::mutex mutex;
  FakeShardLog shard_log;
  CrashPlan crash;
  CrashingLog crashing;
  std::unique_ptr<Env> files = make_memory_env();
  MemoryObjects lake;
  std::map<std::string, std::shared_ptr<const InputStream>> streams;
  std::vector<std::string> lines;
  std::vector<Batch> collected;
  JobStatus last_status;
};

// A job that runs until it is stopped.
class BackgroundJob {
 public:
  BackgroundJob(World& world, JobSpec spec, const Plan& plan) : world_(world) {
    auto made = Job::create(std::move(spec), plan, world, world.pool);
    EXPECT_TRUE(made.has_value()) << made.error().message;
    job_ = *std::move(made);
    result_ = asio::co_spawn(world.pool.get_executor(), job_->run(), asio::use_future);
  }
  Job& job() { return *job_; }
  Result<> stop(std::string snapshot = {}) {
    job_->stop(std::move(snapshot));
    return wait();
  }
  Result<> wait() {
    const Result<> result = result_.get();
    world_.last_status = job_->status();
    return result;
  }
  // Until `holds`; false after ten seconds.
  bool wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return holds();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

 private:
  World& world_;
  std::unique_ptr<Job> job_;
  std::future<Result<>> result_;
};

// --- Plans by hand.
inline Table stream_table(const std::string& name, const Schema& columns) {
  Table table;
  table.name = name;
  table.connector = Connector::kStream;
  table.format = Format::kJson;
  table.options = {{"connector", "kinesis"}, {"format", "json"}, {"stream", name}};
  for (const Field& field : columns) {
    TableColumn column;
    column.name = field.name;
    column.type = field.type;
    column.path = {field.name};
    table.columns.push_back(std::move(column));
  }
  return table;
}
inline PlanPtr source(const Table& table) {
  auto node = std::make_shared<PlanNode>();
  auto shared = std::make_shared<const Table>(table);
  SourceNode of{shared, {}};
  for (size_t i = 0; i < table.columns.size(); ++i) of.columns.push_back(static_cast<int>(i));
  node->node = of;
  node->schema = table.schema();
  node->state_id = "source-" + table.name;
  return node;
}
inline PlanPtr node_over(PlanPtr input, decltype(PlanNode::node) what, Schema schema,
                         std::string state_id) {
  auto node = std::make_shared<PlanNode>();
  node->node = std::move(what);
  node->inputs = {std::move(input)};
  node->schema = std::move(schema);
  node->state_id = std::move(state_id);
  return node;
}
inline PlanPtr filter(PlanPtr input, BoundPtr condition) {
  Schema schema = input->schema;
  return node_over(std::move(input), FilterNode{std::move(condition)}, schema, "filter");
}
inline PlanPtr project(PlanPtr input, std::vector<BoundPtr> expressions,
                       const std::vector<std::string>& names) {
  Schema schema;
  for (size_t i = 0; i < expressions.size(); ++i) {
    schema.push_back({names[i], expressions[i]->type});
  }
  return node_over(std::move(input), ProjectNode{std::move(expressions)}, schema, "project");
}
inline Plan sink_to(PlanPtr input, Table table) {
  Plan plan;
  Schema schema = input->schema;
  SinkNode sink{std::make_shared<const Table>(std::move(table)), "insert-1"};
  plan.sinks = {node_over(std::move(input), sink, schema, "sink")};
  return plan;
}
inline BoundPtr column(const PlanPtr& input, int index) {
  return bound_column(index, input->schema[static_cast<size_t>(index)]);
}
inline BoundPtr call(std::string_view name, std::vector<BoundPtr> arguments) {
  const auto resolved = resolve_function(name, sql::Dialect::kFlink, arguments);
  EXPECT_TRUE(resolved.has_value()) << name;
  for (size_t i = 0; i < arguments.size(); ++i) {
    arguments[i] = bound_cast(arguments[i], resolved->argument_types[i]);
  }
  return bound_call(*resolved->function, std::move(arguments), resolved->type);
}
inline BoundPtr number(int64_t value) {
  return bound_literal(value, make_type(TypeKind::kBigint, false));
}

}  // namespace millstream::analytics
