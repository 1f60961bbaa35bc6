#include "meta/sqlite_connection.h"

#include <tuple>

#include <sqlite3.h>

namespace millstream {
namespace {

constexpr size_t kMaxCachedStatements = 256;
// Another process (the sqlite3 tool, a backup) may hold the lock for a moment.
constexpr int kBusyTimeoutMs = 5'000;

struct Binder {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(const std::string& value) const {
    return sqlite3_bind_text64(statement, index, value.data(), value.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  int operator()(const Blob& value) const {
    // A null pointer would bind NULL.
    if (value.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, value.data(), value.size(), SQLITE_STATIC);
  }
};

SqlValue column_value(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
      return size == 0 ? Blob() : Blob(bytes, bytes + size);
    }
    default:
      return std::monostate{};
  }
}

// Makes the statement ready for its next use, and lets go of the parameters it points to.
class Reset {
 public:
  explicit Reset(sqlite3_stmt* statement) : statement_(statement) {}
  ~Reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &connection->database_, flags, nullptr);
  if (code != SQLITE_OK) return connection->failure(code, {});
  sqlite3_extended_result_codes(connection->database_, 1);
  sqlite3_busy_timeout(connection->database_, kBusyTimeoutMs);
  TRY(
      connection->run_script("PRAGMA journal_mode=WAL;"
                             "PRAGMA synchronous=FULL;"
                             "PRAGMA foreign_keys=ON;"
                             "PRAGMA trusted_schema=OFF;"
                             "PRAGMA journal_size_limit=16777216;"));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& entry : statements_) sqlite3_finalize(entry.second);
  sqlite3_close(database_);
}

Result<> SqliteConnection::begin(bool read_only) {
  MS_ASSERT(!in_transaction());
  read_only_ = false;
  TRY(execute(read_only ? "BEGIN" : "BEGIN IMMEDIATE", {}));
  read_only_ = read_only;
  return {};
}

Result<> SqliteConnection::commit() {
  read_only_ = false;
  auto done = execute("COMMIT", {});
  if (done) return {};
  rollback();
  return std::unexpected(std::move(done).error());
}

void SqliteConnection::rollback() {
  read_only_ = false;
  // Fails only if the transaction has ended already, by an error reported before.
  if (in_transaction()) std::ignore = execute("ROLLBACK", {});
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

Result<> SqliteConnection::run_script(std::string_view sql) {
  const std::string text(sql);
  const int code = sqlite3_exec(database_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, sql);
  return {};
}

Result<int64_t> SqliteConnection::execute(std::string_view sql, std::vector<SqlValue> parameters) {
  TRY_ASSIGN(sqlite3_stmt * statement, prepare_and_bind(sql, parameters));
  Reset reset(statement);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  if (code != SQLITE_DONE) return failure(code, sql);
  return sqlite3_changes64(database_);
}

Result<std::vector<SqlRow>> SqliteConnection::query(std::string_view sql,
                                                    std::vector<SqlValue> parameters) {
  TRY_ASSIGN(sqlite3_stmt * statement, prepare_and_bind(sql, parameters));
  Reset reset(statement);
  const int columns = sqlite3_column_count(statement);
  std::vector<SqlRow> rows;
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return failure(code, sql);
    std::vector<SqlValue> values;
    values.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      values.push_back(column_value(statement, column));
    }
    rows.emplace_back(std::move(values));
  }
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql) {
  std::string text(sql);
  if (auto found = statements_.find(text); found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxCachedStatements) {
    for (const auto& entry : statements_) sqlite3_finalize(entry.second);
    statements_.clear();
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, text.data(), static_cast<int>(text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(code, sql);
  MS_ASSERT(statement != nullptr);  // an empty text is our own mistake
  statements_.emplace(std::move(text), statement);
  return statement;
}

Result<sqlite3_stmt*> SqliteConnection::prepare_and_bind(std::string_view sql,
                                                         const std::vector<SqlValue>& parameters) {
  TRY_ASSIGN(sqlite3_stmt * statement, prepare(sql));
  MS_ASSERT(static_cast<size_t>(sqlite3_bind_parameter_count(statement)) == parameters.size());
  // A read that changes something would bypass the writer's queue and its durability.
  MS_ASSERT(!read_only_ || sqlite3_stmt_readonly(statement));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int code = std::visit(Binder{statement, static_cast<int>(i) + 1}, parameters[i]);
    if (code != SQLITE_OK) {
      sqlite3_clear_bindings(statement);
      return failure(code, sql);
    }
  }
  return statement;
}

std::unexpected<Error> SqliteConnection::failure(int code, std::string_view sql) const {
  ErrorCode mapped = ErrorCode::kInternal;
  const char* advice = "";
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
          code == SQLITE_CONSTRAINT_ROWID) {
        mapped = ErrorCode::kInUse;
      }
      break;
    case SQLITE_FULL:
      mapped = ErrorCode::kNoSpace;
      advice = "; free space on its disk and try again";
      break;
    case SQLITE_IOERR:
      mapped = ErrorCode::kIo;
      advice = "; check the disk, then restart";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      mapped = ErrorCode::kCorruption;
      advice = "; restore it from a backup";
      break;
    case SQLITE_CANTOPEN:
      mapped = ErrorCode::kIo;
      advice = "; check that its folder exists and may be written to";
      break;
    case SQLITE_BUSY:
      advice = "; another process holds it: end that process";
      break;
    default:
      break;
  }
  return fail(mapped, "metadata database {}: {}{}{}{}", path_,
              database_ ? sqlite3_errmsg(database_) : sqlite3_errstr(code), advice,
              sql.empty() ? "" : " (in: ", sql.empty() ? std::string() : std::string(sql) + ")");
}

}  // namespace millstream
