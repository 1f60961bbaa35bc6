// One connection to a SQLite database.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "meta/meta_store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace millstream {

// Threads: used by one thread at a time (the store holds a mutex for each connection).
// Errors:  kInUse for a violated uniqueness, kNoSpace for a full disk, kIo for a failed file
//          operation (after one in a commit nothing may be acknowledged any more), kInternal
//          otherwise. Messages name the database and, where there is one, the statement.
class SqliteConnection final : public Transaction {
 public:
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path);
  ~SqliteConnection() override;

  // Between begin() and commit() or rollback(). A read-only transaction refuses changes.
  Result<> begin(bool read_only);
  Result<> commit();
  void rollback();
  // Whether a transaction is open: a serious error (disk full) may have ended it.
  bool in_transaction() const;

  // Several statements without parameters, separated by ';'.
  Result<> run_script(std::string_view sql);

  Result<int64_t> execute(std::string_view sql, std::vector<SqlValue> parameters) override;
  Result<std::vector<SqlRow>> query(std::string_view sql,
                                    std::vector<SqlValue> parameters) override;

 private:
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  Result<sqlite3_stmt*> prepare_and_bind(std::string_view sql,
                                         const std::vector<SqlValue>& parameters);
  std::unexpected<Error> failure(int code, std::string_view sql) const;

  std::string path_;
  sqlite3* database_ = nullptr;
  bool read_only_ = false;
  // SQL texts are constants of the program: the cache is dropped as a whole when somebody
  // generates texts after all.
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace millstream
