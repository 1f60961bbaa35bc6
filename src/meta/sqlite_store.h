// The MetaStore on SQLite: one writer thread with group commit, reader threads beside it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "meta/meta_store.h"
#include "meta/sqlite_connection.h"

namespace millstream {

// Life cycle:  the destructor completes what was accepted, then closes. Executors that wait for
//              a completion must still exist then.
// Threads:     one writer, two readers; write_now() and read_now() on the caller's. :memory: has
//              one connection that all take turns on.
// Limits:      kMaxWaiting calls in each queue; beyond it kThrottled.
// After an I/O error of a commit nothing is acknowledged any more (kUnavailable): what the disk
// holds is unknown until a restart reads it.
class SqliteStore final : public MetaStore {
 public:
  static constexpr size_t kMaxWaiting = 4096;
  // Bounds how long the first of a batch waits for the last.
  static constexpr size_t kMaxBatch = 256;

  static Result<std::unique_ptr<MetaStore>> open(const std::string& path);
  ~SqliteStore() override;

  Result<> migrate(std::span<const Migration> steps) override;
  awaitable<Result<>> write(Work work) override;
  awaitable<Result<>> read(Work work) override;
  Result<> write_now(const Work& work) override;
  Result<> read_now(const Work& work) override;
  Result<int64_t> next_number(Transaction& transaction, std::string_view sequence) override;

 private:
  struct Guarded {
    std::mutex mutex;
    std::unique_ptr<SqliteConnection> connection;
  };
  struct Job {
    Work work;
    std::move_only_function<void(Result<>)> complete;
  };
  struct Queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Job> jobs;
    bool stopping = false;
  };

  explicit SqliteStore(std::string path) : path_(std::move(path)) {}
  Result<> open_connections();
  Result<> migrate_module(std::string_view module, std::span<const Migration> steps);
  awaitable<Result<>> enqueue(Queue& queue, Work work);
  // Empty once the queue is stopping and drained.
  static std::vector<Job> take(Queue& queue, size_t limit);
  static void stop(Queue& queue);
  void run_writer();
  void run_reader(Guarded& guarded);

  // With the writer's mutex held.
  std::vector<Result<>> write_batch(std::span<const Work* const> batch);
  Result<> write_one(const Work& work);
  static Result<> run_in_savepoint(SqliteConnection& connection, const Work& work);
  static Result<> read_one(SqliteConnection& connection, const Work& work);
  Result<> commit();

  const std::string path_;
  Guarded writer_;
  std::vector<std::unique_ptr<Guarded>> readers_;  // empty with :memory:
  std::optional<Error> failed_;                    // under the writer's mutex
  Queue writes_;
  Queue reads_;
  std::vector<std::thread> threads_;
};

}  // namespace millstream
