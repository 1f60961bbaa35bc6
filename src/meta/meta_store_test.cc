// What every driver of MetaStore promises; here SQLite, on a file and in memory.
#include "meta/meta_store.h"

#include <filesystem>
#include <latch>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream {
namespace {

constexpr Migration kNotes[] = {
    {"notes", 1,
     "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, weight DOUBLE PRECISION, "
     "raw BLOB);"
     "CREATE TABLE marks (note INTEGER NOT NULL REFERENCES notes (id));"},
    {"notes", 2, "ALTER TABLE notes ADD COLUMN colour TEXT"},
};

std::string fresh_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string("meta_") + test->test_suite_name() + "_" + test->name();
  std::ranges::replace(name, '/', '_');
  const auto folder = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string();
}

class MetaStoreTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    path_ = GetParam() ? ":memory:" : fresh_folder() + "/meta.db";
    open();
    ASSERT_TRUE(store_->migrate(kNotes));
  }
  void open() {
    store_.reset();
    auto opened = open_sqlite(path_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }

  static MetaStore::Work insert(int64_t id, std::string body = "text") {
    return [id, body](Transaction& transaction) -> Result<> {
      TRY(transaction.execute("INSERT INTO notes (id, body) VALUES (?, ?)", {id, body}));
      return {};
    };
  }
  int64_t count(std::string_view table = "notes") {
    int64_t found = -1;
    auto done = store_->read_now([&](Transaction& transaction) -> Result<> {
      TRY_ASSIGN(auto rows, transaction.query(fmt::format("SELECT count(*) FROM {}", table)));
      found = rows[0].integer(0);
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
  // Writes all of `works` at once from one loop, and returns their results in order.
  std::vector<Result<>> write_together(std::vector<MetaStore::Work> works) {
    asio::io_context loop;
    std::vector<Result<>> results(works.size());
    for (size_t i = 0; i < works.size(); ++i) {
      asio::co_spawn(loop, store_->write(works[i]),
                     [&results, i](std::exception_ptr error, Result<> result) {
                       ASSERT_FALSE(error);
                       results[i] = std::move(result);
                     });
    }
    loop.run();
    return results;
  }

  std::string path_;
  std::unique_ptr<MetaStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, MetaStoreTest, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "Memory" : "File"; });

TEST_P(MetaStoreTest, ValuesComeBackAsTheyWereWritten) {
  const std::string text("a\0ü", 4);
  ASSERT_TRUE(store_->write_now([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(int64_t changed,
               transaction.execute(
                   "INSERT INTO notes (id, body, weight, raw, colour) VALUES (?, ?, ?, ?, ?)",
                   {int64_t{-5'000'000'000}, text, 0.1, Blob{'x', '\0', 'y'}, std::monostate{}}));
    EXPECT_EQ(changed, 1);
    TRY(transaction.execute("INSERT INTO notes (id, body, raw) VALUES (?, ?, ?)",
                            {int64_t{1}, std::string(), Blob{}}));
    return {};
  }));
  ASSERT_TRUE(store_->read_now([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows,
               transaction.query("SELECT id, body, weight, raw, colour FROM notes ORDER BY id"));
    EXPECT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].integer(0), -5'000'000'000);
    EXPECT_EQ(rows[0].text(1), text);
    EXPECT_EQ(rows[0].real(2), 0.1);
    EXPECT_EQ(rows[0].blob(3), (Blob{'x', '\0', 'y'}));
    EXPECT_EQ(rows[0].optional_text(4), std::nullopt);
    EXPECT_EQ(rows[1].optional_text(1), std::optional<std::string>(""));
    EXPECT_TRUE(rows[1].is_null(2));
    EXPECT_TRUE(rows[1].blob(3).empty());
    return {};
  }));
}

TEST_P(MetaStoreTest, AFailedWriteChangesNothingAndReturnsItsOwnError) {
  auto done = store_->write_now([&](Transaction& transaction) -> Result<> {
    TRY(transaction.execute("INSERT INTO notes (id) VALUES (?)", {int64_t{1}}));
    return fail(ErrorCode::kLimitExceeded, "no");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), (Error{ErrorCode::kLimitExceeded, "no"}));
  EXPECT_EQ(count(), 0);
}

TEST_P(MetaStoreTest, WritesThatShareACommitDoNotHarmEachOther) {
  std::vector<MetaStore::Work> works;
  // The first holds the writer until all others wait: they become one batch.
  constexpr int kOthers = 60;
  for (int i = 0; i < kOthers; ++i) {
    if (i % 3 == 1) {
      works.push_back([i](Transaction& transaction) -> Result<> {
        TRY(transaction.execute("INSERT INTO notes (id) VALUES (?)", {int64_t{1000 + i}}));
        return fail(ErrorCode::kNotFound, "given up");
      });
    } else if (i % 3 == 2) {
      works.push_back(insert(i - 2));  // taken by the one before
    } else {
      works.push_back(insert(i));
    }
  }
  std::latch all_wait(1);
  asio::io_context loop;
  std::vector<Result<>> results(works.size());
  asio::co_spawn(loop, store_->write([&](Transaction&) -> Result<> {
    all_wait.wait();
    return {};
  }),
                 asio::detached);
  for (size_t i = 0; i < works.size(); ++i) {
    asio::co_spawn(loop, store_->write(works[i]),
                   [&results, i](std::exception_ptr, Result<> result) { results[i] = result; });
  }
  asio::post(loop, [&] { all_wait.count_down(); });
  loop.run();
  for (int i = 0; i < kOthers; ++i) {
    const auto& result = results[static_cast<size_t>(i)];
    if (i % 3 == 0) {
      EXPECT_TRUE(result) << i;
    } else {
      ASSERT_FALSE(result) << i;
      EXPECT_EQ(result.error().code, i % 3 == 1 ? ErrorCode::kNotFound : ErrorCode::kInUse) << i;
    }
  }
  EXPECT_EQ(count(), kOthers / 3);
}

TEST_P(MetaStoreTest, OnlyTheWriteThatDoesNotFitFailsWhenSpaceIsShort) {
  ASSERT_TRUE(store_->write_now([&](Transaction& transaction) -> Result<> {
    TRY(transaction.query("PRAGMA max_page_count=40"));
    return {};
  }));
  std::vector<MetaStore::Work> works;
  for (int64_t i = 0; i < 20; ++i) works.push_back(insert(i));
  works.push_back(insert(100, std::string(1 << 20, 'x')));
  for (int64_t i = 20; i < 40; ++i) works.push_back(insert(i));
  auto results = write_together(works);
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].has_value(), i != 20) << i;
  EXPECT_EQ(results[20].error().code, ErrorCode::kNoSpace) << results[20].error().message;
  EXPECT_EQ(count(), 40);
}

TEST_P(MetaStoreTest, CallsBeyondTheQueueAreThrottled) {
  std::latch release(1);
  asio::io_context loop;
  int values = 0;
  int throttled = 0;
  asio::co_spawn(loop, store_->write([&](Transaction&) -> Result<> {
    release.wait();
    return {};
  }),
                 asio::detached);
  constexpr int kCalls = 6000;
  for (int64_t i = 0; i < kCalls; ++i) {
    asio::co_spawn(loop, store_->write(insert(i)), [&](std::exception_ptr, Result<> result) {
      if (result) ++values;
      if (!result && result.error().code == ErrorCode::kThrottled) ++throttled;
    });
  }
  asio::post(loop, [&] { release.count_down(); });
  loop.run();
  EXPECT_EQ(values + throttled, kCalls);
  EXPECT_GE(throttled, kCalls - 4096 - 256);
  EXPECT_GE(values, 4096 - 256);
  EXPECT_EQ(count(), values);
}

TEST_P(MetaStoreTest, ReadersAndWritersOnManyThreadsSeeWholeTransactions) {
  asio::thread_pool loops(3);
  std::atomic<int> failures = 0;
  auto done = [&](std::exception_ptr error, Result<> result) {
    if (error || !result) ++failures;
  };
  for (int64_t i = 0; i < 200; ++i) {
    asio::co_spawn(loops, store_->write([i](Transaction& transaction) -> Result<> {
      TRY(transaction.execute("INSERT INTO notes (id) VALUES (?)", {i}));
      TRY(transaction.execute("INSERT INTO marks (note) VALUES (?)", {i}));
      return {};
    }),
                   done);
    asio::co_spawn(loops, store_->read([](Transaction& transaction) -> Result<> {
      TRY_ASSIGN(auto notes, transaction.query("SELECT count(*) FROM notes"));
      TRY_ASSIGN(auto marks, transaction.query("SELECT count(*) FROM marks"));
      if (notes[0].integer(0) == marks[0].integer(0)) return {};
      return fail(ErrorCode::kInternal, "half a transaction was seen");
    }),
                   done);
  }
  loops.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(count("marks"), 200);
}

TEST_P(MetaStoreTest, ForeignKeysHold) {
  auto done = store_->write_now([](Transaction& transaction) -> Result<> {
    TRY(transaction.execute("INSERT INTO marks (note) VALUES (?)", {int64_t{77}}));
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInternal);
}

TEST_P(MetaStoreTest, SequencesCountFromOneEachOnTheirOwn) {
  std::vector<int64_t> numbers;
  ASSERT_TRUE(store_->write_now([&](Transaction& transaction) -> Result<> {
    numbers.clear();
    for (const char* name : {"a", "a", "b", "a"}) {
      TRY_ASSIGN(int64_t number, store_->next_number(transaction, name));
      numbers.push_back(number);
    }
    return {};
  }));
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 2, 1, 3}));
}

