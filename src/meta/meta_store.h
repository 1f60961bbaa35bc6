// Transactional metadata: streams, shards, tags, delivery streams, positions, intents.
//
// One schema and one SQL for two drivers: SQLite (embedded) and, later, PostgreSQL. Statements
// use `?` parameters and the SQL that both understand (INTEGER = 64 bit, DOUBLE PRECISION, TEXT,
// BLOB; INSERT … ON CONFLICT DO UPDATE, RETURNING; no driver-specific functions).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/async.h"
#include "base/result.h"

namespace millstream {

using Blob = std::vector<char>;
using SqlValue = std::variant<std::monostate, int64_t, double, std::string, Blob>;

// One row of an answer, by column index. Asking for another type than the column holds is a
// broken invariant.
class SqlRow {
 public:
  explicit SqlRow(std::vector<SqlValue> values) : values_(std::move(values)) {}
  size_t size() const { return values_.size(); }
  bool is_null(size_t column) const;
  int64_t integer(size_t column) const;
  double real(size_t column) const;
  const std::string& text(size_t column) const;
  const Blob& blob(size_t column) const;
  std::optional<std::string> optional_text(size_t column) const;
  std::optional<int64_t> optional_integer(size_t column) const;

 private:
  std::vector<SqlValue> values_;
};

// Valid during the function that it was given to, on the store's thread.
class Transaction {
 public:
  virtual ~Transaction() = default;
  // The number of rows changed. Errors: kInUse for a violated uniqueness, kInternal otherwise.
  virtual Result<int64_t> execute(std::string_view sql, std::vector<SqlValue> parameters = {}) = 0;
  virtual Result<std::vector<SqlRow>> query(std::string_view sql,
                                            std::vector<SqlValue> parameters = {}) = 0;
};

// A step of the schema. Numbers rise by one within a module, steps are never changed once
// released, and a database with a higher number than this binary knows is refused.
struct Migration {
  std::string_view module;  // "streams", "firehose", …: each numbers its own steps from 1
  int number = 0;
  std::string_view sql;  // statements separated by ';'
};

// Threads:    any; work runs on the store's own threads, awaitables complete on the caller's
//             executor.
// Durability: a write() that completes with a value is on stable storage.
// Isolation:  serializable. Writes that wait at the same time may share one commit, each in
//             its own savepoint: one that fails takes nothing of the others with it.
class MetaStore {
 public:
  using Work = std::function<Result<>(Transaction&)>;

  virtual ~MetaStore() = default;
  // Applies what is missing, each step in its own transaction. Blocking; called at start.
  virtual Result<> migrate(std::span<const Migration> steps) = 0;
  // Runs `work` and commits if it returns a value; else nothing has changed and its error comes
  // back. `work` may run twice (serialization failure), so it changes nothing but the store and
  // variables that it sets anew.
  virtual awaitable<Result<>> write(Work work) = 0;
  virtual awaitable<Result<>> read(Work work) = 0;
  // The same for start-up and tests, on the caller's thread.
  virtual Result<> write_now(const Work& work) = 0;
  virtual Result<> read_now(const Work& work) = 0;
  // Numbers that are never given twice, also after a crash; from 1. For shard ids, stream
  // generations, intents.
  virtual Result<int64_t> next_number(Transaction& transaction, std::string_view sequence) = 0;
};

// `path` = file name, or ":memory:" (--ephemeral). WAL, synchronous=FULL.
Result<std::unique_ptr<MetaStore>> open_sqlite(const std::string& path);

}  // namespace millstream
