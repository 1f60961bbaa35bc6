// What streams and shards exist: immutable snapshots in memory, every change first in the
// MetaStore.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/env.h"
#include "base/result.h"
#include "log/shard_log.h"
#include "meta/meta_store.h"
#include "streams/stream_metrics.h"

namespace millstream::streams {

// An unsigned 128-bit hash key; decimal on the wire.
using HashKey = unsigned __int128;

struct StreamKey {
  std::string account;
  std::string region;
  std::string name;
  friend auto operator<=>(const StreamKey&, const StreamKey&) = default;
  std::string arn() const;  // arn:aws:kinesis:<region>:<account>:stream/<name>
};

// The error of a name that no stream has, with AWS's text.
std::unexpected<Error> no_such_stream(const StreamKey& key);

enum class StreamStatus : uint8_t { kCreating, kActive, kUpdating, kDeleting };
enum class StreamMode : uint8_t { kProvisioned, kOnDemand };
std::string_view status_text(StreamStatus status);  // "ACTIVE"
std::string_view mode_text(StreamMode mode);        // "ON_DEMAND"

// What has been written to a shard since this process started. Threads: any.
struct ShardWrites {
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> records{0};
};

struct Shard {
  uint32_t index = 0;  // "shardId-" + 12 digits
  ShardId log_id{};
  HashKey first_hash_key = 0;  // inclusive
  HashKey last_hash_key = 0;   // inclusive
  int64_t created_s = 0;       // part of every sequence number of the shard
  std::optional<uint32_t> parent;
  std::optional<uint32_t> adjacent_parent;
  bool open = true;
  TimeMs closed_ms = 0;        // closed shards only
  std::optional<Counter> end;  // closed shards only: the counter past the last record
  // Open shards of on-demand streams and of those with enhanced monitoring; nullptr: not counted.
  std::shared_ptr<ShardWrites> writes;

  std::string id() const;
};

// A registered consumer of a stream. How clients see it: streams/consumer.h.
struct Consumer {
  int64_t id = 0;  // 0: not stored yet
  std::string name;
  TimeMs created_ms = 0;
  std::map<std::string, std::string> tags;
  std::optional<TimeMs> deregistered_ms;  // in memory only: shown as DELETING for a while
  friend bool operator==(const Consumer&, const Consumer&) = default;
};

// One state of a stream. Constant: a change makes a new one.
struct Stream {
  StreamKey key;
  int64_t generation = 0;  // differs from a deleted stream of the same name
  StreamStatus status = StreamStatus::kCreating;
  StreamMode mode = StreamMode::kProvisioned;
  int64_t created_ms = 0;
  int32_t retention_hours = 24;
  int32_t max_record_kib = 1024;
  std::optional<int32_t> warm_throughput_mibps;  // as asked for; on-demand streams only
  std::map<std::string, std::string> tags;
  std::vector<std::string> shard_level_metrics;  // names of enhanced monitoring, as asked for
  std::string encryption_key_id;  // of the master key, as asked for; empty: not encrypted
  // Resource policies: of the stream (nullptr: none), and of its consumers by their ARN.
  std::shared_ptr<const std::string> policy;
  std::map<std::string, std::shared_ptr<const std::string>> consumer_policies;
  std::shared_ptr<StreamActivity> activity;  // the same for all states; nullptr: not counted
  // By index; closed ones too, until their retention has ended. Empty while kCreating.
  std::vector<Shard> shards;
  std::vector<uint32_t> open_by_hash_key;  // positions in `shards` of the open ones, ascending
  std::vector<HashKey> first_hash_keys;    // of each of them
  std::vector<Consumer> consumers;         // by id

  // Whether records can be put to and read from it.
  bool has_records() const {
    return status == StreamStatus::kActive || status == StreamStatus::kUpdating;
  }
  const Shard* find_shard(std::string_view id) const;
  // The open shard whose range holds `hash_key`. Not while kCreating.
  const Shard& route(HashKey hash_key) const;
  std::vector<const Shard*> children(uint32_t index) const;
  // Fills open_by_hash_key and first_hash_keys from `shards`; the open ones cover every hash key
  // once.
  void index_open_shards();
};

// Threads: find() from any thread without waiting for a change; changes are serialised.
class Catalog {
 public:
  virtual ~Catalog() = default;
  // nullptr if there is none.
  virtual std::shared_ptr<const Stream> find(const StreamKey& key) const = 0;
  // Those of one account and region, by name.
  virtual std::vector<std::shared_ptr<const Stream>> list(std::string_view account,
                                                          std::string_view region) const = 0;
  // Completes when the stream differs from `seen` (another state, or gone), or at `timeout`.
  virtual awaitable<> wait_for_change(StreamKey key, std::shared_ptr<const Stream> seen,
                                      std::chrono::milliseconds timeout) = 0;
};

}  // namespace millstream::streams
