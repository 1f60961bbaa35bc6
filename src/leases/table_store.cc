#include "leases/table_store.h"

#include <array>

#include "wire/json_decode.h"
#include "wire/json_encode.h"

namespace millstream::leases {
namespace {

// An item is the JSON of its attributes. An index has a row for each item that it shows, which
// leads to the item.
constexpr std::array kMigrations{Migration{"leases", 1, R"(
CREATE TABLE lease_table (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  description TEXT NOT NULL,
  tags TEXT NOT NULL,
  time_to_live TEXT NOT NULL,
  point_in_time_recovery INTEGER NOT NULL,
  UNIQUE (account, region, name)
);
CREATE TABLE lease_item (
  table_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  partition_key BLOB NOT NULL,
  sort_key BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (table_id, place, partition_key, sort_key)
);
CREATE TABLE lease_index_entry (
  table_id INTEGER NOT NULL,
  index_name TEXT NOT NULL,
  place INTEGER NOT NULL,
  partition_key BLOB NOT NULL,
  sort_key BLOB NOT NULL,
  item_place INTEGER NOT NULL,
  item_partition BLOB NOT NULL,
  item_sort BLOB NOT NULL,
  PRIMARY KEY (table_id, index_name, place, partition_key, sort_key, item_place, item_partition,
               item_sort)
);
CREATE TABLE lease_transaction (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  token TEXT NOT NULL,
  digest TEXT NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, token)
);
CREATE INDEX lease_transaction_by_end ON lease_transaction (ends_ms))"}};

constexpr int64_t kRowsAtOnce = 256;  // of a range; an item may have 400 KB

SqlValue blob(const std::string& bytes) { return Blob(bytes.begin(), bytes.end()); }
std::string bytes_of(const Blob& blob) { return {blob.begin(), blob.end()}; }

std::string item_json(const Item& item) {
  api::GetItemOutput holder;
  holder.item = item;
  return wire::to_json(holder);
}

Result<Item> item_of(const std::string& json) {
  TRY_ASSIGN(api::GetItemOutput holder, wire::from_json<api::GetItemOutput>(json));
  return std::move(holder.item).value_or(Item());
}

std::string tags_json(const std::vector<api::Tag>& tags) {
  api::ListTagsOfResourceOutput holder;
  holder.tags = tags;
  return wire::to_json(holder);
}

std::vector<SqlValue> item_key(int64_t table, const Place& place) {
  return {table, place.hash, blob(place.partition), blob(place.sort)};
}

std::vector<SqlValue> entry_key(int64_t table, const Index& index, const Place& entry,
                                const Place& item) {
  return {table,     index.name,           entry.hash,     blob(entry.partition), blob(entry.sort),
          item.hash, blob(item.partition), blob(item.sort)};
}

Result<> add_entry(Transaction& transaction, int64_t table, const Index& index, const Place& entry,
                   const Place& item) {
  TRY(transaction.execute(
      "INSERT INTO lease_index_entry (table_id, index_name, place, partition_key, sort_key, "
      "item_place, item_partition, item_sort) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      entry_key(table, index, entry, item)));
  return {};
}

Result<> remove_entry(Transaction& transaction, int64_t table, const Index& index,
                      const Place& entry, const Place& item) {
  TRY(transaction.execute(
      "DELETE FROM lease_index_entry WHERE table_id = ? AND index_name = ? AND place = ? AND "
      "partition_key = ? AND sort_key = ? AND item_place = ? AND item_partition = ? AND "
      "item_sort = ?",
      entry_key(table, index, entry, item)));
  return {};
}

bool same(const Place& a, const Place& b) { return a.partition == b.partition && a.sort == b.sort; }

// The statement of a range, and its parameters.
struct RangeQuery {
  std::string sql;
  std::vector<SqlValue> parameters;

  RangeQuery(int64_t table, const Range& range) {
    const bool indexed = range.index != nullptr;
    // Row values compare like the tuples of the primary keys: one seek, no offsets.
    const std::string columns =
        indexed ? "e.place, e.partition_key, e.sort_key, e.item_place, e.item_partition, "
                  "e.item_sort"
                : "e.place, e.partition_key, e.sort_key";
    sql = fmt::format("SELECT {}.content, {} FROM {} WHERE e.table_id = ?", indexed ? "i" : "e",
                      columns,
                      indexed ? "lease_index_entry e JOIN lease_item i ON i.table_id = e.table_id "
                                "AND i.place = e.item_place AND i.partition_key = "
                                "e.item_partition AND i.sort_key = e.item_sort"
                              : "lease_item e");
    parameters.emplace_back(table);
    if (indexed) where("e.index_name = ?", range.index->name);
    if (range.partition) {
      where("e.place = ?", range.first_hash);
      where("e.partition_key = ?", blob(*range.partition));
    } else {
      where("e.place >= ?", range.first_hash);
      where("e.place <= ?", range.last_hash);
    }
    if (range.first_sort) where("e.sort_key >= ?", blob(*range.first_sort));
    if (range.last_sort) where("e.sort_key <= ?", blob(*range.last_sort));
    if (range.after) {
      sql += fmt::format(" AND ({}) {} (?, ?, ?{})", columns, range.forward ? '>' : '<',
                         indexed ? ", ?, ?, ?" : "");
      add(*range.after);
      if (indexed) add(*range.after_item);
    }
    std::string ordered = columns;
    if (!range.forward) {
      for (size_t at = 0; (at = ordered.find(',', at)) != std::string::npos; at += 6) {
        ordered.insert(at, " DESC");
      }
      ordered += " DESC";
    }
    sql += fmt::format(" ORDER BY {} LIMIT ?", ordered);
    parameters.emplace_back(kRowsAtOnce);
  }

  void where(std::string_view condition, SqlValue value) {
    sql += " AND ";
    sql += condition;
    parameters.push_back(std::move(value));
  }
  void add(const Place& place) {
    parameters.emplace_back(place.hash);
    parameters.push_back(blob(place.partition));
    parameters.push_back(blob(place.sort));
  }
};

Place place_at(const SqlRow& row, size_t column) {
  return {row.integer(column), bytes_of(row.blob(column + 1)), bytes_of(row.blob(column + 2))};
}

}  // namespace

std::span<const Migration> lease_migrations() { return kMigrations; }

Result<std::optional<TableVersion>> find_table(Transaction& transaction, const TableKey& key) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT id, version FROM lease_table WHERE "
                                                "account = ? AND region = ? AND name = ?",
                                                {key.account, key.region, key.name}));
  if (rows.empty()) return std::nullopt;
  return TableVersion{rows.front().integer(0), rows.front().integer(1)};
}