TEST_P(MetaStoreTest, MigratingAgainChangesNothing) {
  ASSERT_TRUE(store_->write_now(insert(1)));
  ASSERT_TRUE(store_->migrate(kNotes));
  EXPECT_EQ(count(), 1);
}

TEST_P(MetaStoreTest, AFailingMigrationStepLeavesTheStepsBeforeIt) {
  constexpr Migration kBroken[] = {
      {"broken", 1, "CREATE TABLE whole (id INTEGER)"},
      {"broken", 2, "CREATE TABLE half (id INTEGER); CREATE TABLE whole (id INTEGER)"},
  };
  ASSERT_FALSE(store_->migrate(kBroken));
  EXPECT_EQ(count("whole"), 0);
  constexpr Migration kMended[] = {kBroken[0], {"broken", 2, "CREATE TABLE half (id INTEGER)"}};
  EXPECT_TRUE(store_->migrate(kMended));
}

TEST_P(MetaStoreTest, ASchemaNewerThanThisBinaryIsRefused) {
  auto done = store_->migrate(std::span(kNotes).first(1));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, testing::HasSubstr("newer Millstream"));
}

class SqliteFile : public MetaStoreTest {};
INSTANTIATE_TEST_SUITE_P(Sqlite, SqliteFile, testing::Values(false),
                         [](const auto&) { return "File"; });

