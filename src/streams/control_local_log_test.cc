// The control plane on the real shard log: its intents and restarts need what LocalLog does.
#include <filesystem>

#include "base/memory_env.h"
#include "log/local/local_log.h"
#include "streams/control_harness.h"

namespace millstream::streams {
namespace {

class OnLocalLog : public testing::Test {
 protected:
  OnLocalLog() {
    folder_ = testing::TempDir() + "control_local_log";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    start();
  }
  ~OnLocalLog() override {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    auto store = open_sqlite(folder_ + "/meta.db");
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
    settings_.token_key = load_token_key(*store_).value();
    LocalLogOptions options;
    options.folder = "/log";
    options.journal_bytes = 64 << 20;
    options.journal_file_bytes = 4 << 20;
    auto opened = LocalLog::open(*env_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = *std::move(opened);
    loop_ = std::make_unique<asio::io_context>();
    catalog_ = std::make_unique<MetaCatalog>(*store_, *log_, *env_, settings_);
    const auto done = wait(catalog_->open(loop_->get_executor()));
    ASSERT_TRUE(done) << done.error().message;
  }
  void stop() {
    ASSERT_TRUE(wait(log_->close()));
    // Before the loop: their threads let go of its executor last.
    log_.reset();
    store_.reset();
    loop_.reset();
    catalog_.reset();
  }
  Result<> wait(awaitable<Result<>> work) {
    std::optional<Result<>> result;
    asio::co_spawn(*loop_, std::move(work), [&result](std::exception_ptr error, Result<> value) {
      MS_ASSERT(!error);
      result = std::move(value);
    });
    while (!result) MS_ASSERT(loop_->run_one() > 0);
    return *result;
  }
  Result<> reshard(MetaCatalog::Plan plan) { return wait(catalog_->reshard(key_, plan)); }
  std::shared_ptr<const Stream> stream() { return catalog_->find(key_); }
  void expect_log_matches_catalog() {
    std::vector<ShardId> wanted;
    if (stream()) {
      for (const Shard& shard : stream()->shards) wanted.push_back(shard.log_id);
    }
    auto found = log_->shards();
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    EXPECT_EQ(found, wanted);
  }

  const StreamKey key_{"000000000000", "us-east-1", "clicks"};
  std::string folder_;  // of the metadata
  std::unique_ptr<Env> env_ = make_memory_env();
  StreamsSettings settings_;
  std::unique_ptr<MetaStore> store_;
  std::unique_ptr<LocalLog> log_;
  std::unique_ptr<MetaCatalog> catalog_;
  std::unique_ptr<asio::io_context> loop_;
};

TEST_F(OnLocalLog, StreamsLiveThroughReshardsRestartsAndDeletion) {
  NewStream wanted;
  wanted.key = key_;
  wanted.shards = 100;
  ASSERT_TRUE(wait(catalog_->create(wanted)));
  expect_log_matches_catalog();
  stop();
  start();
  ASSERT_EQ(stream()->open_by_hash_key.size(), 100u);
  ASSERT_TRUE(reshard([](const Stream& now) { return plan_split(now, "0", "1000"); }));
  ASSERT_TRUE(reshard([](const Stream& now) { return plan_merge(now, "1", "2"); }));
  ASSERT_TRUE(wait(catalog_->edit(key_, [](Stream& edited) -> Result<> {
    edited.retention_hours = 48;
    return {};
  })));
  for (const Shard& shard : stream()->shards) {
    EXPECT_EQ(log_->status(shard.log_id)->sealed, !shard.open) << shard.id();
  }
  stop();
  start();
  ASSERT_EQ(stream()->open_by_hash_key.size(), 100u);
  ASSERT_EQ(stream()->shards.size(), 103u);
  for (const Shard& shard : stream()->shards) {
    EXPECT_EQ(log_->status(shard.log_id)->sealed, !shard.open) << shard.id();
  }
  ASSERT_TRUE(wait(catalog_->remove(key_)));
  EXPECT_TRUE(log_->shards().empty());
  stop();
  start();
  EXPECT_FALSE(stream());
  EXPECT_TRUE(log_->shards().empty());
}

}  // namespace
}  // namespace millstream::streams