Result<Table> load_table(Transaction& transaction, TableVersion version) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT description, tags, time_to_live, point_in_time_recovery "
                               "FROM lease_table WHERE id = ?",
                               {version.id}));
  if (rows.empty()) return fail(ErrorCode::kInternal, "lease table {} has gone", version.id);
  const SqlRow& row = rows.front();
  Table table;
  table.id = version.id;
  table.version = version.version;
  TRY_ASSIGN(table.description, wire::from_json<api::TableDescription>(row.text(0)));
  TRY_ASSIGN(auto tags, wire::from_json<api::ListTagsOfResourceOutput>(row.text(1)));
  table.tags = std::move(tags.tags).value_or(std::vector<api::Tag>());
  TRY_ASSIGN(table.time_to_live, wire::from_json<api::TimeToLiveDescription>(row.text(2)));
  table.point_in_time_recovery = row.integer(3) != 0;
  TRY(understand(table));
  return table;
}

Result<> insert_table(Transaction& transaction, const TableKey& key, const Table& table) {
  TRY(transaction.execute(
      "INSERT INTO lease_table (id, account, region, name, version, description, tags, "
      "time_to_live, point_in_time_recovery) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {table.id, key.account, key.region, key.name, table.version, wire::to_json(table.description),
       tags_json(table.tags), wire::to_json(table.time_to_live),
       int64_t{table.point_in_time_recovery}}));
  return {};
}

Result<> update_table(Transaction& transaction, const Table& table) {
  TRY(transaction.execute(
      "UPDATE lease_table SET version = ?, description = ?, tags = ?, time_to_live = ?, "
      "point_in_time_recovery = ? WHERE id = ?",
      {table.version, wire::to_json(table.description), tags_json(table.tags),
       wire::to_json(table.time_to_live), int64_t{table.point_in_time_recovery}, table.id}));
  return {};
}

Result<> delete_table(Transaction& transaction, int64_t id) {
  TRY(transaction.execute("DELETE FROM lease_index_entry WHERE table_id = ?", {id}));
  TRY(transaction.execute("DELETE FROM lease_item WHERE table_id = ?", {id}));
  TRY(transaction.execute("DELETE FROM lease_table WHERE id = ?", {id}));
  return {};
}

Result<std::vector<std::string>> list_tables(Transaction& transaction, const TableKey& after,
                                             int64_t limit) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT name FROM lease_table WHERE account = ? AND region = ? AND "
                               "name > ? ORDER BY name LIMIT ?",
                               {after.account, after.region, after.name, limit}));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(row.text(0));
  return names;
}

Result<std::vector<int64_t>> all_tables(Transaction& transaction) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT id FROM lease_table"));
  std::vector<int64_t> ids;
  for (const SqlRow& row : rows) ids.push_back(row.integer(0));
  return ids;
}

