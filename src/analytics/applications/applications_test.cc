#include <condition_variable>
#include <thread>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "analytics/applications/application_service.h"
#include "analytics/applications/discover.h"
#include "base/manual_clock.h"
#include "log/fake_shard_log.h"
#include "wire/generated/kinesisanalytics.h"
#include "wire/json_decode.h"

namespace millstream::analytics {
namespace {

// Remembers what it was told to run.
class FakeRunner final : public ApplicationRunner {
 public:
  awaitable<Result<>> start(std::string id, ApplicationRun run) override {
    std::lock_guard lock(mutex_);
    runs[id] = std::move(run);
    ++starts;
    co_return Result<>();
  }
  awaitable<Result<>> stop(std::string id, std::string) override {
    std::lock_guard lock(mutex_);
    runs.erase(id);
    co_return Result<>();
  }
  awaitable<Result<>> take_snapshot(std::string, std::string) override { co_return Result<>(); }
  std::optional<RunStatus> status(const std::string&) const override { return std::nullopt; }
  void on_change(std::function<void(std::string, RunStatus)>) override {}

  std::optional<ApplicationRun> run_of(const std::string& id) {
    std::lock_guard lock(mutex_);
    const auto found = runs.find(id);
    if (found == runs.end()) return std::nullopt;
    return found->second;
  }
  int starts = 0;

 private:
  std::mutex mutex_;
  std::map<std::string, ApplicationRun> runs;
};

// Every stream exists.
class AnyCatalog final : public streams::Catalog {
 public:
  std::shared_ptr<const streams::Stream> find(const streams::StreamKey& key) const override {
    auto stream = std::make_shared<streams::Stream>();
    stream->key = key;
    return stream;
  }
  std::vector<std::shared_ptr<const streams::Stream>> list(std::string_view,
                                                           std::string_view) const override {
    return {};
  }
  awaitable<> wait_for_change(streams::StreamKey, std::shared_ptr<const streams::Stream>,
                              std::chrono::milliseconds) override {
    co_return;
  }
};

class NoObjects final : public ObjectStore {
 public:
  awaitable<Result<>> put(std::string, std::string, std::vector<Slice>, PutOptions) override {
    co_return none();
  }
  awaitable<Result<Slice>> get(std::string, std::string) override { co_return none(); }
  awaitable<Result<ObjectInfo>> head(std::string, std::string) override { co_return none(); }
  awaitable<Result<ObjectPage>> list(std::string, std::string, std::string, size_t) override {
    co_return none();
  }
  awaitable<Result<>> remove(std::string, std::string) override { co_return none(); }
  awaitable<Result<>> make_bucket(std::string) override { co_return none(); }

 private:
  static std::unexpected<Error> none() { return fail(ErrorCode::kNotFound, "no objects"); }
};

class ApplicationsTest : public testing::Test {
 protected:
  ApplicationsTest() : meta_(*open_sqlite(":memory:")) {
    caller_.account = "123456789012";
    caller_.region = "eu-west-1";
    restart();
  }
  ~ApplicationsTest() override {
    run(end());
    pool_.join();
  }

  // As the server's: everything but the MetaStore and the log is new.
  void restart() {
    if (service_) run(end());
    service_ = std::make_unique<ApplicationService>(
        ApplicationsContext{.meta = *meta_,
                            .runner = runner_,
                            .host = host_,
                            .executor = pool_.get_executor(),
                            .folder = testing::TempDir() + "ms_applications"});
    ASSERT_TRUE(service_->start());
    table_ = {};
    register_v1_operations(table_, *service_);
    register_v2_operations(table_, *service_);
  }
  awaitable<Result<>> end() {
    co_await service_->stop();
    co_return Result<>();
  }
  template <class T>
  T run(awaitable<T> work) {
    return asio::co_spawn(pool_, std::move(work), asio::use_future).get();
  }

