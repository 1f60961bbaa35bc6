// A process that is killed while it writes keeps all that it acknowledged, and no halves.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "meta/meta_store.h"

namespace millstream {
namespace {

constexpr Migration kPairs[] = {
    {"pairs", 1,
     "CREATE TABLE lefts (id INTEGER PRIMARY KEY);"
     "CREATE TABLE rights (id INTEGER PRIMARY KEY);"},
};

awaitable<> write_pairs(MetaStore& store, int acks) {
  for (;;) {
    int64_t id = 0;
    auto done = co_await store.write([&](Transaction& transaction) -> Result<> {
      TRY_ASSIGN(id, store.next_number(transaction, "pairs"));
      TRY(transaction.execute("INSERT INTO lefts (id) VALUES (?)", {id}));
      TRY(transaction.execute("INSERT INTO rights (id) VALUES (?)", {id}));
      return {};
    });
    if (!done || write(acks, &id, sizeof id) != sizeof id) _exit(2);
  }
}

[[noreturn]] void run_child(const std::string& path, int acks) {
  auto store = open_sqlite(path);
  if (!store || !(*store)->migrate(kPairs)) _exit(1);
  asio::io_context loop;
  for (int i = 0; i < 8; ++i) asio::co_spawn(loop, write_pairs(**store, acks), asio::detached);
  loop.run();
  _exit(3);
}

std::set<int64_t> ids(MetaStore& store, const std::string& table) {
  std::set<int64_t> found;
  auto done = store.read_now([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows, transaction.query("SELECT id FROM " + table));
    for (const SqlRow& row : rows) found.insert(row.integer(0));
    return {};
  });
  EXPECT_TRUE(done);
  return found;
}

TEST(SqliteCrash, AKilledProcessKeepsWhatItAcknowledged) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "meta_crash";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = folder / "meta.db";
  std::set<int64_t> acked;
  for (int round = 0; round < 6; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      run_child(path, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    int64_t id = 0;
    for (int i = 0; i < 40 + 7 * round; ++i) {
      ASSERT_EQ(read(pipe_ends[0], &id, sizeof id), ssize_t{sizeof id}) << "the child has failed";
      EXPECT_TRUE(acked.insert(id).second) << "number " << id << " was given twice";
    }
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &id, sizeof id) == ssize_t{sizeof id}) acked.insert(id);
    close(pipe_ends[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);

    auto store = open_sqlite(path);
    ASSERT_TRUE(store) << store.error().message;
    const auto lefts = ids(**store, "lefts");
    EXPECT_TRUE(std::ranges::includes(lefts, acked)) << "round " << round;
    EXPECT_EQ(lefts, ids(**store, "rights")) << "round " << round;
  }
}

}  // namespace
}  // namespace millstream
