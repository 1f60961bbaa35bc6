#include "meta/sqlite_store.h"

#include <algorithm>
#include <map>

namespace millstream {
namespace {

constexpr int kReaders = 2;
// Of the tables below; modules number their own.
constexpr int64_t kStoreFormat = 1;

constexpr const char* kStoreTables =
    "CREATE TABLE IF NOT EXISTS meta_modules (module TEXT PRIMARY KEY, number INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS meta_sequences (name TEXT PRIMARY KEY,"
    "                                           last_value INTEGER NOT NULL);"
    "PRAGMA user_version=1;";

}  // namespace

Result<std::unique_ptr<MetaStore>> open_sqlite(const std::string& path) {
  return SqliteStore::open(path);
}

Result<std::unique_ptr<MetaStore>> SqliteStore::open(const std::string& path) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(path));
  TRY(store->open_connections());
  SqliteStore* self = store.get();
  self->threads_.emplace_back([self] { self->run_writer(); });
  for (int i = 0; i < kReaders; ++i) {
    Guarded& guarded = self->readers_.empty() ? self->writer_ : *self->readers_[size_t(i)];
    self->threads_.emplace_back([self, &guarded] { self->run_reader(guarded); });
    if (self->readers_.empty()) break;
  }
  return store;
}

Result<> SqliteStore::open_connections() {
  TRY_ASSIGN(writer_.connection, SqliteConnection::open(path_));
  TRY_ASSIGN(auto version, writer_.connection->query("PRAGMA user_version", {}));
  MS_ASSERT(version.size() == 1);
  if (version[0].integer(0) > kStoreFormat) {
    return fail(ErrorCode::kInvalidArgument,
                "metadata database {} was written by a newer Millstream (format {}; this one knows "
                "{}): start that version, or restore a backup made before the upgrade",
                path_, version[0].integer(0), kStoreFormat);
  }
  if (version[0].integer(0) == 0) {
    TRY(writer_.connection->begin(false));
    if (auto made = writer_.connection->run_script(kStoreTables); !made) {
      writer_.connection->rollback();
      return made;
    }
    TRY(writer_.connection->commit());
  }
  if (path_ == ":memory:") return {};
  for (int i = 0; i < kReaders; ++i) {
    auto guarded = std::make_unique<Guarded>();
    TRY_ASSIGN(guarded->connection, SqliteConnection::open(path_));
    readers_.push_back(std::move(guarded));
  }
  return {};
}

SqliteStore::~SqliteStore() {
  stop(writes_);
  stop(reads_);
  for (std::thread& thread : threads_) thread.join();
}

Result<> SqliteStore::migrate(std::span<const Migration> steps) {
  std::map<std::string_view, std::vector<Migration>> modules;
  for (const Migration& step : steps) modules[step.module].push_back(step);
  for (auto& [module, own_steps] : modules) {
    std::ranges::sort(own_steps, {}, &Migration::number);
    for (size_t i = 0; i < own_steps.size(); ++i) {
      MS_ASSERT(own_steps[i].number == static_cast<int>(i) + 1);
    }
    TRY(migrate_module(module, own_steps));
  }
  return {};
}

Result<> SqliteStore::migrate_module(std::string_view module, std::span<const Migration> steps) {
  std::lock_guard lock(writer_.mutex);
  SqliteConnection& connection = *writer_.connection;
  const std::string name(module);
  TRY_ASSIGN(auto rows,
             connection.query("SELECT number FROM meta_modules WHERE module = ?", {name}));
  const int64_t applied = rows.empty() ? 0 : rows[0].integer(0);
  if (applied > static_cast<int64_t>(steps.size())) {
    return fail(ErrorCode::kInvalidArgument,
                "metadata database {} was written by a newer Millstream (schema {} of {}; this one "
                "knows {}): start that version, or restore a backup made before the upgrade",
                path_, applied, module, steps.size());
  }
  for (const Migration& step : steps.subspan(static_cast<size_t>(applied))) {
    TRY(write_one([&](Transaction& transaction) -> Result<> {
      TRY(connection.run_script(step.sql));
      TRY(
          transaction.execute("INSERT INTO meta_modules (module, number) VALUES (?, ?)"
                              " ON CONFLICT (module) DO UPDATE SET number = excluded.number",
                              {name, int64_t{step.number}}));
      return {};
    }));
  }
  return {};
}

awaitable<Result<>> SqliteStore::write(Work work) { return enqueue(writes_, std::move(work)); }
awaitable<Result<>> SqliteStore::read(Work work) { return enqueue(reads_, std::move(work)); }

awaitable<Result<>> SqliteStore::enqueue(Queue& queue, Work work) {
  auto initiate = [&queue](auto handler, Work task) {
    auto executor = asio::prefer(asio::get_associated_executor(handler),
                                 asio::execution::outstanding_work.tracked);
    Job job{std::move(task), [handler = std::move(handler), executor](Result<> result) mutable {
              asio::post(executor,
                         [handler = std::move(handler), result = std::move(result)]() mutable {
                           std::move(handler)(std::move(result));
                         });
            }};
    {
      std::lock_guard lock(queue.mutex);
      MS_ASSERT(!queue.stopping);
      if (queue.jobs.size() < kMaxWaiting) {
        queue.jobs.push_back(std::move(job));
        queue.wake.notify_one();
        return;
      }
    }
    job.complete(fail(ErrorCode::kThrottled,
                      "{} calls wait for the metadata database; try again in a moment",
                      kMaxWaiting));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<>)>(
      std::move(initiate), asio::use_awaitable, std::move(work));
}