  template <class Op>
  Result<typename Op::Output> call(const std::string& json) {
    const std::string target =
        fmt::format("{}.{}", Op::descriptor().target_prefix, Op::descriptor().name);
    const auto answer = run(table_.find(target)->handler(caller_, Slice::copy_of(json)));
    if (!answer) return std::unexpected(answer.error());
    return wire::from_json<typename Op::Output>(answer->view());
  }
  std::string status() {
    const auto found = service_->existing(caller_, "a");
    return found ? (*found)->status : "gone";
  }
  // Transitions end in the background; a test that hangs here has failed.
  void await_status(std::string_view wanted) {
    while (status() != wanted) std::this_thread::yield();
  }
  void create_sql() {
    const auto made = call<api::CreateApplication>(R"({"ApplicationName":"a",
      "RuntimeEnvironment":"SQL-1_0","ServiceExecutionRole":"arn:aws:iam::123456789012:role/r",
      "ApplicationConfiguration":{"ApplicationCodeConfiguration":{"CodeContentType":"PLAINTEXT",
      "CodeContent":{"TextContent":"CREATE OR REPLACE STREAM \"O\" (\"x\" INTEGER); CREATE OR REPLACE PUMP \"P\" AS INSERT INTO \"O\" SELECT STREAM \"x\" FROM \"IN_001\";"}},
      "SqlApplicationConfiguration":{"Inputs":[{"NamePrefix":"IN","KinesisStreamsInput":
      {"ResourceARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/s"},"InputSchema":{
      "RecordFormat":{"RecordFormatType":"JSON","MappingParameters":{"JSONMappingParameters":
      {"RecordRowPath":"$"}}},"RecordColumns":[{"Name":"x","Mapping":"$.x","SqlType":"INTEGER"}]}}],
      "Outputs":[{"Name":"O","KinesisStreamsOutput":{"ResourceARN":
      "arn:aws:kinesis:eu-west-1:123456789012:stream/o"},"DestinationSchema":{
      "RecordFormatType":"JSON"}}]}}})");
    ASSERT_TRUE(made) << made.error().message;
  }
  std::optional<ApplicationRun> running() {
    return runner_.run_of("arn:aws:kinesisanalytics:eu-west-1:123456789012:application/a");
  }

  std::unique_ptr<MetaStore> meta_;
  ManualClock clock_;
  FakeShardLog log_{clock_};
  AnyCatalog catalog_;
  NoObjects lake_;
  HostContext host_{.log = log_,
                    .catalog = catalog_,
                    .lake = lake_,
                    .s3 = nullptr,
                    .clock = clock_,
                    .delivery_shards = {}};
  FakeRunner runner_;
  asio::thread_pool pool_{2};
  wire::RequestContext caller_;
  wire::OperationTable table_;
  std::unique_ptr<ApplicationService> service_;
};

constexpr const char* kName = R"({"ApplicationName":"a"})";

TEST_F(ApplicationsTest, AnApplicationRunsFromStartToStopAndAgainAfterARestartOfTheServer) {
  create_sql();
  EXPECT_EQ(status(), "READY");
  ASSERT_TRUE(call<api::StartApplication>(kName));
  await_status("RUNNING");
  const auto first = running();
  ASSERT_TRUE(first);
  EXPECT_NE(first->spec.writer, 0U);
  restart();
  await_status("RUNNING");
  EXPECT_EQ(runner_.starts, 2);
  EXPECT_EQ(running()->spec.writer, first->spec.writer);
  ASSERT_TRUE(call<api::StopApplication>(kName));
  await_status("READY");
  EXPECT_FALSE(running());
  EXPECT_EQ(call<api::StopApplication>(kName).error().code, ErrorCode::kInUse);
}

TEST_F(ApplicationsTest, APositionBeginsANewStateAndTheLastStoppedPointKeepsIt) {
  create_sql();
  const std::string start = R"({{"ApplicationName":"a","RunConfiguration":{{
    "SqlRunConfigurations":[{{"InputId":"1.1","InputStartingPositionConfiguration":{{
    "InputStartingPosition":"{}"}}}}]}}}})";
  std::vector<uint64_t> writers;
  for (const auto* position : {"TRIM_HORIZON", "LAST_STOPPED_POINT", "NOW"}) {
    ASSERT_TRUE(call<api::StartApplication>(fmt::format(fmt::runtime(start), position)));
    await_status("RUNNING");
    writers.push_back(running()->spec.writer);
    ASSERT_TRUE(call<api::StopApplication>(kName));
    await_status("READY");
  }
  EXPECT_EQ(writers[0], writers[1]);
  EXPECT_NE(writers[1], writers[2]);
}

