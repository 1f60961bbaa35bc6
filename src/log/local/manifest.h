// What the log's files mean: replaced atomically with every checkpoint.
#pragma once

#include <string>
#include <vector>

#include "base/env.h"
#include "log/local/data_block.h"
#include "log/local/journal_format.h"
#include "log/local/shard_state.h"
#include "log/local/writer_table.h"

namespace millstream::local {

struct ManifestShard {
  ShardId id{};
  ShardOptions options;
  Counter next = 0;
  Counter trim = 0;
  TimeMs arrival_ms = 0;
  bool sealed = false;
  std::vector<DamagedRange> damaged;
};

struct ManifestFile {
  uint64_t id = 0;
  DataKind kind = DataKind::kPack;
  bool closed = false;
  bool tiered = false;      // in the object store
  uint32_t merges = 0;      // packs: how often its records were merged
  ShardId shard{};          // segments only
  TimeMs retention_ms = 0;  // packs: of its shards
  uint64_t length = 0;      // durable bytes; what lies behind does not count
  TimeMs first_arrival_ms = 0;
  TimeMs last_arrival_ms = 0;
  Counter first = 0;  // segments only
  Counter end = 0;    // segments only
};

struct Manifest {
  uint64_t epoch = 0;
  Lsn position = 1;  // of the first frame whose effects are not in here
  // The newest journal file of a log that was closed in good order: nothing follows
  // `position`, unless a newer file exists. 0: not closed.
  uint64_t closed_generation = 0;
  uint64_t next_file_id = 1;
  std::vector<ManifestShard> shards;
  std::vector<ManifestFile> files;
  std::vector<std::pair<uint64_t, WriterState>> writers;
};

std::string encode_manifest(const Manifest& manifest);
// kCorruption: `path` is for the message.
Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path);

}  // namespace millstream::local