std::vector<SqliteStore::Job> SqliteStore::take(Queue& queue, size_t limit) {
  std::unique_lock lock(queue.mutex);
  queue.wake.wait(lock, [&] { return queue.stopping || !queue.jobs.empty(); });
  std::vector<Job> taken;
  while (!queue.jobs.empty() && taken.size() < limit) {
    taken.push_back(std::move(queue.jobs.front()));
    queue.jobs.pop_front();
  }
  return taken;
}

void SqliteStore::stop(Queue& queue) {
  std::lock_guard lock(queue.mutex);
  queue.stopping = true;
  queue.wake.notify_all();
}

void SqliteStore::run_writer() {
  for (;;) {
    std::vector<Job> jobs = take(writes_, kMaxBatch);
    if (jobs.empty()) return;
    std::vector<const Work*> batch;
    for (const Job& job : jobs) batch.push_back(&job.work);
    std::vector<Result<>> results;
    {
      std::lock_guard lock(writer_.mutex);
      results = write_batch(batch);
    }
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i].complete(std::move(results[i]));
  }
}

void SqliteStore::run_reader(Guarded& guarded) {
  for (;;) {
    std::vector<Job> jobs = take(reads_, 1);
    if (jobs.empty()) return;
    Result<> result;
    {
      std::lock_guard lock(guarded.mutex);
      result = read_one(*guarded.connection, jobs[0].work);
    }
    jobs[0].complete(std::move(result));
  }
}

Result<> SqliteStore::write_now(const Work& work) {
  std::lock_guard lock(writer_.mutex);
  return write_one(work);
}

Result<> SqliteStore::read_now(const Work& work) {
  Guarded& guarded = readers_.empty() ? writer_ : *readers_[0];
  std::lock_guard lock(guarded.mutex);
  return read_one(*guarded.connection, work);
}

std::vector<Result<>> SqliteStore::write_batch(std::span<const Work* const> batch) {
  std::vector<Result<>> results;
  if (batch.size() > 1 && !failed_ && writer_.connection->begin(false)) {
    for (const Work* work : batch) {
      results.push_back(run_in_savepoint(*writer_.connection, *work));
      // A full disk, for one, ends the whole transaction.
      if (!writer_.connection->in_transaction()) break;
    }
    if (results.size() == batch.size() && writer_.connection->in_transaction()) {
      auto committed = commit();
      if (committed) return results;
      if (failed_) {
        for (Result<>& result : results) {
          if (result) result = std::unexpected(committed.error());
        }
        return results;
      }
    }
    writer_.connection->rollback();
    results.clear();
  }
  // One by one: nothing of the batch was kept, and only the guilty shall fail.
  for (const Work* work : batch) results.push_back(write_one(*work));
  return results;
}

Result<> SqliteStore::write_one(const Work& work) {
  if (failed_) return std::unexpected(*failed_);
  SqliteConnection& connection = *writer_.connection;
  TRY(connection.begin(false));
  if (auto done = work(connection); !done) {
    connection.rollback();
    return done;
  }
  return commit();
}

Result<> SqliteStore::run_in_savepoint(SqliteConnection& connection, const Work& work) {
  TRY(connection.execute("SAVEPOINT work", {}));
  auto done = work(connection);
  if (!connection.in_transaction()) {
    if (done) return fail(ErrorCode::kInternal, "the transaction ended before its commit");
    return done;
  }
  if (!done) TRY(connection.execute("ROLLBACK TO work", {}));
  TRY(connection.execute("RELEASE work", {}));
  return done;
}

Result<> SqliteStore::read_one(SqliteConnection& connection, const Work& work) {
  TRY(connection.begin(true));
  auto done = work(connection);
  connection.rollback();  // nothing to keep
  return done;
}

Result<> SqliteStore::commit() {
  auto committed = writer_.connection->commit();
  if (committed || committed.error().code != ErrorCode::kIo) return committed;
  failed_ =
      Error{ErrorCode::kUnavailable,
            fmt::format("nothing more is written until a restart: {}", committed.error().message)};
  return std::unexpected(*failed_);
}

Result<int64_t> SqliteStore::next_number(Transaction& transaction, std::string_view sequence) {
  TRY_ASSIGN(auto rows,
             transaction.query("INSERT INTO meta_sequences (name, last_value) VALUES (?, 1)"
                               " ON CONFLICT (name) DO UPDATE SET last_value = last_value + 1"
                               " RETURNING last_value",
                               {std::string(sequence)}));
  MS_ASSERT(rows.size() == 1);
  return rows[0].integer(0);
}

}  // namespace millstream