TEST_F(ApplicationsTest, EachUpdateIsANewVersionAndAnOldVersionIsRefused) {
  create_sql();
  const std::string update = R"({"ApplicationName":"a","CurrentApplicationVersionId":1,
    "ApplicationConfigurationUpdate":{"SqlApplicationConfigurationUpdate":{"InputUpdates":[
    {"InputId":"1.1","InputParallelismUpdate":{"CountUpdate":1}}]}}})";
  const auto updated = call<api::UpdateApplication>(update);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->application_detail.application_version_id, 2);
  EXPECT_EQ(call<api::UpdateApplication>(update).error().code, ErrorCode::kConcurrentModification);
  const auto versions = call<api::ListApplicationVersions>(kName);
  ASSERT_TRUE(versions);
  EXPECT_EQ(versions->application_version_summaries->size(), 2U);
}

TEST_F(ApplicationsTest, WrongSqlIsRefusedWithItsPlace) {
  create_sql();
  const auto updated = call<api::UpdateApplication>(
      R"({"ApplicationName":"a","CurrentApplicationVersionId":1,"ApplicationConfigurationUpdate":
      {"ApplicationCodeConfigurationUpdate":{"CodeContentUpdate":{"TextContentUpdate":
      "CREATE STRAEM x"}}}})");
  ASSERT_FALSE(updated);
  EXPECT_EQ(updated.error().code, ErrorCode::kCodeValidation);
  EXPECT_TRUE(updated.error().message.contains("line 1")) << updated.error().message;
}

TEST_F(ApplicationsTest, V1ShowsTheApplicationsOfV2) {
  create_sql();
  const auto found = call<wire::kinesisanalytics::DescribeApplication>(kName);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->application_detail.input_descriptions->at(0).in_app_stream_names->at(0),
            "IN_001");
  EXPECT_EQ(found->application_detail.output_descriptions->at(0)
                .kinesis_streams_output_description->role_arn,
            "arn:aws:iam::123456789012:role/r");
}

TEST_F(ApplicationsTest, OnlyWhoKnowsTheCreateTimestampDeletes) {
  create_sql();
  EXPECT_FALSE(call<api::DeleteApplication>(R"({"ApplicationName":"a","CreateTimestamp":1})"));
  const auto found = call<api::DescribeApplication>(kName);
  ASSERT_TRUE(call<api::DeleteApplication>(
      fmt::format(R"({{"ApplicationName":"a","CreateTimestamp":{}}})",
                  found->application_detail.create_timestamp->ms / 1000)));
  await_status("gone");
}

TEST(InferSchema, NestedJsonBecomesPathsAndTypesWidenOverRecords) {
  const auto found = infer_schema({R"({"a":{"b":1},"t":"2026-11-25 01:02:03"})",
                                   R"({"a":{"b":1.5},"t":"2026-11-25 01:02:04","s":"hello"})"});
  ASSERT_TRUE(found);
  const auto& columns = found->input_schema->record_columns;
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].mapping, "$.a.b");
  EXPECT_EQ(columns[0].sql_type, "DOUBLE");
  EXPECT_EQ(columns[1].sql_type, "TIMESTAMP");
  EXPECT_EQ(columns[2].sql_type, "VARCHAR(8)");
}

TEST(InferSchema, RowsOfEquallyManyColumnsAreCsvAndOthersAreRefused) {
  const auto found = infer_schema({"1|x", "2|y"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->input_schema->record_format.record_format_type, "CSV");
  EXPECT_EQ(found->input_schema->record_columns[0].sql_type, "INTEGER");
  EXPECT_EQ(infer_schema({"words"}).error().code, ErrorCode::kUndetectableSchema);
}

}  // namespace
}  // namespace millstream::analytics