Result<TableSize> size_of_table(Transaction& transaction, int64_t id) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM "
                                                "lease_item WHERE table_id = ?",
                                                {id}));
  return TableSize{rows.front().integer(0), rows.front().integer(1)};
}

Result<int64_t> count_index(Transaction& transaction, int64_t id, const std::string& index) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT COUNT(*) FROM lease_index_entry WHERE "
                                                "table_id = ? AND index_name = ?",
                                                {id, index}));
  return rows.front().integer(0);
}

Result<std::optional<Item>> get_item(Transaction& transaction, const Table& table,
                                     const Place& place) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT content FROM lease_item WHERE table_id = ? AND place = ? "
                               "AND partition_key = ? AND sort_key = ?",
                               item_key(table.id, place)));
  if (rows.empty()) return std::nullopt;
  return item_of(rows.front().text(0));
}

Result<> replace_item(Transaction& transaction, const Table& table, const Place& place,
                      const std::optional<Item>& before, const std::optional<Item>& after) {
  if (after) {
    std::vector<SqlValue> row = item_key(table.id, place);
    row.emplace_back(static_cast<int64_t>(size_of(*after)));
    row.emplace_back(item_json(*after));
    TRY(transaction.execute(
        "INSERT INTO lease_item (table_id, place, partition_key, sort_key, bytes, content) VALUES "
        "(?, ?, ?, ?, ?, ?) ON CONFLICT (table_id, place, partition_key, sort_key) DO UPDATE SET "
        "bytes = excluded.bytes, content = excluded.content",
        std::move(row)));
  } else if (before) {
    TRY(
        transaction.execute("DELETE FROM lease_item WHERE table_id = ? AND place = ? AND "
                            "partition_key = ? AND sort_key = ?",
                            item_key(table.id, place)));
  }
  for (const Index& index : table.indexes) {
    std::optional<Place> old_entry;
    std::optional<Place> new_entry;
    if (before) old_entry = place_in_index(index.keys, *before);
    if (after) new_entry = place_in_index(index.keys, *after);
    if (old_entry && new_entry && same(*old_entry, *new_entry)) continue;
    if (old_entry) TRY(remove_entry(transaction, table.id, index, *old_entry, place));
    if (new_entry) TRY(add_entry(transaction, table.id, index, *new_entry, place));
  }
  return {};
}

Result<> fill_index(Transaction& transaction, const Table& table, const Index& index) {
  Range all;
  all.last_hash = std::numeric_limits<int64_t>::max();
  return read_range(transaction, table, all, [&](Item item) -> Result<bool> {
    const auto entry = place_in_index(index.keys, item);
    if (!entry) return true;
    const auto place = place_in_index(table.keys, item);
    MS_ASSERT(place);  // it was stored under its key
    TRY(add_entry(transaction, table.id, index, *entry, *place));
    return true;
  });
}

Result<> clear_index(Transaction& transaction, int64_t table, const std::string& index) {
  TRY(transaction.execute("DELETE FROM lease_index_entry WHERE table_id = ? AND index_name = ?",
                          {table, index}));
  return {};
}

Result<> read_range(Transaction& transaction, const Table& table, const Range& range,
                    const std::function<Result<bool>(Item)>& visit) {
  Range rest = range;
  while (true) {
    RangeQuery query(table.id, rest);
    TRY_ASSIGN(const auto rows, transaction.query(query.sql, std::move(query.parameters)));
    for (const SqlRow& row : rows) {
      TRY_ASSIGN(Item item, item_of(row.text(0)));
      TRY_ASSIGN(const bool more, visit(std::move(item)));
      if (!more) return {};
    }
    if (rows.size() < static_cast<size_t>(kRowsAtOnce)) return {};
    rest.after = place_at(rows.back(), 1);
    if (range.index != nullptr) rest.after_item = place_at(rows.back(), 4);
  }
}

Result<bool> begin_once(Transaction& transaction, const TransactionToken& token, TimeMs now) {
  TRY(transaction.execute("DELETE FROM lease_transaction WHERE ends_ms <= ?", {now}));
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT digest FROM lease_transaction WHERE account = ? AND "
                               "region = ? AND token = ?",
                               {token.account, token.region, token.token}));
  if (!rows.empty()) {
    if (rows.front().text(0) == token.digest) return false;
    return fail(ErrorCode::kIdempotencyMismatch,
                "The request uses the same client token as a previous, but non-identical request.");
  }
  TRY(transaction.execute(
      "INSERT INTO lease_transaction (account, region, token, digest, ends_ms) VALUES (?, ?, ?, "
      "?, ?)",
      {token.account, token.region, token.token, token.digest, now + kTokenLifeMs}));
  return true;
}

}  // namespace millstream::leases
