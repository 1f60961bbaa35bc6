// Firehose with what it needs of this server: its pool, the lake, the S3 client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/metrics.h"
#include "base/object_store.h"
#include "log/shard_log.h"
#include "meta/meta_store.h"
#include "server/config.h"
#include "streams/catalog.h"
#include "wire/operation.h"

namespace millstream::server {

struct FirehosePartDependencies {
  const ServerConfig& config;
  Env& env;
  ShardLog& log;
  streams::Catalog& catalog;
  MetaStore& meta;
  MetricRegistry& metrics;
};

// Life cycle: open() after the streams are loaded, stop() before the log closes; destroyed after
//             the loops.
class FirehosePart {
 public:
  static Result<std::unique_ptr<FirehosePart>> open(FirehosePartDependencies dependencies);
  ~FirehosePart();

  void register_operations(wire::OperationTable& table);
  // Deletes every delivery stream (reset of a test server).
  awaitable<Result<>> delete_all();
  // What applications deliver to and read from: the buckets' stores (S3: nullptr if none is
  // configured), and the shards that puts of a delivery stream go to.
  ObjectStore& lake();
  ObjectStore* s3();
  Result<std::vector<ShardId>> own_shards(const std::string& account, const std::string& region,
                                          const std::string& name) const;
  // Deliveries end where they are; the plans make it safe. Not on a loop.
  void stop();

 private:
  struct State;
  explicit FirehosePart(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millstream::server
