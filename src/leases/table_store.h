// Tables and items in the metadata store.
//
// All state is there and nowhere else: the condition of a write is checked against the row in the
// transaction that changes it. The store runs writes one after the other and lets those that wait
// share a commit, so conditions are exact, nothing is answered that a crash could take back, and
// thousands of renewals a second cost a few fsyncs. In a cluster every node sees the same tables.
// SQL that SQLite and PostgreSQL both understand.
#pragma once

#include <functional>
#include <span>

#include "leases/table.h"
#include "meta/meta_store.h"

namespace millstream::leases {

std::span<const Migration> lease_migrations();
inline constexpr std::string_view kTableSequence = "lease_table";

// What identifies a state of a table: each change makes a `version` that was never before.
struct TableVersion {
  int64_t id = 0;
  int64_t version = 0;
  friend auto operator<=>(const TableVersion&, const TableVersion&) = default;
};

// Nothing: no such table.
Result<std::optional<TableVersion>> find_table(Transaction& transaction, const TableKey& key);
Result<Table> load_table(Transaction& transaction, TableVersion version);
// kInUse if there is one of that name.
Result<> insert_table(Transaction& transaction, const TableKey& key, const Table& table);
// Stores all of the table, its version too.
Result<> update_table(Transaction& transaction, const Table& table);
Result<> delete_table(Transaction& transaction, int64_t id);
// Names after `after`, in order.
Result<std::vector<std::string>> list_tables(Transaction& transaction, const TableKey& after,
                                             int64_t limit);
Result<std::vector<int64_t>> all_tables(Transaction& transaction);

struct TableSize {
  int64_t items = 0;
  int64_t bytes = 0;
};
Result<TableSize> size_of_table(Transaction& transaction, int64_t id);
Result<int64_t> count_index(Transaction& transaction, int64_t id, const std::string& index);

// Nothing: not there.
Result<std::optional<Item>> get_item(Transaction& transaction, const Table& table,
                                     const Place& place);
// Replaces `before` (nothing: it was not there) by `after` (nothing: it goes), in the indexes too.
Result<> replace_item(Transaction& transaction, const Table& table, const Place& place,
                      const std::optional<Item>& before, const std::optional<Item>& after);
// Writes the entries of an index that is new; those of one that has gone are deleted.
Result<> fill_index(Transaction& transaction, const Table& table, const Index& index);
Result<> clear_index(Transaction& transaction, int64_t table, const std::string& index);

// Items of a table or index in order.
struct Range {
  const Index* index = nullptr;  // nullptr: the table itself
  int64_t first_hash = 0;        // both included
  int64_t last_hash = 0;
  std::optional<std::string> partition;
  std::optional<std::string> first_sort;  // both included
  std::optional<std::string> last_sort;
  bool forward = true;
  // Only what comes behind it; for an index with the place in the table.
  std::optional<Place> after;
  std::optional<Place> after_item;
};

// Calls `visit` until it returns false or the range ends.
Result<> read_range(Transaction& transaction, const Table& table, const Range& range,
                    const std::function<Result<bool>(Item)>& visit);

// A transaction that its caller may repeat.
struct TransactionToken {
  std::string account;
  std::string region;
  std::string token;
  std::string digest;  // of what it does
};
inline constexpr TimeMs kTokenLifeMs = 10 * 60 * 1000;  // AWS: TransactWriteItems
// Remembers the token. False: the same transaction was done before. kIdempotencyMismatch: the
// token was used for another one.
Result<bool> begin_once(Transaction& transaction, const TransactionToken& token, TimeMs now);

}  // namespace millstream::leases
