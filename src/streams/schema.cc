#include "streams/schema.h"

#include <algorithm>

#include "base/random.h"
#include "base/text.h"
#include "streams/hash_key.h"
#include "streams/policies.h"

namespace millstream::streams {
namespace {

constexpr Migration kMigrations[] = {
    {"streams", 1,
     "CREATE TABLE streams ("
     "  generation INTEGER PRIMARY KEY,"
     "  account TEXT NOT NULL,"
     "  region TEXT NOT NULL,"
     "  name TEXT NOT NULL,"
     "  status INTEGER NOT NULL,"
     "  mode INTEGER NOT NULL,"
     "  created_ms INTEGER NOT NULL,"
     "  retention_hours INTEGER NOT NULL,"
     "  max_record_kib INTEGER NOT NULL,"
     "  warm_throughput_mibps INTEGER,"
     "  next_shard_index INTEGER NOT NULL,"
     "  UNIQUE (account, region, name));"
     "CREATE TABLE stream_tags ("
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  tag_key TEXT NOT NULL,"
     "  tag_value TEXT NOT NULL,"
     "  PRIMARY KEY (generation, tag_key));"
     "CREATE TABLE stream_shards ("
     "  log_id INTEGER PRIMARY KEY,"
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  shard_index INTEGER NOT NULL,"
     "  state INTEGER NOT NULL,"
     "  first_hash_key TEXT NOT NULL,"
     "  last_hash_key TEXT NOT NULL,"
     "  created_s INTEGER NOT NULL,"
     "  parent INTEGER,"
     "  adjacent_parent INTEGER,"
     "  closed_ms INTEGER,"
     "  end_counter INTEGER,"
     "  UNIQUE (generation, shard_index));"
     "CREATE TABLE stream_intents ("
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  kind INTEGER NOT NULL,"
     "  parents TEXT NOT NULL,"
     "  PRIMARY KEY (generation, kind));"
     "CREATE TABLE stream_doomed_shards (log_id INTEGER PRIMARY KEY);"
     "CREATE TABLE stream_secrets (name TEXT PRIMARY KEY, bytes BLOB NOT NULL)"},
    {"streams", 2,
     // Comma-separated names of CloudWatch's shard-level metrics.
     "ALTER TABLE streams ADD COLUMN shard_level_metrics TEXT NOT NULL DEFAULT '';"
     // NULL: not encrypted.
     "ALTER TABLE streams ADD COLUMN encryption_key_id TEXT;"
     "CREATE TABLE stream_consumers ("
     "  consumer_id INTEGER PRIMARY KEY,"
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  name TEXT NOT NULL,"
     "  created_ms INTEGER NOT NULL,"
     "  UNIQUE (generation, name));"
     "CREATE TABLE stream_consumer_tags ("
     "  consumer_id INTEGER NOT NULL REFERENCES stream_consumers (consumer_id) ON DELETE CASCADE,"
     "  tag_key TEXT NOT NULL,"
     "  tag_value TEXT NOT NULL,"
     "  PRIMARY KEY (consumer_id, tag_key));"
     // Of streams and of consumers.
     "CREATE TABLE stream_policies (resource_arn TEXT PRIMARY KEY, policy TEXT NOT NULL);"
     "CREATE TABLE stream_account_settings ("
     "  account TEXT NOT NULL,"
     "  region TEXT NOT NULL,"
     "  name TEXT NOT NULL,"
     "  value TEXT NOT NULL,"
     "  PRIMARY KEY (account, region, name));"
     // UpdateShardCount and UpdateStreamMode: AWS limits how often in 24 hours.
     "CREATE TABLE stream_scaling_calls ("
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  kind TEXT NOT NULL,"
     "  called_ms INTEGER NOT NULL)"},
    {"streams", 3,
     // Each wrapped by a version of a master key (stream_key_ring.h).
     "CREATE TABLE stream_data_keys ("
     "  key_id INTEGER PRIMARY KEY,"
     "  generation INTEGER NOT NULL REFERENCES streams (generation) ON DELETE CASCADE,"
     "  master_key_id TEXT NOT NULL,"
     "  master_key_version INTEGER NOT NULL,"
     "  wrapped BLOB NOT NULL,"
     "  created_ms INTEGER NOT NULL);"
     "CREATE INDEX stream_data_keys_by_stream ON stream_data_keys (generation)"},
};

constexpr std::string_view kShardColumns =
    "SELECT log_id, shard_index, state, first_hash_key, last_hash_key, created_s, parent,"
    " adjacent_parent, closed_ms, end_counter FROM stream_shards WHERE generation = ?";

SqlValue nullable(std::optional<int64_t> value) {
  return value ? SqlValue(*value) : SqlValue(std::monostate{});
}

std::optional<uint32_t> optional_index(const SqlRow& row, size_t column) {
  const auto value = row.optional_integer(column);
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

HashKey stored_hash_key(const std::string& text) {
  const auto key = parse_hash_key(text);
  MS_ASSERT(key.has_value());
  return *key;
}

Shard shard_of(const SqlRow& row) {
  Shard shard;
  shard.log_id = ShardId{static_cast<uint64_t>(row.integer(0))};
  shard.index = static_cast<uint32_t>(row.integer(1));
  shard.open = ShardState{row.integer(2)} != ShardState::kClosed;
  shard.first_hash_key = stored_hash_key(row.text(3));
  shard.last_hash_key = stored_hash_key(row.text(4));
  shard.created_s = row.integer(5);
  shard.parent = optional_index(row, 6);
  shard.adjacent_parent = optional_index(row, 7);
  shard.closed_ms = row.optional_integer(8).value_or(0);
  if (const auto end = row.optional_integer(9)) shard.end = static_cast<Counter>(*end);
  return shard;
}

Result<std::vector<Shard>> load_shards(Transaction& transaction, int64_t generation, bool pending) {
  TRY_ASSIGN(auto rows, transaction.query(fmt::format("{} AND state {} 0 ORDER BY shard_index",
                                                      kShardColumns, pending ? "=" : "<>"),
                                          {generation}));
  std::vector<Shard> shards;
  shards.reserve(rows.size());
  for (const SqlRow& row : rows) shards.push_back(shard_of(row));
  return shards;
}

Result<std::vector<Consumer>> load_consumers(Transaction& transaction, int64_t generation) {
  TRY_ASSIGN(auto rows,
             transaction.query("SELECT consumer_id, name, created_ms FROM stream_consumers"
                               " WHERE generation = ? ORDER BY consumer_id",
                               {generation}));
  std::vector<Consumer> consumers;
  for (const SqlRow& row : rows) {
    Consumer& consumer = consumers.emplace_back();
    consumer.id = row.integer(0);
    consumer.name = row.text(1);
    consumer.created_ms = row.integer(2);
    TRY_ASSIGN(auto tags,
               transaction.query(
                   "SELECT tag_key, tag_value FROM stream_consumer_tags WHERE consumer_id = ?",
                   {consumer.id}));
    for (const SqlRow& tag : tags) consumer.tags.emplace(tag.text(0), tag.text(1));
  }
  return consumers;
}

}  // namespace

std::span<const Migration> stream_migrations() { return kMigrations; }

Result<std::vector<int64_t>> load_generations(Transaction& transaction) {
  TRY_ASSIGN(auto rows, transaction.query("SELECT generation FROM streams ORDER BY generation"));
  std::vector<int64_t> generations;
  for (const SqlRow& row : rows) generations.push_back(row.integer(0));
  return generations;
}

Result<Stream> load_stream(Transaction& transaction, int64_t generation) {
  TRY_ASSIGN(auto rows, transaction.query("SELECT account, region, name, status, mode, created_ms,"
                                          " retention_hours, max_record_kib, warm_throughput_mibps,"
                                          " shard_level_metrics, encryption_key_id"
                                          " FROM streams WHERE generation = ?",
                                          {generation}));
  MS_ASSERT(rows.size() == 1);
  const SqlRow& row = rows[0];
  Stream stream;
  stream.key = {row.text(0), row.text(1), row.text(2)};
  stream.generation = generation;
  stream.status = static_cast<StreamStatus>(row.integer(3));
  stream.mode = static_cast<StreamMode>(row.integer(4));
  stream.created_ms = row.integer(5);
  stream.retention_hours = static_cast<int32_t>(row.integer(6));
  stream.max_record_kib = static_cast<int32_t>(row.integer(7));
  if (const auto warm = row.optional_integer(8)) {
    stream.warm_throughput_mibps = static_cast<int32_t>(*warm);
  }
  if (!row.text(9).empty()) {
    for (std::string_view metric : split(row.text(9), ',')) {
      stream.shard_level_metrics.emplace_back(metric);
    }
  }
  stream.encryption_key_id = row.optional_text(10).value_or("");
  TRY(load_policies(transaction, stream));
  TRY_ASSIGN(auto tags,
             transaction.query("SELECT tag_key, tag_value FROM stream_tags WHERE generation = ?",
                               {generation}));
  for (const SqlRow& tag : tags) stream.tags.emplace(tag.text(0), tag.text(1));
  TRY_ASSIGN(stream.consumers, load_consumers(transaction, generation));
  TRY_ASSIGN(stream.shards, load_shards(transaction, generation, false));
  stream.index_open_shards();
  return stream;
}

Result<std::vector<Shard>> load_pending_shards(Transaction& transaction, int64_t generation) {
  return load_shards(transaction, generation, true);
}

Result<std::vector<Intent>> load_intents(Transaction& transaction, int64_t generation) {
  TRY_ASSIGN(auto rows,
             transaction.query(
                 "SELECT kind, parents FROM stream_intents WHERE generation = ? ORDER BY kind",
                 {generation}));
  std::vector<Intent> intents;
  for (const SqlRow& row : rows) {
    Intent intent{IntentKind{row.integer(0)}, {}};
    if (!row.text(1).empty()) {
      for (std::string_view number : split(row.text(1), ',')) {
        const auto index = parse_integer<uint32_t>(number);
        MS_ASSERT(index.has_value());
        intent.parents.push_back(*index);
      }
    }
    intents.push_back(std::move(intent));
  }
  return intents;
}

Result<int64_t> count_all_shards(Transaction& transaction) {
  TRY_ASSIGN(auto rows, transaction.query("SELECT count(*) FROM stream_shards", {}));
  return rows[0].integer(0);
}

Result<int64_t> count_shards(Transaction& transaction, std::string_view account,
                             std::string_view region) {
  TRY_ASSIGN(auto rows, transaction.query("SELECT count(*) FROM stream_shards s JOIN streams t"
                                          " ON s.generation = t.generation"
                                          " WHERE t.account = ? AND t.region = ? AND s.state <> 2",
                                          {std::string(account), std::string(region)}));
  return rows[0].integer(0);
}

Result<> insert_stream(Transaction& transaction, const Stream& stream) {
  TRY(transaction.execute(
      "INSERT INTO streams (generation, account, region, name, status, mode, created_ms,"
      " retention_hours, max_record_kib, warm_throughput_mibps, next_shard_index)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
      {stream.generation, stream.key.account, stream.key.region, stream.key.name,
       static_cast<int64_t>(stream.status), static_cast<int64_t>(stream.mode), stream.created_ms,
       int64_t{stream.retention_hours}, int64_t{stream.max_record_kib},
       nullable(stream.warm_throughput_mibps)}));
  return update_settings(transaction, stream);
}

Result<> insert_pending_shards(Transaction& transaction, int64_t generation,
                               std::span<const Shard> shards) {
  for (const Shard& shard : shards) {
    TRY(transaction.execute(
        "INSERT INTO stream_shards (log_id, generation, shard_index, state, first_hash_key,"
        " last_hash_key, created_s, parent, adjacent_parent) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)",
        {static_cast<int64_t>(shard.log_id), generation, int64_t{shard.index},
         format_hash_key(shard.first_hash_key), format_hash_key(shard.last_hash_key),
         shard.created_s, nullable(shard.parent), nullable(shard.adjacent_parent)}));
  }
  return {};
}

Result<uint32_t> take_shard_indices(Transaction& transaction, int64_t generation, uint32_t count) {
  TRY_ASSIGN(auto rows,
             transaction.query("UPDATE streams SET next_shard_index = next_shard_index + ?"
                               " WHERE generation = ? RETURNING next_shard_index",
                               {int64_t{count}, generation}));
  MS_ASSERT(rows.size() == 1);
  return static_cast<uint32_t>(rows[0].integer(0)) - count;
}

Result<> open_pending_shards(Transaction& transaction, int64_t generation) {
  TRY(transaction.execute("UPDATE stream_shards SET state = 1 WHERE generation = ? AND state = 0",
                          {generation}));
  return {};
}

Result<> close_shards(Transaction& transaction, std::span<const ClosedShard> shards,
                      TimeMs closed_ms) {
  for (const ClosedShard& shard : shards) {
    TRY_ASSIGN(
        int64_t changed,
        transaction.execute(
            "UPDATE stream_shards SET state = 2, closed_ms = ?, end_counter = ? WHERE log_id = ?",
            {closed_ms, static_cast<int64_t>(shard.end), static_cast<int64_t>(shard.log_id)}));
    MS_ASSERT(changed == 1);
  }
  return {};
}

Result<> update_status(Transaction& transaction, int64_t generation, StreamStatus status) {
  TRY_ASSIGN(int64_t changed,
             transaction.execute("UPDATE streams SET status = ? WHERE generation = ?",
                                 {static_cast<int64_t>(status), generation}));
  MS_ASSERT(changed == 1);
  return {};
}

Result<> update_settings(Transaction& transaction, const Stream& stream) {
  TRY(transaction.execute(
      "UPDATE streams SET mode = ?, retention_hours = ?, max_record_kib = ?,"
      " warm_throughput_mibps = ?, shard_level_metrics = ? WHERE generation = ?",
      {static_cast<int64_t>(stream.mode), int64_t{stream.retention_hours},
       int64_t{stream.max_record_kib}, nullable(stream.warm_throughput_mibps),
       fmt::format("{}", fmt::join(stream.shard_level_metrics, ",")), stream.generation}));
  TRY(transaction.execute("DELETE FROM stream_tags WHERE generation = ?", {stream.generation}));
  for (const auto& [key, value] : stream.tags) {
    TRY(transaction.execute(
        "INSERT INTO stream_tags (generation, tag_key, tag_value) VALUES (?, ?, ?)",
        {stream.generation, key, value}));
  }
  return {};
}

Result<> update_consumers(Transaction& transaction, int64_t generation,
                          std::span<const Consumer> consumers) {
  TRY(transaction.execute("DELETE FROM stream_consumers WHERE generation = ?", {generation}));
  for (const Consumer& consumer : consumers) {
    if (consumer.deregistered_ms) continue;
    MS_ASSERT(consumer.id > 0);
    TRY(transaction.execute(
        "INSERT INTO stream_consumers (consumer_id, generation, name, created_ms)"
        " VALUES (?, ?, ?, ?)",
        {consumer.id, generation, consumer.name, consumer.created_ms}));
    for (const auto& [key, value] : consumer.tags) {
      TRY(transaction.execute(
          "INSERT INTO stream_consumer_tags (consumer_id, tag_key, tag_value) VALUES (?, ?, ?)",
          {consumer.id, key, value}));
    }
  }
  return {};
}

Result<> update_encryption(Transaction& transaction, int64_t generation,
                           const std::string& key_id) {
  SqlValue value;  // NULL
  if (!key_id.empty()) value = key_id;
  TRY(transaction.execute("UPDATE streams SET encryption_key_id = ? WHERE generation = ?",
                          {std::move(value), generation}));
  return {};
}

Result<> insert_intent(Transaction& transaction, int64_t generation, const Intent& intent) {
  TRY(transaction.execute(
      "INSERT INTO stream_intents (generation, kind, parents) VALUES (?, ?, ?)"
      " ON CONFLICT (generation, kind) DO UPDATE SET parents = excluded.parents",
      {generation, static_cast<int64_t>(intent.kind),
       fmt::format("{}", fmt::join(intent.parents, ","))}));
  return {};
}

Result<> delete_intent(Transaction& transaction, int64_t generation, IntentKind kind) {
  TRY(transaction.execute("DELETE FROM stream_intents WHERE generation = ? AND kind = ?",
                          {generation, static_cast<int64_t>(kind)}));
  return {};
}

Result<> doom_shard(Transaction& transaction, ShardId log_id) {
  const auto id = static_cast<int64_t>(log_id);
  TRY(transaction.execute("INSERT INTO stream_doomed_shards (log_id) VALUES (?)", {id}));
  TRY(transaction.execute("DELETE FROM stream_shards WHERE log_id = ?", {id}));
  return {};
}

Result<> doom_stream(Transaction& transaction, int64_t generation) {
  TRY(
      transaction.execute("INSERT INTO stream_doomed_shards (log_id)"
                          " SELECT log_id FROM stream_shards WHERE generation = ?",
                          {generation}));
  TRY_ASSIGN(auto rows,
             transaction.query("SELECT account, region, name FROM streams WHERE generation = ?",
                               {generation}));
  for (const SqlRow& row : rows) {
    TRY(delete_policies(transaction, StreamKey{row.text(0), row.text(1), row.text(2)}.arn()));
  }
  TRY(transaction.execute("DELETE FROM streams WHERE generation = ?", {generation}));
  return {};
}

Result<std::vector<ShardId>> load_doomed(Transaction& transaction) {
  TRY_ASSIGN(auto rows, transaction.query("SELECT log_id FROM stream_doomed_shards"));
  std::vector<ShardId> shards;
  for (const SqlRow& row : rows) shards.push_back(ShardId{static_cast<uint64_t>(row.integer(0))});
  return shards;
}

Result<> forget_doomed(Transaction& transaction, std::span<const ShardId> shards) {
  for (ShardId shard : shards) {
    TRY(transaction.execute("DELETE FROM stream_doomed_shards WHERE log_id = ?",
                            {static_cast<int64_t>(shard)}));
  }
  return {};
}

Result<TokenKey> load_token_key(MetaStore& store) {
  TRY(store.migrate(stream_migrations()));
  TokenKey key{};
  TRY(store.write_now([&key](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(auto rows,
               transaction.query("SELECT bytes FROM stream_secrets WHERE name = 'token_key'"));
    if (!rows.empty()) {
      MS_ASSERT(rows[0].blob(0).size() == key.size());
      std::ranges::copy(rows[0].blob(0), reinterpret_cast<char*>(key.data()));
      return {};
    }
    fill_random(key);
    const auto* bytes = reinterpret_cast<const char*>(key.data());
    TRY(transaction.execute("INSERT INTO stream_secrets (name, bytes) VALUES ('token_key', ?)",
                            {Blob(bytes, bytes + key.size())}));
    return {};
  }));
  return key;
}

}  // namespace millstream::streams
