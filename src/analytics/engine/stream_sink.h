// Rows as records of a stream or of a delivery stream, encoded straight into log batches.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "analytics/engine/sink.h"
#include "analytics/formats/format.h"

namespace millstream::analytics {

// The shards that rows go to. A constant snapshot, replaced between batches.
struct SinkTargets {
  struct Target {
    ShardId shard{};
    unsigned __int128 first_hash_key = 0;
    unsigned __int128 last_hash_key = 0;
    std::string key;  // a partition key whose hash lies in the shard
  };
  std::vector<Target> targets;  // by hash key
  size_t of_partition_key(std::string_view key) const;
};

// Which shard a row goes to, so that rows that belong together stay in order:
// - PARTITIONED BY: the columns' texts, joined by '|' ('sink.partitioner-field-delimiter'), are
//   the partition key, as in Flink's connector;
// - else rows that are spread by a key go by its hash;
// - else they go by the shard they came from.
class StreamSink final : public Sink {
 public:
  StreamSink(const PlanNode& node, SinkContext context);

  awaitable<Result<>> open() override;
  Result<std::unique_ptr<SinkWriter>> writer(uint32_t partition, OperatorState& state) override;
  awaitable<Result<std::vector<ShardBody>>> reroute(ShardBody sealed) override;
  bool owns(ShardId shard) const override;

 private:
  friend class StreamWriter;
  awaitable<Result<std::shared_ptr<const SinkTargets>>> find_targets();

  std::shared_ptr<const Table> table_;
  Schema schema_;
  SinkContext context_;
  std::string stream_;
  std::string delimiter_;
  std::shared_ptr<const InputStream> seen_;
  std::shared_ptr<const SinkTargets> targets_;
  std::vector<ShardId> owned_;
};

// The stream that a table stands for: 'stream.arn' or 'stream', else the table's name.
std::string stream_of(const Table& table);

}  // namespace millstream::analytics
