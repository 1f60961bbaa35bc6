// The tables of the streams, and the way between rows and the catalog's structs. SQL that
// SQLite and PostgreSQL both understand; used by MetaCatalog only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"
#include "streams/token.h"

namespace millstream::streams {

// MetaStore::next_number() sequence of ShardIds in the log. One for all modules: whoever creates
// a log shard takes its number from here.
inline constexpr std::string_view kLogShardSequence = "log_shard";
inline constexpr std::string_view kGenerationSequence = "stream_generation";
inline constexpr std::string_view kConsumerSequence = "stream_consumer";

std::span<const Migration> stream_migrations();

enum class ShardState : int64_t {
  kPending = 0,  // decided, not yet in the log: of a stream or a reshard that an intent finishes
  kOpen = 1,
  kClosed = 2,
};

// Work that was decided and has to be finished, whatever happens; at most one of a kind and
// stream. Its row and what it decided are committed together; finishing is idempotent.
enum class IntentKind : int64_t {
  kCreate = 1,     // create the pending shards in the log, open them
  kDelete = 2,     // delete the rows, remove the shards from the log
  kReshard = 3,    // seal the parents, create the pending shards in the log, open them
  kRetention = 4,  // tell the log the stream's retention
};

struct Intent {
  IntentKind kind{};
  std::vector<uint32_t> parents;  // kReshard: their indices
};

struct ClosedShard {
  ShardId log_id{};
  Counter end = 0;
};

Result<std::vector<int64_t>> load_generations(Transaction& transaction);
// As the catalog shows it: without pending shards. The stream must exist.
Result<Stream> load_stream(Transaction& transaction, int64_t generation);
Result<std::vector<Shard>> load_pending_shards(Transaction& transaction, int64_t generation);
Result<std::vector<Intent>> load_intents(Transaction& transaction, int64_t generation);
// Shards of everybody, closed ones too. Much cheaper than count_shards(), which looks at each.
Result<int64_t> count_all_shards(Transaction& transaction);
// Open and pending shards of all streams of an account in a region.
Result<int64_t> count_shards(Transaction& transaction, std::string_view account,
                             std::string_view region);

// All columns of `stream` but its shards. kInUse if the name is taken.
Result<> insert_stream(Transaction& transaction, const Stream& stream);
Result<> insert_pending_shards(Transaction& transaction, int64_t generation,
                               std::span<const Shard> shards);
// Reserves `count` shard indices of the stream; the first of them.
Result<uint32_t> take_shard_indices(Transaction& transaction, int64_t generation, uint32_t count);
Result<> open_pending_shards(Transaction& transaction, int64_t generation);
Result<> close_shards(Transaction& transaction, std::span<const ClosedShard> shards,
                      TimeMs closed_ms);

Result<> update_status(Transaction& transaction, int64_t generation, StreamStatus status);
// Mode, retention, record size, warm throughput, shard-level metrics and tags.
Result<> update_settings(Transaction& transaction, const Stream& stream);
// Empty: not encrypted.
Result<> update_encryption(Transaction& transaction, int64_t generation, const std::string& key_id);
Result<> insert_intent(Transaction& transaction, int64_t generation, const Intent& intent);
Result<> delete_intent(Transaction& transaction, int64_t generation, IntentKind kind);

// Stores those that are registered, with their tags, as the stream's only ones; all have ids.
Result<> update_consumers(Transaction& transaction, int64_t generation,
                          std::span<const Consumer> consumers);

// Deleted shards stay listed here until the log has removed them.
Result<> doom_shard(Transaction& transaction, ShardId log_id);
Result<> doom_stream(Transaction& transaction, int64_t generation);
Result<std::vector<ShardId>> load_doomed(Transaction& transaction);
Result<> forget_doomed(Transaction& transaction, std::span<const ShardId> shards);

// StreamsSettings::token_key, made at the first start. Blocking.
Result<TokenKey> load_token_key(MetaStore& store);

}  // namespace millstream::streams
