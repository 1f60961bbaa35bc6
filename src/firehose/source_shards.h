// Which shards a delivery stream reads, and how far it has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "firehose/schema.h"
#include "log/shard_log.h"
#include "streams/catalog.h"

namespace millstream::firehose {

struct SourceShard {
  ShardId id{};
  Counter next = 0;               // where reading goes on
  Counter planned = 0;            // the first counter that no plan covers
  Counter known_tip = 0;          // of the last read; 0: not read since the start
  bool at_tip = false;            // everything that is there has been read
  bool at_end = false;            // and nothing more will come
  std::optional<uint32_t> index;  // in a Kinesis stream
  std::optional<uint32_t> parent;
  std::optional<uint32_t> adjacent_parent;
};

// Threads: one.
class SourceShards {
 public:
  // What is planned already; of a shard without progress everything is still to be read.
  explicit SourceShards(std::span<const ShardProgress> progress);

  // The shards of a DirectPut source.
  void set_own(std::span<const ShardId> shards);
  // Those that the stream has now; nullptr: it is gone. New ones are children of shards that
  // are known, or of a new stream of that name: they are read from their beginning. Returns
  // shards that have gone, as they were last.
  std::vector<SourceShard> follow(std::shared_ptr<const streams::Stream> stream);

  // Those whose parents have been read to their end, in an order that gives each its turn.
  std::vector<SourceShard*> readable();
  SourceShard* find(ShardId id);
  bool all_at_tip() const;

 private:
  bool is_readable(const SourceShard& shard) const;
  bool is_read_to_end(std::optional<uint32_t> index) const;
  SourceShard make(ShardId id) const;
  void set(std::vector<SourceShard> shards);

  std::vector<ShardProgress> progress_;  // by shard
  std::vector<SourceShard> shards_;      // of a Kinesis stream: by index
  std::unordered_map<ShardId, size_t> places_;
  std::shared_ptr<const streams::Stream> followed_;
  size_t turn_ = 0;
};

}  // namespace millstream::firehose