TEST_P(SqliteFile, EverythingIsThereAfterReopening) {
  ASSERT_TRUE(store_->write_now(insert(1)));
  int64_t number = 0;
  auto next = [&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(number, store_->next_number(transaction, "ids"));
    return {};
  };
  ASSERT_TRUE(store_->write_now(next));
  open();
  ASSERT_TRUE(store_->migrate(kNotes));
  EXPECT_EQ(count(), 1);
  ASSERT_TRUE(store_->write_now(next));
  EXPECT_EQ(number, 2);
}

TEST_P(SqliteFile, CommitsAreSyncedToAWriteAheadLog) {
  ASSERT_TRUE(store_->write_now([](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto mode, transaction.query("PRAGMA journal_mode"));
    EXPECT_EQ(mode[0].text(0), "wal");
    TRY_ASSIGN(auto synchronous, transaction.query("PRAGMA synchronous"));
    EXPECT_EQ(synchronous[0].integer(0), 2);  // FULL: the log is synced at each commit
    return {};
  }));
}

TEST_P(SqliteFile, ADatabaseOfANewerFormatIsRefused) {
  ASSERT_TRUE(store_->write_now([](Transaction& transaction) -> Result<> {
    TRY(transaction.execute("PRAGMA user_version=99"));
    return {};
  }));
  store_.reset();
  auto opened = open_sqlite(path_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("newer Millstream"));
}

TEST(SqliteOpen, AMissingFolderIsNamed) {
  auto opened = open_sqlite("/nonexistent/folder/meta.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("/nonexistent/folder/meta.db"));
}

}  // namespace
}  // namespace millstream
